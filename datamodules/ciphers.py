"""Ciphers to be broken without pairs, and the first of them: word substitution.

Both sides share one vocabulary, and padding stays padding. Training holds plain sentences and, of
other sentences, the enciphered form; validation and test hold both forms of each sentence.
"""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torchmetrics import Metric

from datamodules.arrow import Corpus
from datamodules.corpus import CorpusDataModule
from datamodules.keys import Key, substitution
from datamodules.lines import read_lines
from datamodules.text import frequent_words, words_of
from datamodules.yelp import Yelp
from textgan_bench.interfaces import Sentence, Split
from textgan_bench.metrics import CorpusBLEU, TokenAccuracy
from textgan_bench.tokens import Batch, CipherBatch, Vocabulary, pad_sequences


class CipherDataModule(CorpusDataModule):
    """Yields ``CipherBatch``; samples are judged against the plain text.

    Decipherments of the test sentences, in their order, are judged against their own as well.
    """

    def aligned(self, split: Split) -> list[Sentence] | None:
        return self.sentences(split)

    def build_metrics(
        self, references: list[Sentence], train: list[Sentence] | None
    ) -> list[Metric]:
        return [*super().build_metrics(references, train), TokenAccuracy(), CorpusBLEU()]

    @abstractmethod
    def key_for(self, vocab_size: int) -> Key:
        """The key over a vocabulary of this size."""

    @property
    def key(self) -> Key:
        """What turned plain text into cipher text: with it every score has its ceiling."""
        return self.key_for(self.vocab_size)

    def encipher(
        self,
        vocabulary: Vocabulary,
        plain: Sequence[Sequence[int]],
        other: Sequence[Sequence[int]],
        held_out: dict[Split, Sequence[Sequence[int]]],
    ) -> dict[Split, Batch]:
        """Training sides of different sentences, paired at random, and aligned held-out text."""
        key, n = self.key_for(len(vocabulary)), min(len(plain), len(other))
        order = torch.randperm(len(other), generator=torch.Generator().manual_seed(0))[:n].tolist()
        visible = pad_sequences(plain[:n], self.max_length)
        hidden = key.encipher(pad_sequences([other[row] for row in order], self.max_length))
        splits: dict[Split, Batch] = {"train": CipherBatch(*visible, *hidden)}
        for split, sentences in held_out.items():
            tokens = pad_sequences(sentences, self.max_length)
            splits[split] = CipherBatch(*tokens, *key.encipher(tokens))
        return splits


class WordSub(CipherDataModule, Yelp):
    """Word substitution over Yelp sentences: each word is always replaced by the same other one.

    Yang et al. (2018) and He et al. (2020): 200,000 sentences a side without pairs, 5,000 pairs for
    validation and for test, 9,445 words. Their files are not public; these are built to the same
    sizes of all distinct sentences of the files of ``Yelp``, whatever their label. No sentence is
    in two splits or on both sides of training.
    """

    TITLE: ClassVar[str] = "word substitution over Yelp sentences"
    SIDE: ClassVar[int] = 200_000
    PAIRS: ClassVar[int] = 5_000

    def __init__(
        self,
        data_dir: str | Path | None = None,
        words: int = 9_445,
        max_length: int = 15,
        batch_size: int = 64,
        batches_per_epoch: int | None = None,
    ) -> None:
        super().__init__(data_dir, words, max_length, batch_size, batches_per_epoch)

    def key_for(self, vocab_size: int) -> Key:
        return substitution(vocab_size)

    def read(self) -> Corpus:
        lines = dict.fromkeys(line for path in self.files() for line in read_lines(path))
        text: list[Sentence] = [words for words in words_of(lines) if words]
        vocabulary = frequent_words(text, self.words)
        encoded = dict.fromkeys(tuple(vocabulary.encode(words)) for words in text)
        pool = [sentence[: self.max_length] for sentence in encoded]
        order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(0)).tolist()
        shuffled = [pool[row] for row in order]
        held_out: dict[Split, Sequence[Sequence[int]]] = {
            "validation": shuffled[: self.PAIRS],
            "test": shuffled[self.PAIRS : 2 * self.PAIRS],
        }
        train = shuffled[2 * self.PAIRS : 2 * (self.PAIRS + self.SIDE)]
        splits = self.encipher(vocabulary, train[0::2], train[1::2], held_out)
        sizes = ", ".join(f"{len(tokens.ids):,} {split}" for split, tokens in splits.items())
        return Corpus(
            vocabulary,
            splits,
            f"{self.title}: {sizes} (training: a side); {len(vocabulary) - 2:,} words",
        )

    @property
    def title(self) -> str:
        return self.TITLE
