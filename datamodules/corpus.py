"""What a data set is: text that can be read, and the way it is judged.

A corpus of files is found or downloaded, encoded once and held in memory-mapped tables.
"""

import hashlib
import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from datamodules import sources
from datamodules.arrow import Encoded, is_complete, read_encoded, write_encoded
from datamodules.judging import Judging
from datamodules.sources import Source
from textgan_bench.errors import MissingError
from textgan_bench.files import locked, named
from textgan_bench.interfaces import TextDataModule
from textgan_bench.tokens import Batch, Sentence, TokenBatch, Vocabulary


class Loaded(NamedTuple):
    """A corpus that was read."""

    revision: str
    """Hash of all that shapes it; two records compare only if it is the same."""
    encoded: Encoded


class Corpus(ABC):
    """Text of a data set; a data set is a frozen dataclass of its options."""

    DISJOINT: ClassVar[bool] = True
    """Whether no sentence of a split is in a later one: train, validation, test."""
    OURS: ClassVar[bool] = False
    """Whether the project makes this text itself, so that sentences of it may be handed on."""
    own_revision: ClassVar[int] = TextDataModule.own_revision
    max_length: int
    """T, the longest sentence."""

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """V, padding counted."""

    @property
    def judging(self) -> Judging:
        """How samples are judged."""
        return Judging()

    @property
    def tokenisation(self) -> str:
        """What ``split_line`` does, in a word."""
        return TextDataModule.tokenisation

    @cached_property
    def loaded(self) -> Loaded:
        """The text, read when it is first asked for."""
        return self.load()

    @abstractmethod
    def load(self) -> Loaded:
        """Read the text."""

    def prepare(self) -> None:
        """Do on one process of a machine what ``load`` of the others needs."""
        _ = self.loaded

    def training_groups(self, train: Batch) -> list[Tensor]:
        """Rows of the training split of which every batch holds equally many from each."""
        return [torch.arange(len(train.ids))]

    def split_line(self, line: str) -> Sentence:
        """Words of a line to be scored, split as the text is; ``text`` is left as it is."""
        return line.split()

    def text(self, samples: TokenBatch, vocabulary: Vocabulary) -> list[Sentence]:
        """What a method wrote, as it is scored and stored."""
        return vocabulary.decode_batch(samples)


@dataclass(frozen=True)
class FileCorpus(Corpus):
    """A corpus of files, which lie in a folder or are downloaded.

    They are encoded once, and the Arrow tables that come of it are mapped into memory from then on.

    Args:
        data_dir: folder of the files; if None they are downloaded into the folder ``FOLDER`` of
            ``data``.

    Raises:
        MissingError: the folder is missing; later, a file is, or cannot be downloaded.
        UserError: later, a file is damaged.
    """

    FOLDER: ClassVar[str]
    TITLE: ClassVar[str]
    """What text this is."""
    SOURCES: ClassVar[dict[str, Source]] = {}
    """Where each file is downloaded from."""
    CUT: ClassVar[bool] = False
    """Whether longer sentences are cut at T, and not left out."""

    data_dir: str | Path | None = None

    def __post_init__(self) -> None:
        if self.data_dir is not None and not Path(self.data_dir).exists():
            raise MissingError(
                f"data_dir {self.data_dir} is not there; leave it out to download into "
                f"{sources.ROOT / self.FOLDER}"
            )

    @property
    def folder(self) -> Path:
        return sources.ROOT / self.FOLDER if self.data_dir is None else Path(self.data_dir)

    @property
    def title(self) -> str:
        """What text this is, and for what it stands in."""
        return self.TITLE

    @property
    def settings(self) -> dict[str, Any]:
        """Options that shape the data read, as part of the revision."""
        names = {field.name for field in fields(self)} - {"data_dir"}
        return {name: getattr(self, name) for name in names}

    def fits(self, sentence: Sentence) -> bool:
        """Whether a sentence of this length is kept."""
        return self.CUT or len(sentence) <= self.max_length

    @abstractmethod
    def files(self) -> tuple[Path, ...]:
        """The files that are read.

        Raises:
            MissingError: one is missing.
        """

    @abstractmethod
    def read(self) -> Encoded:
        """Read, check and encode the files."""

    def fetch(self) -> None:
        """Download what is missing of ``SOURCES`` into ``folder``."""
        for name, source in self.SOURCES.items():
            if not (self.folder / name).exists():
                sources.download(source, self.folder / name)

    def choose(self, published: Sequence[str], stand_in: Sequence[str] = ()) -> tuple[Path, ...]:
        """The published files, or where they are incomplete those that stand in for them.

        Raises:
            MissingError: neither is complete.
        """
        names = [published, stand_in] if stand_in else [published]
        sets = [tuple(self.folder / name for name in files) for files in names]
        for files in sets:
            if all(path.is_file() for path in files):
                return files
        # name the missing files of the set that is nearer to complete
        wanted = max(sets, key=lambda files: sum(path.is_file() for path in files))
        missing = ", ".join(path.name for path in wanted if not path.is_file())
        other = f", or the stand-in {', '.join(stand_in)}" if stand_in else ""
        raise MissingError(
            f"{self.folder} lacks {missing}; it must hold {', '.join(published)}{other}; leave "
            "data_dir out to download the published files"
        )

    def is_there(self) -> bool:
        """Whether the files can be read as they are."""
        try:
            return bool(self.files())
        except FileNotFoundError:
            return self.data_dir is not None

    def prepare(self) -> None:
        """Download and encode, if it has not been done."""
        if self.data_dir is None:
            with locked(self.folder), named(str(self.folder)):
                if not self.is_there():
                    self.fetch()
        super().prepare()

    def load(self) -> Loaded:
        """Map the encoded corpus into memory, after encoding it if that is not done."""
        files = self.files()
        if self.data_dir is None:
            sources.verify(files, self.SOURCES)
        revision = fingerprint(files, self.settings)
        place = sources.ROOT / "encoded" / f"{type(self).__name__.lower()}-{revision}"
        # What was encoded by other code is not reused.
        folder = place / fingerprint(sorted(Path(__file__).parent.glob("*.py")))
        with locked(place):  # until it is mapped, from where on it may be removed
            if not is_complete(folder):
                encoded = self.read()
                for outdated in place.iterdir():
                    shutil.rmtree(outdated, ignore_errors=True)
                write_encoded(folder, encoded)
            return Loaded(revision, read_encoded(folder))


def fingerprint(files: Iterable[Path], settings: dict[str, Any] | None = None) -> str:
    """Short hash of the names and contents of ``files``, and of what shapes the data read."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    if settings:
        digest.update(json.dumps(settings, sort_keys=True).encode())
    return digest.hexdigest()[:12]
