"""The Brown corpus (Francis and Kučera, 1979) as cipher text over its most frequent words."""

import gzip
import io
import re
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, ClassVar

from datamodules.arrow import Encoded
from datamodules.ciphers import encipher
from datamodules.corpus import FileCorpus
from datamodules.counted import unseen, words_of
from datamodules.judging import Judging, Paired
from datamodules.keys import Key, vigenere
from datamodules.lines import read_lines
from datamodules.names import NLTK_DATA
from datamodules.sources import Source, fetched, keep
from textgan_bench.errors import UserError
from textgan_bench.interfaces import Split
from textgan_bench.tokens import PAD_TOKEN, UNKNOWN_TOKEN, Sentence, Vocabulary

ARCHIVE, SENTENCES = "brown.zip", "sentences.txt.gz"
BROWN = {
    ARCHIVE: Source(
        f"{NLTK_DATA}/{ARCHIVE}",
        "9b275f9b3b95d7bd66ccfb7cd259f445a13bbe5d1f4107aba09fd3e8364bafa6",
    )
}
WORDS, DIGITS = 200, (3, 4, 5)
_MEMBER = re.compile(r"c[a-r]\d\d")


def fetch_brown(folder: Path, source: Source) -> None:
    """Fetch the tagged corpus and keep its sentences, without tags, one a line.

    Raises:
        MissingError: the archive cannot be fetched.
        UserError: it is not the published one.
    """
    content = io.BytesIO(fetched(source, folder / ARCHIVE))
    try:
        text = untagged(content)
    except zipfile.BadZipFile as error:
        raise UserError(f"{source.url} is not the published archive: {error}") from error
    keep(folder / SENTENCES, gzip.compress(text.encode(), mtime=0))


def untagged(archive: Path | IO[bytes]) -> str:
    """The sentences of ``word/tag`` files ca01 to cr09, one a line."""
    with zipfile.ZipFile(archive) as opened:
        names = sorted(name for name in opened.namelist() if _MEMBER.fullmatch(Path(name).name))
        lines = (line for name in names for line in opened.read(name).decode().split("\n"))
        sentences = ([pair.rpartition("/")[0] for pair in line.split()] for line in lines)
        return "".join(f"{' '.join(words)}\n" for words in sentences if words)


@dataclass(frozen=True)
class BrownW200(FileCorpus):
    """Vigenère over the 200 most frequent words of the Brown corpus, as CipherGAN splits it.

    Gomez et al. (2018), "Unsupervised cipher cracking using discrete GANs": lower case, other words
    ``<unk>`` and enciphered too, key digits 3, 4, 5 from the start of each sentence. Training is
    the first 51,606 sentences, even ones plain and odd ones enciphered, test the last 11,468: **the
    published split, in which 5,734 sentences are in both.** Models are selected on training text
    (Huang et al., 2021, A.6.2), so validation is 5,000 sentences of training.
    """

    FOLDER = "brown"
    TITLE = "BrownW-200 in the published split, of which 5,734 sentences are in both"
    SOURCES = BROWN
    DISJOINT = False
    SLICES: ClassVar[dict[Split, slice]] = {
        "train": slice(51_606),
        "validation": slice(5_000),
        "test": slice(-11_468, None),
    }
    vocab_size = WORDS + 2
    max_length = 100

    @property
    def judging(self) -> Judging:
        return Paired()

    def key_for(self, vocab_size: int) -> Key:
        """What turns plain text into cipher text: with it every score has its ceiling."""
        return vigenere(DIGITS, vocab_size)

    def fetch(self) -> None:
        fetch_brown(self.folder, BROWN[ARCHIVE])

    def files(self) -> tuple[Path, ...]:
        return self.choose((SENTENCES,))

    def read(self) -> Encoded:
        (path,) = self.files()
        text = [[word.lower() for word in words] for words in words_of(read_lines(path))]
        vocabulary = first_come(text, WORDS)
        sentences = [vocabulary.encode(words)[: self.max_length] for words in text]
        parts = {split: sentences[rows] for split, rows in self.SLICES.items()}
        train = parts.pop("train")
        held_out: dict[Split, Sequence[Sequence[int]]] = {**parts}
        if self.DISJOINT:
            new = unseen(held_out["validation"], held_out["test"])
            held_out["validation"] = [held_out["validation"][row] for row in new]
            rows = unseen(train, chain.from_iterable(held_out.values()))
            train = [train[row] for row in rows]
        key = self.key_for(len(vocabulary))
        splits = encipher(key, self.max_length, train[0::2], train[1::2], held_out)
        sizes = ", ".join(f"{len(tokens.ids):,} {split}" for split, tokens in splits.items())
        return Encoded(vocabulary, splits, f"{self.TITLE}: {sizes} (training: a side)")


@dataclass(frozen=True)
class BrownW200Clean(BrownW200):
    """The same cipher with splits that share nothing.

    The first 80 % of the sentences for training, a tenth for validation and the last for test; a
    training sentence that occurs in one of them, in its 200 words, is left out.
    """

    TITLE = "BrownW-200 in splits that share nothing"
    DISJOINT = True
    SLICES: ClassVar[dict[Split, slice]] = {
        "train": slice(45_872),
        "validation": slice(45_872, 51_606),
        "test": slice(51_606, None),
    }


def first_come(text: Sequence[Sentence], words: int) -> Vocabulary:
    """The most frequent words in the order of their first appearance: CipherGAN's numbers."""
    frequent = {word for word, _ in Counter(chain.from_iterable(text)).most_common(words)}
    seen = dict.fromkeys(word for word in chain.from_iterable(text) if word in frequent)
    return Vocabulary((PAD_TOKEN, UNKNOWN_TOKEN, *seen))
