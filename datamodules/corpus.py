"""Corpora of files: found or downloaded, read, encoded once, and held in memory-mapped tables."""

import hashlib
import json
import shutil
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torchmetrics import Metric

from datamodules import sources
from datamodules.arrow import Corpus, is_complete, read_corpus, write_corpus
from datamodules.batches import select
from datamodules.in_memory import InMemoryDataModule
from datamodules.sources import Source
from textgan_bench.errors import MissingError, UserError
from textgan_bench.files import locked, named
from textgan_bench.interfaces import Halves, Sentence
from textgan_bench.metrics.profiles import DEFAULT, build_profile
from textgan_bench.tokens import TokenBatch


def hold_out(tokens: TokenBatch, size: int, path: Path) -> tuple[TokenBatch, TokenBatch]:
    """Training and validation sentences of a file, always the same ``size`` of it for validation.

    Raises:
        UserError: none would be left for training.
    """
    lines = len(tokens.ids)
    if lines <= size:
        raise UserError(
            f"{path} has {lines} lines: {size} are taken for validation and none would be left for "
            "training"
        )
    order = torch.randperm(lines, generator=torch.Generator().manual_seed(0))
    train, validation = (
        TokenBatch(*(column[rows] for column in tokens)) for rows in (order[size:], order[:size])
    )
    return train, validation


def fingerprint(files: Iterable[Path], settings: dict[str, Any] | None = None) -> str:
    """Short hash of the names and contents of ``files``, and of what shapes the data read."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    if settings:
        digest.update(json.dumps(settings, sort_keys=True).encode())
    return digest.hexdigest()[:12]


class CorpusDataModule(InMemoryDataModule):
    """A corpus judged by n-gram scores against its held-out text.

    Its files lie in ``data_dir``, or are downloaded into the folder ``FOLDER`` of ``data``. They
    are encoded once, and the Arrow tables that come of it are mapped into memory from then on.

    Args:
        data_dir: folder of the files; if None they are downloaded.
        vocab_size: V, padding counted.
        max_length: T.
        batch_size: sentences a batch.
        batches_per_epoch: one pass over the data if None.

    Raises:
        MissingError: the folder or a file is missing, or cannot be downloaded.
        UserError: a size is not positive; later, a file is damaged.
    """

    FOLDER: ClassVar[str]
    SOURCES: ClassVar[dict[str, Source]]

    def __init__(
        self,
        data_dir: str | Path | None,
        vocab_size: int,
        max_length: int,
        batch_size: int,
        batches_per_epoch: int | None,
    ) -> None:
        super().__init__(vocab_size, max_length, batch_size, batches_per_epoch)
        self.data_dir: Path | None = None  # until it is known to be there
        if data_dir is not None and not Path(data_dir).exists():
            raise MissingError(
                f"data_dir {data_dir} is not there; leave it out to download into {self.folder}"
            )
        self.data_dir = None if data_dir is None else Path(data_dir)

    @property
    def folder(self) -> Path:
        return self.data_dir or sources.ROOT / self.FOLDER

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments that shape the data read, as part of the revision."""
        return {}

    @abstractmethod
    def files(self) -> tuple[Path, ...]:
        """The files that are read.

        Raises:
            MissingError: one is missing.
        """

    @abstractmethod
    def read(self) -> Corpus:
        """Read and check the files."""

    def fetch(self) -> None:
        """Download what is missing of ``SOURCES`` into ``folder``."""
        for name, source in self.SOURCES.items():
            if not (self.folder / name).exists():
                sources.download(source, self.folder / name)

    def choose(self, published: Sequence[str], stand_in: Sequence[str]) -> tuple[Path, ...]:
        """The published files, or where they are incomplete those that stand in for them.

        Raises:
            MissingError: neither is complete.
        """
        sets = [
            tuple(self.folder / name for name in published),
            tuple(self.folder / name for name in stand_in),
        ]
        for files in sets:
            if all(path.is_file() for path in files):
                return files
        # name the missing files of the set that is nearer to complete
        wanted = max(sets, key=lambda files: sum(path.is_file() for path in files))
        missing = ", ".join(path.name for path in wanted if not path.is_file())
        raise MissingError(
            f"{self.folder} lacks {missing}; it must hold {', '.join(published)}, or the stand-in "
            f"{', '.join(stand_in)}; leave data_dir out to download the published files"
        )

    def is_there(self) -> bool:
        """Whether the files can be read as they are."""
        try:
            return bool(self.files())
        except FileNotFoundError:
            return self.data_dir is not None

    def prepare_data(self) -> None:
        """Download and encode, if it has not been done."""
        if self.data_dir is None:
            with locked(self.folder), named(str(self.folder)):
                if not self.is_there():
                    self.fetch()
        self.load()

    def setup(self, stage: str | None = None) -> None:
        self.load()

    def load(self) -> None:
        """Map the encoded corpus into memory, after encoding it if that is not done."""
        if self.splits:
            return
        files = self.files()
        if self.data_dir is None:
            sources.verify(files, self.SOURCES)
        self.revision = fingerprint(files, self.settings)
        encoded = sources.ROOT / "encoded" / f"{type(self).__name__.lower()}-{self.revision}"
        # What was encoded by other code is not reused.
        folder = encoded / fingerprint(sorted(Path(__file__).parent.glob("*.py")))
        with locked(encoded):  # until it is mapped, from where on it may be removed
            if not is_complete(folder):
                corpus = self.read()
                for outdated in encoded.iterdir():
                    shutil.rmtree(outdated, ignore_errors=True)
                write_corpus(folder, corpus)
            corpus = read_corpus(folder)
        self.splits, self.vocabulary = corpus.splits, corpus.vocabulary
        self.source = corpus.source

    def build_metrics(
        self, references: list[Sentence], train: list[Sentence] | None
    ) -> list[Metric]:
        scores = build_profile(DEFAULT, references, self.vocabulary, train=train)
        return [*scores, self.fed(references)]

    def halves(self) -> Halves | None:
        test = self.sentences("test")
        if len(test) < 4:  # a spread needs two of a half
            return None
        order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0)).tolist()
        shuffled = [test[row] for row in order]
        size = len(test) // 2
        samples, references = shuffled[:size], shuffled[size : 2 * size]
        return Halves(samples, references, self.judged_by(references, self.sentences("train")))

    def anchors(self, n: int, seed: int = 0) -> dict[str, list[Sentence]]:
        """``real``: training text, without repetition; ``unigram`` and ``uniform`` words.

        Where training is smaller than ``n``, validation text is drawn too.

        Raises:
            UserError: ``n`` exceeds both together.
        """
        known = self.splits["train"]
        if n > len(known.ids):
            pairs = zip(known, self.splits["validation"], strict=True)
            known = type(known)(*(torch.cat(pair) for pair in pairs))
        if n > len(known.ids):
            raise UserError(
                f"{n} real sentences were asked for, training and validation have {len(known.ids)}"
            )
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randperm(len(known.ids), generator=generator)[:n]
        real = self.decode(select(known, rows))
        return {"real": real} | self.frequency_anchors(n, generator)
