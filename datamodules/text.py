"""Corpora whose vocabulary is counted, and the user's own text."""

import hashlib
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Sized
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from nltk.tokenize import NLTKWordTokenizer
from tqdm import tqdm

from datamodules.arrow import Corpus
from datamodules.corpus import CorpusDataModule
from textgan_bench.errors import UserError
from textgan_bench.interfaces import Sentence, Split
from textgan_bench.tokens import (
    PAD_TOKEN,
    UNKNOWN_TOKEN,
    Batch,
    Vocabulary,
    pad_sequences,
)

Line = TypeVar("Line", bound=Sized)

HELD_OUT = 5_000
"""Sentences of validation and of test where the source leaves it open: those of NAGAN (A.4.3)."""


def tokenise(lines: Sequence[str]) -> list[Sentence]:
    """Words and punctuation marks, by the word tokeniser of NLTK, which Texygen uses too."""
    split = NLTKWordTokenizer().tokenize
    return [split(line) for line in tqdm(lines, "splitting words", disable=None, delay=2)]


def words_of(lines: Iterable[str]) -> list[Sentence]:
    """Words of lines in which blanks separate them already."""
    return [line.split() for line in lines]


def frequent_words(sentences: Iterable[Sentence], words: int) -> Vocabulary:
    """``<unk>`` and the most frequent words, ties in alphabetical order."""
    counts = Counter(chain.from_iterable(sentences))
    for symbol in (PAD_TOKEN, UNKNOWN_TOKEN):
        counts.pop(symbol, None)
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return Vocabulary((PAD_TOKEN, UNKNOWN_TOKEN, *ranked[:words]))


def chosen(
    lines: Sequence[Line], n: int, fits: Callable[[Line], bool] = bool
) -> tuple[list[Line], list[Line]]:
    """Always the same ``n`` of the lines that fit, and the others, each in their order."""
    order = torch.randperm(len(lines), generator=torch.Generator().manual_seed(0)).tolist()
    taken = set([row for row in order if fits(lines[row])][:n])
    return (
        [line for row, line in enumerate(lines) if row in taken],
        [line for row, line in enumerate(lines) if row not in taken],
    )


def unseen(train: Sequence[Sequence[int]], held_out: Iterable[Sequence[int]]) -> list[int]:
    """Rows of ``train`` that are none of the ``held_out`` sentences, as a model sees them."""
    seen = set(map(tuple, held_out))
    return [row for row, sentence in enumerate(train) if tuple(sentence) not in seen]


def split_of(sentence: Sentence) -> Split:
    """Where a sentence goes, by a hash of its words: a tenth to validation and to test each."""
    digest = hashlib.sha256(" ".join(sentence).encode()).digest()
    part = int.from_bytes(digest[:8], "big") % 10
    return "test" if part == 0 else "validation" if part == 1 else "train"


class TextCorpus(CorpusDataModule):
    """Sentences over the most frequent words of training and validation, the others ``<unk>``.

    ``vocab_size`` is that of the text where its files are at hand, else the announced one.

    Args:
        data_dir: folder of the files; if None they are downloaded.
        words: in the vocabulary, at most.
        max_length: T; longer sentences are cut, or left out (``CUT``).
        batch_size: sentences a batch.
        batches_per_epoch: one pass over the data if None.

    Raises:
        FileNotFoundError: the folder or a file is missing, or cannot be downloaded.
        UserError: a size is not positive, or a file is damaged.
    """

    TITLE: ClassVar[str]
    CUT: ClassVar[bool] = False

    def __init__(
        self,
        data_dir: str | Path | None,
        words: int,
        max_length: int,
        batch_size: int,
        batches_per_epoch: int | None,
    ) -> None:
        self.words = words
        super().__init__(data_dir, words + 2, max_length, batch_size, batches_per_epoch)
        if self.is_there():
            self.load()
            self.vocab_size = len(self.vocabulary)

    @property
    def settings(self) -> dict[str, Any]:
        return {"words": self.words, "max_length": self.max_length}

    @abstractmethod
    def texts(self) -> dict[Split, list[Sentence]]:
        """The words of each split."""

    def setup(self, stage: str | None = None) -> None:
        super().setup(stage)
        if len(self.vocabulary) != self.vocab_size:
            raise UserError(
                f"{self.folder} is there now and has {len(self.vocabulary)} symbols, not the "
                f"{self.vocab_size} announced before; run the same command again"
            )

    def read(self) -> Corpus:
        texts, removed = self.texts(), 0
        longer = sum(len(s) > self.max_length for s in chain.from_iterable(texts.values()))
        empty = sum(not sentence for sentence in chain.from_iterable(texts.values()))
        for split, sentences in texts.items():
            fitting = (s[: self.max_length] if self.CUT else s for s in sentences)
            texts[split] = [s for s in fitting if 0 < len(s) <= self.max_length]
        vocabulary = self.build_vocabulary(texts)
        encoded = {split: list(map(vocabulary.encode, texts[split])) for split in texts}
        if self.DISJOINT:
            held_out = encoded["validation"] + encoded["test"]
            rows = unseen(encoded["train"], held_out)
            removed = len(encoded["train"]) - len(rows)
            encoded["train"] = [encoded["train"][row] for row in rows]
            new = unseen(encoded["validation"], encoded["test"])
            encoded["validation"] = [encoded["validation"][row] for row in new]
        for split, sequences in encoded.items():
            if not sequences:
                raise UserError(
                    f"{self.folder} leaves no sentence for {split}; it holds "
                    f"{sum(map(len, texts.values()))} of 1 to {self.max_length} words"
                )
        coverage = share_known(texts["test"], vocabulary)
        source = (
            f"{self.title}: {', '.join(f'{len(encoded[s]):,} {s}' for s in encoded)}; "
            f"{len(vocabulary) - 2:,} words, {coverage:.1%} of the test text; {longer:,} "
            f"{'cut' if self.CUT else 'dropped'} at {self.max_length} words, {empty:,} empty and "
            f"{removed:,} held-out sentences dropped"
        )
        splits: dict[Split, Batch] = {
            split: pad_sequences(sequences, self.max_length) for split, sequences in encoded.items()
        }
        return Corpus(vocabulary, splits, source)

    def build_vocabulary(self, texts: dict[Split, list[Sentence]]) -> Vocabulary:
        return frequent_words(texts["train"] + texts["validation"], self.words)

    def fits(self, sentence: Sentence) -> bool:
        """Whether a sentence of this length is kept."""
        return self.CUT or len(sentence) <= self.max_length

    @property
    def title(self) -> str:
        """What text this is, and for what it stands in."""
        return self.TITLE


def share_known(sentences: Iterable[Sentence], vocabulary: Vocabulary) -> float:
    """Fraction of the words that a vocabulary has."""
    known = set(vocabulary.tokens) - {UNKNOWN_TOKEN}
    hits = [word in known for word in chain.from_iterable(sentences)]
    return sum(hits) / len(hits)
