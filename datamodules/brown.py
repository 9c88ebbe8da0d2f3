"""The Brown corpus (Francis and Kučera, 1979) as cipher text over its most frequent words."""

import gzip
import io
import re
import zipfile
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import IO, ClassVar

from datamodules.arrow import Corpus
from datamodules.ciphers import CipherDataModule
from datamodules.keys import Key, vigenere
from datamodules.lines import read_lines
from datamodules.names import NLTK_DATA
from datamodules.sources import Source, fetched, keep
from datamodules.text import unseen, words_of
from textgan_bench.errors import UserError
from textgan_bench.interfaces import Sentence, Split
from textgan_bench.tokens import PAD_TOKEN, UNKNOWN_TOKEN, Vocabulary

ARCHIVE, SENTENCES = "brown.zip", "sentences.txt.gz"
_MEMBER = re.compile(r"c[a-r]\d\d")


def fetch_brown(folder: Path, source: Source) -> None:
    """Fetch the tagged corpus and keep its sentences, without tags, one a line.

    Raises:
        FileNotFoundError: the archive cannot be fetched.
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


class BrownW200(CipherDataModule):
    """Vigenère over the 200 most frequent words of the Brown corpus, as CipherGAN splits it.

    Gomez et al. (2018), "Unsupervised cipher cracking using discrete GANs": lower case, other words
    ``<unk>`` and enciphered too, key digits 3, 4, 5 from the start of each sentence. Training is
    the first 51,606 sentences, even ones plain and odd ones enciphered, test the last 11,468: **the
    published split, in which 5,734 sentences are in both.** Models are selected on training text
    (Huang et al., 2021, A.6.2), so validation is 5,000 sentences of training.

    Args:
        data_dir: folder of the sentences; downloaded if None.
        batch_size: 64 in CipherGAN.
        batches_per_epoch: one pass over the data if None.

    Raises:
        FileNotFoundError: the folder or a file is missing, or cannot be downloaded.
        UserError: a size is not positive, or a file is damaged.
    """

    FOLDER: ClassVar[str] = "brown"
    SOURCES: ClassVar[dict[str, Source]] = {
        ARCHIVE: Source(
            f"{NLTK_DATA}/{ARCHIVE}",
            "9b275f9b3b95d7bd66ccfb7cd259f445a13bbe5d1f4107aba09fd3e8364bafa6",
        )
    }
    DISJOINT: ClassVar[bool] = False
    TITLE: ClassVar[str] = "BrownW-200 in the published split, of which 5,734 sentences are in both"
    WORDS: ClassVar[int] = 200
    LENGTH: ClassVar[int] = 100
    DIGITS: ClassVar[tuple[int, ...]] = (3, 4, 5)
    TRAIN: ClassVar[slice] = slice(51_606)
    VALIDATION: ClassVar[slice] = slice(5_000)
    TEST: ClassVar[slice] = slice(-11_468, None)

    def __init__(
        self,
        data_dir: str | Path | None = None,
        batch_size: int = 64,
        batches_per_epoch: int | None = None,
    ) -> None:
        super().__init__(data_dir, self.WORDS + 2, self.LENGTH, batch_size, batches_per_epoch)

    def key_for(self, vocab_size: int) -> Key:
        return vigenere(self.DIGITS, vocab_size)

    def fetch(self) -> None:
        fetch_brown(self.folder, self.SOURCES[ARCHIVE])

    def files(self) -> tuple[Path, ...]:
        return self.choose((SENTENCES,), (SENTENCES,))

    def read(self) -> Corpus:
        (path,) = self.files()
        text = [[word.lower() for word in words] for words in words_of(read_lines(path))]
        vocabulary = first_come(text, self.WORDS)
        sentences = [vocabulary.encode(words)[: self.LENGTH] for words in text]
        train = sentences[self.TRAIN]
        held_out: dict[Split, Sequence[Sequence[int]]] = {
            "validation": sentences[self.VALIDATION],
            "test": sentences[self.TEST],
        }
        if self.DISJOINT:
            new = unseen(held_out["validation"], held_out["test"])
            held_out["validation"] = [held_out["validation"][row] for row in new]
            rows = unseen(train, chain.from_iterable(held_out.values()))
            train = [train[row] for row in rows]
        splits = self.encipher(vocabulary, train[0::2], train[1::2], held_out)
        sizes = ", ".join(f"{len(tokens.ids):,} {split}" for split, tokens in splits.items())
        return Corpus(vocabulary, splits, f"{self.TITLE}: {sizes} (training: a side)")


class BrownW200Clean(BrownW200):
    """The same cipher with splits that share nothing.

    The first 80 % of the sentences for training, a tenth for validation and the last for test; a
    training sentence that occurs in one of them, in its 200 words, is left out.
    """

    DISJOINT: ClassVar[bool] = True
    TITLE: ClassVar[str] = "BrownW-200 in splits that share nothing"
    TRAIN: ClassVar[slice] = slice(45_872)
    VALIDATION: ClassVar[slice] = slice(45_872, 51_606)
    TEST: ClassVar[slice] = slice(51_606, None)


def first_come(text: Sequence[Sentence], words: int) -> Vocabulary:
    """The most frequent words in the order of their first appearance: CipherGAN's numbers."""
    frequent = {word for word, _ in Counter(chain.from_iterable(text)).most_common(words)}
    seen = dict.fromkeys(word for word in chain.from_iterable(text) if word in frequent)
    return Vocabulary((PAD_TOKEN, UNKNOWN_TOKEN, *seen))
