"""Ciphers to be broken without pairs, and the first of them: word substitution.

Both sides share one vocabulary, and padding stays padding. Training holds plain sentences and, of
other sentences, the enciphered form; validation and test hold both forms of each sentence. A
decipherment of a test sentence is judged against its own plain text as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from datamodules.arrow import Encoded
from datamodules.counted import CountedCorpus, frequent_words, words_of
from datamodules.judging import Judging, Paired
from datamodules.keys import Key, substitution
from datamodules.lines import read_lines
from datamodules.yelp import PUBLISHED, STAND_IN, Yelp
from textgan_bench.errors import UserError
from textgan_bench.interfaces import Split
from textgan_bench.tokens import Batch, CipherBatch, Sentence, pad_sequences

SIDE, PAIRS = 200_000, 5_000
"""Sentences of a side of training, and of validation and of test, in word substitution."""


def encipher(
    key: Key,
    max_length: int,
    plain: Sequence[Sequence[int]],
    other: Sequence[Sequence[int]],
    held_out: Mapping[Split, Sequence[Sequence[int]]],
) -> dict[Split, Batch]:
    """Training sides of different sentences, paired at random, and aligned held-out text."""
    n = min(len(plain), len(other))
    order = torch.randperm(len(other), generator=torch.Generator().manual_seed(0))[:n].tolist()
    visible = pad_sequences(plain[:n], max_length)
    hidden = key.encipher(pad_sequences([other[row] for row in order], max_length))
    splits: dict[Split, Batch] = {"train": CipherBatch(*visible, *hidden)}
    for split, sentences in held_out.items():
        tokens = pad_sequences(sentences, max_length)
        splits[split] = CipherBatch(*tokens, *key.encipher(tokens))
    return splits


@dataclass(frozen=True)
class WordSub(CountedCorpus):
    """Word substitution over Yelp sentences: each word is always replaced by the same other one.

    Yang et al. (2018) and He et al. (2020): 200,000 sentences a side without pairs, 5,000 pairs for
    validation and for test, 9,445 words. Their files are not public; these are built to the same
    sizes of all distinct sentences of the files of ``Yelp``, whatever their label. No sentence is
    in two splits or on both sides of training.
    """

    FOLDER = Yelp.FOLDER
    TITLE = "word substitution over Yelp sentences"
    SOURCES = Yelp.SOURCES
    words: int = 9_445
    max_length: int = 15

    @property
    def judging(self) -> Judging:
        return Paired()

    def key_for(self, vocab_size: int) -> Key:
        """What turns plain text into cipher text: with it every score has its ceiling."""
        return substitution(vocab_size)

    def files(self) -> tuple[Path, ...]:
        return self.choose(PUBLISHED, STAND_IN)

    def read(self) -> Encoded:
        lines = dict.fromkeys(line for path in self.files() for line in read_lines(path))
        text: list[Sentence] = [words for words in words_of(lines) if words]
        vocabulary = frequent_words(text, self.words)
        encoded = dict.fromkeys(tuple(vocabulary.encode(words)) for words in text)
        pool = [sentence[: self.max_length] for sentence in encoded]
        order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(0)).tolist()
        shuffled = [pool[row] for row in order]
        held_out: dict[Split, Sequence[Sequence[int]]] = {
            "validation": shuffled[:PAIRS],
            "test": shuffled[PAIRS : 2 * PAIRS],
        }
        train = shuffled[2 * PAIRS : 2 * (PAIRS + SIDE)]
        if len(train) < 2:
            raise UserError(
                f"{self.folder} leaves no sentence a side for training: with {self.words:,} words "
                f"it holds {len(pool):,} distinct ones, of which {2 * PAIRS:,} are held out"
            )
        key = self.key_for(len(vocabulary))
        splits = encipher(key, self.max_length, train[0::2], train[1::2], held_out)
        sizes = ", ".join(f"{len(tokens.ids):,} {split}" for split, tokens in splits.items())
        return Encoded(
            vocabulary,
            splits,
            f"{self.title}: {sizes} (training: a side); {len(vocabulary) - 2:,} words",
        )
