"""Tables of papers by name: their rows and columns, and where each cell's numbers come from.

``papers/<name>.toml`` is the table as its paper prints it, a line a column and a line a row. A cell
is what its column and its row say together, so that either may name the method, the data set or the
score. Standard library only.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from textgan_bench.errors import UserError, meant
from textgan_bench.leaderboard.records import ROOT, RecordError

FOLDER = "papers"

CAPTION = 200
"""Characters of a caption at most: two lines of a page."""

OF_SENTENCES = {
    "nagan-table7": "make figures INSIDE=runs/coco/nagan.started/cpu-seed0",
    "nagan-table8": "make figures INSIDE=runs/coco/nagan.started/cpu-seed0",
    "nagan-table13": "textgan-bench sample runs/coco/nagan.started/cpu-seed0 -n 20",
    "nagan-table14": "make figures INSIDE=runs/yelp-wordsub/hmm_em/paper-seed0",
}
"""Tables of papers that print sentences, not scores, and what makes each from a run."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Where the numbers of a cell come from; the column tells a part, the row the rest."""

    paper: str = ""
    """Stem of a file below ``published/``."""
    where: str = ""
    """Part of what the file calls the table."""
    printed: str = ""
    """The row of that file."""
    ours: tuple[str, ...] = ()
    """Our rows beside it. The first one says how it is made where it has no record."""
    data: str = ""
    score: tuple[str, ...] = ()
    """Key of a score; keys behind the first stand in for it, without a difference."""
    of: str = ""
    """What the key of the score ends in, where a column has the score and a row says of what."""
    knob: float | None = None
    """Setting of the knob, where the table has several."""
    scale: int = 1
    """Units of the paper in one of the score: 100 where it prints percent."""
    extras: str = ""
    """``EXTRAS`` that the score needs."""
    made_by: str = ""
    """The method whose ``bench`` makes an anchor, or the whole command of what is no score."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Of the score, in the order of preference."""
        return tuple(f"{score}/{self.of}" if self.of else score for score in self.score)


