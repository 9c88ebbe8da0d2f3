"""The user's own text."""

from pathlib import Path
from typing import Any, ClassVar

from tqdm import tqdm

from datamodules.lines import read_lines
from datamodules.sources import Source
from datamodules.text import TextCorpus, split_of
from datamodules.words import split_words
from textgan_bench.errors import MissingError, UserError
from textgan_bench.interfaces import Sentence, Split
from textgan_bench.tokens import PAD_TOKEN

FITTED = 2 * 128
"""Validation sentences at least: half of them fit the encoder of the Fréchet distance."""


class Text(TextCorpus):
    """Any text: a file of one sentence a line, or a folder with train, valid and test files.

    A single file is split by a hash of the sentence, so that copies of it stay in one split.

    Args:
        data_dir: the file, or the folder of ``.txt`` or ``.txt.gz``.
        words: in the vocabulary, at most.
        max_length: T; longer sentences are left out.
        batch_size: sentences a batch.
        batches_per_epoch: one pass over the data if None.
        tokenised: whether blanks separate the words already; else ``split_words`` does.

    Raises:
        MissingError: there is no such file, or the folder lacks one.
        UserError: a size is not positive, or a file holds no text or too little.
    """

    FOLDER: ClassVar[str] = "text"
    SOURCES: ClassVar[dict[str, Source]] = {}

    def __init__(
        self,
        data_dir: str | Path | None = None,
        words: int = 10_000,
        max_length: int = 40,
        batch_size: int = 64,
        batches_per_epoch: int | None = None,
        tokenised: bool = False,
    ) -> None:
        if data_dir is None:
            raise UserError("own text is named: DATA=path/to/file.txt, or a folder")
        if not Path(data_dir).exists():
            raise MissingError(f"{data_dir} is not there")
        self.tokenised = tokenised
        if not tokenised:
            self.tokenisation = "nltk-by-piece"
        super().__init__(data_dir, words, max_length, batch_size, batches_per_epoch)

    @property
    def title(self) -> str:
        tokenised = ", tokenised" if self.tokenised else ""
        return f"own text {' '.join(self.folder.name.split())}{tokenised}"

    @property
    def settings(self) -> dict[str, Any]:
        return {**super().settings, "tokenisation": self.tokenisation}

    def split_line(self, line: str) -> Sentence:
        return line.split() if self.tokenised else split_words(line)

    def prepare_data(self) -> None:
        """Encode, and refuse before training what could not be scored after it.

        Raises:
            UserError: there are too few validation sentences.
        """
        super().prepare_data()
        held_out = len(self.splits["validation"].ids)
        if held_out < FITTED:
            raise UserError(
                f"{self.folder} gives {held_out} validation sentences, fewer than the {FITTED} of "
                "the Fréchet distance; a single file of 2,800 sentences is enough"
            )

    def files(self) -> tuple[Path, ...]:
        if self.folder.is_file():
            return (self.folder,)
        if not self.folder.is_dir():  # a pipe; a run that goes on reads its text again
            raise UserError(f"{self.folder} is no regular file")
        found = []
        for names in (("train",), ("valid", "validation"), ("test",)):
            paths = [self.folder / f"{name}.txt{end}" for name in names for end in ("", ".gz")]
            found += [path for path in paths if path.is_file()][:1]
        if len(found) < 3:
            raise MissingError(
                f"{self.folder} must hold train.txt, valid.txt and test.txt, plain or .gz"
            )
        return tuple(found)

    def texts(self) -> dict[Split, list[Sentence]]:
        parts = [self._sentences_of(path) for path in self.files()]
        if len(parts) == 3:
            return {"train": parts[0], "validation": parts[1], "test": parts[2]}
        texts: dict[Split, list[Sentence]] = {"train": [], "validation": [], "test": []}
        for sentence in parts[0]:
            texts[split_of(sentence)].append(sentence)
        return texts

    def _sentences_of(self, path: Path) -> list[Sentence]:
        sentences = []
        lines = tqdm(read_lines(path), "splitting words", disable=None, delay=2)
        for number, line in enumerate(lines, start=1):
            sentences.append(self.split_line(line))
            if PAD_TOKEN in sentences[-1]:
                raise UserError(
                    f"{path}, line {number}: {PAD_TOKEN} stands for no word; remove it from the "
                    "ends of sentences"
                )
        return sentences
