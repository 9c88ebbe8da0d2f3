"""Reading text corpora: files, vocabulary, splits, with errors that name the file and the line."""

import gzip
import hashlib
import zlib
from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torchmetrics import Metric

from datamodules.in_memory import InMemoryDataModule
from textgan_bench.interfaces import Sentence, Split
from textgan_bench.metrics.profiles import DEFAULT, build_profile
from textgan_bench.tokens import TokenBatch, Vocabulary, pad_sequences


@dataclass(frozen=True)
class Corpus:
    """What the files of a data set hold."""

    vocabulary: Vocabulary
    train: TokenBatch
    test: TokenBatch
    files: tuple[Path, ...]
    source: str


def read_lines(path: Path) -> list[str]:
    """Lines of a UTF-8 text file, gzipped if its name ends in ``.gz``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty or not UTF-8.
    """
    content = path.read_bytes()
    try:
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        text = content.decode("utf-8")
    except (UnicodeDecodeError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        encoding = "gzipped UTF-8" if path.suffix == ".gz" else "UTF-8"
        raise ValueError(f"{path} is not {encoding} text: {error}; convert it") from error
    if not text.strip():
        raise ValueError(f"{path} is empty")
    return text.removesuffix("\n").split("\n")


def encode_lines(
    path: Path, lines: Iterable[str], encode: Callable[[list[str]], list[int]], max_length: int
) -> TokenBatch:
    """Indices of the sentences of a file, padded to ``max_length``.

    Raises:
        ValueError: a line is empty, too long, or refused by ``encode``.
    """
    sequences = []
    for number, line in enumerate(lines, start=1):
        try:
            sequence = encode(line.split())
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
        if not sequence:
            raise ValueError(f"{path}, line {number}: no words; remove the line")
        if len(sequence) > max_length:
            raise ValueError(
                f"{path}, line {number}: {len(sequence)} words, more than max_length={max_length}; "
                "shorten or remove the line"
            )
        sequences.append(sequence)
    return pad_sequences(sequences, max_length)


def fingerprint(files: Iterable[Path]) -> str:
    """Short hash of the names and contents of ``files``."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


class CorpusDataModule(InMemoryDataModule):
    """A corpus judged by n-gram scores against its held-out text.

    The validation split is taken from the training file, always the same lines of it.
    """

    VALIDATION_SIZE: ClassVar[int]

    @abstractmethod
    def read(self) -> Corpus:
        """Read and check the files."""

    def setup(self, stage: str | None = None) -> None:
        if self.splits:
            return
        corpus = self.read()
        lines = len(corpus.train.ids)
        if lines <= self.VALIDATION_SIZE:
            raise ValueError(
                f"{corpus.files[0]} has {lines} lines: {self.VALIDATION_SIZE} are taken for "
                "validation and none would be left for training"
            )
        order = torch.randperm(lines, generator=torch.Generator().manual_seed(0))
        held_out, kept = order[: self.VALIDATION_SIZE], order[self.VALIDATION_SIZE :]
        self.splits = {
            "train": TokenBatch(*(column[kept] for column in corpus.train)),
            "validation": TokenBatch(*(column[held_out] for column in corpus.train)),
            "test": corpus.test,
        }
        self.vocabulary = corpus.vocabulary
        self.revision = fingerprint(corpus.files)
        self.source = corpus.source

    def build_metrics(self, split: Split) -> list[Metric]:
        return build_profile(
            DEFAULT,
            self.sentences(split),
            self.vocabulary,
            train=self.sentences("train") if split == "test" else None,
            encoder=self.encoder,
        )

    def anchors(self, n: int, seed: int = 0) -> dict[str, list[Sentence]]:
        """``real``: training text, without repetition; ``unigram`` and ``uniform`` words.

        Raises:
            ValueError: ``n`` exceeds the number of training sentences.
        """
        train = self.splits["train"]
        if n > len(train.ids):
            raise ValueError(f"{n} real sentences were asked for, training has {len(train.ids)}")
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randperm(len(train.ids), generator=generator)[:n]
        real = self.decode(TokenBatch(*(column[rows] for column in train)))
        return {"real": real} | self.frequency_anchors(n, generator)
