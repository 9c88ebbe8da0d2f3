"""Where the blocks of the leaderboard stand on the page, and what their rows are called."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from textgan_bench.leaderboard.site.text import Names
from textgan_bench.leaderboard.site.verdicts import (
    Question,
    Verdict,
    answers,
    ranking,
    together,
)
from textgan_bench.leaderboard.tables import Block, Line

TO_ROOT = ("..",)
"""From the page's folder to that of the leaderboard."""

BUDGETS = ("paper", "cpu", "quick")
"""The longest training first; others follow by name."""

HOW = "~how"
"""Behind the name of a row: the place that says how it was made."""

KINDS_OF_ROWS = {
    "oracle": "fresh samples of the true distribution",
    "real": "real text",
    "half": "one half of the test text",
    "unigram": "words drawn by frequency",
    "uniform": "any words",
    "copy": "the source as it is",
    "other_style": "real sentences of the other style",
    "memorised": "training sentences",
    "altered": "training sentences, one word changed",
    "likeliest": "likeliest sentences of 4-grams",
    "tempered": "words drawn alone, at the entropy of text",
    "repeated": "one sentence throughout",
}
"""What an anchor is."""


class Place:
    """A block of rows that compare, and where it stands on the page."""

    def __init__(self, data: str, block: Block, names: Names, *, first: bool) -> None:
        self.data = data
        self.block = block
        self.records = [record for row in block.rows for record in row.records]
        revision = self.records[0].data_revision if self.records else ""
        self.title = data if first else f"{data}, against other references"
        self.name = names.of(data, "table" if first else f"{revision}-apart")
        self.rows = {
            index: names.of(data, row.method, row.budget) for index, row in enumerate(block.rows)
        }

    @property
    def is_reference(self) -> bool:
        """Whether no row is of a method."""
        return all(row.kind == "anchor" for row in self.block.rows)

    @property
    def budgets(self) -> list[str]:
        """Those that methods were trained at, the longest training first."""
        return ordered(row.budget for row in self.block.rows if row.kind == "run")

    @cached_property
    def answers(self) -> dict[tuple[str, ...], dict[Question, Verdict]]:
        """The answers of each budget, or of those that answer together; there may be none."""
        joint = together(self.block)
        groups = dict.fromkeys(
            tuple(each for each in self.budgets if each in joint) if budget in joint else (budget,)
            for budget in self.budgets
        )
        return {budgets: answers(self.block, *budgets) for budgets in groups}

    @cached_property
    def winners(self) -> list[Line]:
        """The best rows of all questions, those of the first ones first."""
        found = [
            row
            for verdicts in self.answers.values()
            for verdict in verdicts.values()
            for row in verdict.winners
        ]
        return list({id(row): row for row in found}.values())

    @property
    def pair(self) -> tuple[str, str] | None:
        """The two rows that a comparison begins with, by their names on the page.

        The best and the next by the first question that the first budget with an answer has.
        """
        for budgets, verdicts in self.answers.items():
            for verdict in verdicts.values():
                best, second, *_ = ranking(verdict.column, self.block.rows, *budgets)
                return self.name_of(best), self.name_of(second)
        return None

    def name_of(self, row: Line) -> str:
        """Where a row stands on the page."""
        return self.rows[next(i for i, each in enumerate(self.block.rows) if each is row)]


@dataclass(frozen=True)
class Section:
    """A data set, and where it stands on the page."""

    data: str
    name: str
    places: Sequence[Place]
    """That of the most runs first; none where a paper alone has values."""

    @property
    def revisions(self) -> set[str]:
        """Of the files that its text was read from."""
        return {record.data_revision for place in self.places for record in place.records}


def ordered(budgets: Iterable[str]) -> list[str]:
    """Budgets, each once, the longest training first."""
    return sorted(
        set(budgets),
        key=lambda budget: (BUDGETS.index(budget) if budget in BUDGETS else len(BUDGETS), budget),
    )
