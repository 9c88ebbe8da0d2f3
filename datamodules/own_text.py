"""The user's own text."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from datamodules.arrow import Encoded
from datamodules.counted import CountedCorpus, split_of
from datamodules.lines import read_lines
from datamodules.words import split_words
from textgan_bench.errors import MissingError, UserError
from textgan_bench.interfaces import Split
from textgan_bench.tokens import PAD_TOKEN, Sentence

FITTED = 2 * 128
"""Validation sentences at least: half of them fit the encoder of the Fréchet distance."""


@dataclass(frozen=True)
class Text(CountedCorpus):
    """Any text: a file of one sentence a line, or a folder with train, valid and test files.

    A single file is split by a hash of the sentence, so that copies of it stay in one split.

    Args:
        data_dir: the file, or the folder of ``.txt`` or ``.txt.gz``.
        words: words in the vocabulary, at most.
        max_length: T; longer sentences are left out.
        tokenised: whether blanks separate the words already; else ``split_words`` does.

    Raises:
        MissingError: there is no such file, or later, the folder lacks one.
        UserError: no text is named; later, a file holds no text or too little.
    """

    FOLDER = "text"
    tokenised: bool = False

    def __post_init__(self) -> None:
        if self.data_dir is None:
            raise UserError("own text is named by its path, as --data path/to/file.txt or a folder")
        if not self.folder.exists():
            raise MissingError(f"{self.data_dir} is not there")

    @property
    def tokenisation(self) -> str:
        return super().tokenisation if self.tokenised else "nltk-by-piece"

    @property
    def title(self) -> str:
        tokenised = ", tokenised" if self.tokenised else ""
        return f"own text {' '.join(self.folder.name.split())}{tokenised}"

    @property
    def settings(self) -> dict[str, Any]:
        split = {"tokenisation": self.tokenisation}
        return {"words": self.words, "max_length": self.max_length} | split

    def split_line(self, line: str) -> Sentence:
        return line.split() if self.tokenised else split_words(line)

    def prepare(self) -> None:
        """Encode, and refuse before training what could not be scored after it.

        Raises:
            UserError: there are too few validation sentences.
        """
        super().prepare()
        held_out = len(self.loaded.encoded.splits["validation"].ids)
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

    def read(self) -> Encoded:
        parts = [self._sentences_of(path) for path in self.files()]
        if len(parts) == 3:
            return self.encode({"train": parts[0], "validation": parts[1], "test": parts[2]})
        texts: dict[Split, list[Sentence]] = {"train": [], "validation": [], "test": []}
        for sentence in parts[0]:
            texts[split_of(sentence)].append(sentence)
        return self.encode(texts)

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
