"""Questions of Yahoo Answers with the topic of each, as ARAE transfers them (Zhao et al., 2018)."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from datamodules.arrow import Encoded
from datamodules.counted import HELD_OUT, CountedCorpus, chosen, tokenise, words_of
from datamodules.judging import Judging, Transfer
from datamodules.lines import read_lines
from datamodules.styles import Labelled, encode_styles, rows_of_styles, with_targets
from textgan_bench.errors import MissingError, UserError
from textgan_bench.interfaces import Split
from textgan_bench.tokens import Batch, Sentence

TOPICS = {"science": 2, "music": 8, "politics": 10}
"""Of each topic, its number among the ten of ``classes.txt``: Science & Mathematics,
Entertainment & Music, Politics & Government."""
COLUMNS = 4  # topic, title, question, best answer
TABLES = ("train.csv", "test.csv")
PARTS: dict[Split, str] = {"train": "train", "validation": "valid", "test": "test"}
BY_TOPIC = tuple(
    f"{part}{number}.txt" for part in PARTS.values() for number in range(1, len(TOPICS) + 1)
)


@dataclass(frozen=True)
class YahooAnswers(CountedCorpus):
    """Questions about science, music and politics, lower case, to be rewritten on another topic.

    Read from either of two layouts. That of the published corpus (Zhang et al., 2015,
    "Character-level convolutional networks for text classification") is ``train.csv`` and
    ``test.csv``. The titles of the questions are taken, and validation is held out of training. The
    other is that which the authors of ARAE have for Yelp, a file a style: ``train1.txt`` (science),
    ``train2.txt`` (music), ``train3.txt`` (politics), ``valid…`` and ``test…``, words separated by
    blanks. Validation and test are 1,666 questions of each topic, at most. Questions longer than
    ``max_length`` are left out.

    The paper states neither sizes nor which field of the corpus it takes; vocabulary and length are
    those of the authors' code for Yelp.
    """

    FOLDER = "yahoo_answers"
    TITLE: ClassVar[str] = "questions of Yahoo Answers on three topics"
    words: int = 30_000
    max_length: int = 25

    @property
    def judging(self) -> Judging:
        return Transfer()

    def files(self) -> tuple[Path, ...]:
        if self.data_dir is not None:
            for names in (TABLES, BY_TOPIC):
                paths = tuple(self.folder / name for name in names)
                if all(path.is_file() for path in paths):
                    return paths
        where = "a folder, named by data_dir," if self.data_dir is None else str(self.folder)
        raise MissingError(
            f"the questions of Yahoo Answers cannot be fetched from here: {where} must hold "
            f"{' and '.join(TABLES)} of Zhang et al. (2015), or {', '.join(BY_TOPIC)}"
        )

    def labelled(self) -> Labelled:
        """The questions of each topic, duplicates left in."""
        share = HELD_OUT // len(TOPICS)
        texts: Labelled = {"train": [], "validation": [], "test": []}
        if self.files()[0].name == TABLES[0]:
            trained, tested = map(titles, self.files())
            for topic in TOPICS:
                lines = _split(trained[topic])
                held_out = min(share, len(lines) // 10)
                validation, train = chosen(lines, held_out, self.fits)
                texts["train"].append(list(filter(self.fits, train)))
                texts["validation"].append(validation)
                texts["test"].append(chosen(_split(tested[topic]), share, self.fits)[0])
            return texts
        for split, part in PARTS.items():
            for number in range(1, len(TOPICS) + 1):
                lines = words_of(read_lines(self.folder / f"{part}{number}.txt"))
                sentences = [[word.lower() for word in line] for line in lines]
                kept = list(filter(self.fits, sentences))
                texts[split].append(kept if split == "train" else chosen(kept, share)[0])
        return texts

    def fits(self, sentence: Sentence) -> bool:
        return 0 < len(sentence) <= self.max_length

    def read(self) -> Encoded:
        return with_targets(encode_styles(self, self.labelled(), tuple(TOPICS)))

    def training_groups(self, train: Batch) -> list[Tensor]:
        """The questions of each topic."""
        return rows_of_styles(train)


def titles(path: Path) -> dict[str, list[str]]:
    """Titles of the questions of each topic, in a table of Zhang et al.

    Raises:
        UserError: a row does not have its four columns, or begins with no topic's number.
    """
    topics = {str(number): topic for topic, number in TOPICS.items()}
    found: dict[str, list[str]] = {topic: [] for topic in TOPICS}
    for row, cells in enumerate(_rows(path), start=1):
        if len(cells) != COLUMNS or not cells[0].isdecimal():
            raise UserError(
                f"{path}, row {row}: the columns of Zhang et al. (2015) are a topic's number, a "
                "title, a question and an answer"
            )
        if cells[0] in topics:
            found[topics[cells[0]]].append(cells[1])
    return found


def _rows(path: Path) -> Iterator[list[str]]:
    try:
        yield from csv.reader(read_lines(path), strict=True)
    except csv.Error as error:
        raise UserError(f"{path} is no table of comma-separated values: {error}") from error


def _split(lines: list[str]) -> list[Sentence]:
    """Words and punctuation marks, lower case. The tables write a line break as two characters."""
    return tokenise([line.replace(r"\n", " ").lower() for line in lines])