@dataclass(frozen=True, kw_only=True)
class Heading:
    """A column, or a row, and what it says of its cells."""

    title: str
    group: str = ""
    """Of neighbouring columns: what stands above them."""
    why: str = ""
    """Of a row: why there is nothing of ours, or nothing printed."""
    cell: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_bare(self) -> bool:
        """Whether it is a line between rows, without cells."""
        return not self.cell and not self.why


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A table of a paper."""

    name: str
    caption: str
    first: str
    """Title of the column that names the rows."""
    columns: tuple[Heading, ...]
    rows: tuple[Heading, ...]
    spreads: bool = True
    """Whether the table prints the spreads that its file of published values holds."""
    cell: Mapping[str, Any] = field(default_factory=dict)
    """What all cells have in common."""

    def at(self, row: Heading, column: Heading) -> Cell:
        """The cell of a row and a column; what a row says comes before what a column says.

        A column that says that nothing of ours belongs in it has the last word.
        """
        cell = Cell(**{**self.cell, **column.cell, **row.cell})
        return replace(cell, ours=()) if column.cell.get("ours") == () else cell

    @property
    def methods(self) -> list[str]:
        """Our rows that it names, in its order."""
        named = [
            method
            for heading in (*self.columns, *self.rows)
            for method in heading.cell.get("ours", ())
        ]
        return list(dict.fromkeys([*self.cell.get("ours", ()), *named]))

    def chosen(self, methods: Iterable[str], columns: Iterable[str]) -> "Definition":
        """The table with some of our rows, or some of its columns; none stands for all.

        Raises:
            UserError: it has no such row or column.
        """
        wanted = tuple(dict.fromkeys(methods))
        for method in wanted:
            if method not in self.methods:
                raise UserError(
                    f"{self.name} has no method {method}{meant(method, self.methods)}: it has "
                    f"{', '.join(self.methods)}"
                )
        places: set[int] = set()
        for name in columns:
            found = {i for i, column in enumerate(self.columns) if plain(name) in names_of(column)}
            if not found:
                known = list(dict.fromkeys(names_of(column)[0] for column in self.columns))
                raise UserError(
                    f"{self.name} has no column {name}{meant(name, known)}: it has "
                    f"{', '.join(known)}"
                )
            places |= found
        kept = [c for i, c in enumerate(self.columns) if not places or i in places]
        narrowed = tuple(_only(kept, wanted)) if wanted else tuple(kept)
        rows = tuple(_only(self.rows, wanted)) if wanted else self.rows
        return replace(self, columns=narrowed, rows=tuple(_without_empty(rows)))


def names_of(column: Heading) -> list[str]:
    """What a user may call a column: with its group and without, or by its group or its score."""
    names = [f"{column.group} {column.title}", column.title, column.group]
    return [name for name in map(plain, [*names, *column.cell.get("score", ())]) if name]


def plain(name: str) -> str:
    """The name of a column as one word, whatever its case.

    >>> plain("COCO LM score ↓")
    'coco-lm-score'
    """
    return "-".join(name.strip(" ↓↑≈").lower().split())


def _only(headings: Iterable[Heading], methods: tuple[str, ...]) -> Iterable[Heading]:
    """Headings without a method of their own, and those of the methods with no other one."""
    for heading in headings:
        own = heading.cell.get("ours")
        if own is None:
            if heading.is_bare or not heading.cell.get("printed"):
                yield heading
        elif kept := tuple(method for method in own if method in methods):
            yield replace(heading, cell={**heading.cell, "ours": kept})


def _without_empty(rows: Iterable[Heading]) -> Iterable[Heading]:
    """Rows but for the lines between them that have no row behind them."""
    waiting: Heading | None = None
    for row in rows:
        if row.is_bare:
            waiting = row
            continue
        if waiting is not None:
            yield waiting
            waiting = None
        yield row


def names(root: Path = ROOT) -> list[str]:
    """The tables that there are."""
    return sorted(path.stem for path in (root / FOLDER).glob("*.toml"))


def define(name: str, root: Path = ROOT) -> Definition:
    """The table of a name.

    Raises:
        UserError: there is none, or it prints no scores.
        RecordError: its file is damaged.
    """
    known = names(root)
    if name in OF_SENTENCES:
        raise UserError(
            f"{name} prints sentences of a run, not scores: {OF_SENTENCES[name]} for example"
        )
    if name not in known:
        raise UserError(
            f"there is no table {name}{meant(name, known)}; there are "
            f"{', '.join(known) or f'none in {root / FOLDER}'}"
        )
    return _load(root / FOLDER / f"{name}.toml")


def _load(path: Path) -> Definition:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        columns = tuple(_heading(column) for column in content.pop("columns"))
        rows = tuple(_heading(row) for row in content.pop("rows"))
        shared = _cell(content.pop("cell", {}))
        definition = Definition(name=path.stem, columns=columns, rows=rows, cell=shared, **content)
        for row in rows:
            for column in columns:
                definition.at(row, column)
    except (KeyError, TypeError, AttributeError, ValueError, OSError) as error:
        raise RecordError(f"{path}: is no table of a paper ({error})") from error
    if len(definition.caption) > CAPTION:
        raise RecordError(f"{path}: its caption has more than {CAPTION} characters")
    return definition


def _heading(content: Mapping[str, Any]) -> Heading:
    own = {key: content[key] for key in ("title", "group", "why") if key in content}
    return Heading(
        **own, cell=_cell({key: value for key, value in content.items() if key not in own})
    )


def _cell(content: Mapping[str, Any]) -> dict[str, Any]:
    known = {each.name for each in fields(Cell)}
    if strange := sorted(content.keys() - known):
        raise ValueError(f"unknown {', '.join(strange)}")
    listed = {key: content[key] for key in ("ours", "score") if key in content}
    return {
        **content,
        **{
            key: (value,) if isinstance(value, str) else tuple(value)
            for key, value in listed.items()
        },
    }
