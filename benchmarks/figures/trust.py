"""Which score can be trusted to tell what: ``docs/trust.md`` and its figure, from the records.

Two questions to each column of the tables. Which cheats does it take for text? Does it order models
as an exact divergence does, where the law of the text is known, and as the reverse LM score does,
where it is not?
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from statistics import fmean
from typing import NamedTuple, Self

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from benchmarks.figures.embedding_scores import distance, rank_correlation
from textgan_bench.leaderboard import ROOT, blocks, load_records
from textgan_bench.leaderboard.cheats import chance, gap, rivals
from textgan_bench.leaderboard.columns import MEASURED_ON, Column, digits
from textgan_bench.leaderboard.sweeps import KNOB, load
from textgan_bench.leaderboard.tables import CHEATS, DATA_ITSELF, Block, Line, Mean

TABLES = ("coco", "hmm")
"""Captions, and text whose law is known."""
BROKEN = (*CHEATS, "unigram", "uniform")
JUDGES: Mapping[str, Sequence[tuple[str, str]]] = {
    "hmm": (("kl", "KL(q ‖ p)"), ("kl_forward", "KL(p ‖ q)")),
    "coco": (("reverse_lm/kn4", "reverse LM"),),
}
"""Of models q of text p. Those of the HMM are exact: what a model writes that p would not, and what
it leaves out of p."""
FEW = 5
"""A rank correlation of fewer texts says nothing."""


class Seen(IntEnum):
    """How far from text a column says that something is."""

    NO = 0
    """Within chance of real text, or better than it."""
    BEATS = 1
    """Told from text, and no farther off than the best method."""
    YES = 2
    """Farther off than the best method."""


MEANINGS = ("taken for text", "told from text, as near as the best method", "found out")
COLOURS = ("#d95f02", "#fdc086", "#f2f2f2")


class Table(NamedTuple):
    """The first block of a table: rows that compare."""

    name: str
    block: Block

    @classmethod
    def of(cls, name: str, root: Path = ROOT) -> Self:
        """That of a data set."""
        return cls(name, blocks(each for each in load_records(root) if each.data == name)[0])

    def rows(self, names: Sequence[str]) -> list[Line]:
        """Anchors, in the order of their names."""
        found = {row.method: row for row in self.block.rows if row.kind == "anchor"}
        return [found[name] for name in names if name in found]

    @property
    def runs(self) -> list[Line]:
        """The rows of methods, a mean over seeds each."""
        return [row for row in self.block.rows if row.kind == "run"]

    @property
    def columns(self) -> list[Column]:
        """Those that have an order and that cheats have."""
        cheats = self.rows(CHEATS)
        return [
            column
            for column in self.block.columns
            if column.better and any(row.value(column.key) is not None for row in cheats)
        ]

    def seen(self, column: Column, row: Line) -> Seen | None:
        """What a column says of a row, None where it says nothing."""
        data = self.rows(DATA_ITSELF)
        off = gap(column, row, data)
        if off is None:
            return None
        if off <= chance(column, MEASURED_ON):
            return Seen.NO
        best = min(rivals(column, data, self.block.rows), default=0.0)
        return Seen.BEATS if off <= best else Seen.YES

    def agreement(self, column: Column, judge: str, rows: Sequence[Line]) -> tuple[float, int]:
        """Rank correlation of a column with a judge, and over how many rows."""
        data = self.rows(DATA_ITSELF)
        target = next((v for row in data if (v := row.value(column.key)) is not None), 0.0)
        found, judged = [], []
        for row in rows:
            value, verdict = row.value(column.key), row.value(judge)
            if value is not None and verdict is not None:
                found.append(distance(column, value, target))
                judged.append(verdict)
        return rank_correlation(found, judged) if found else 0.0, len(found)


def swept(data: str, root: Path = ROOT) -> list[Line]:
    """Each setting of a method's knob, as the row of a table: the mean over the seeds it has."""
    points: dict[tuple[str, str, float], list[Mapping[str, float]]] = defaultdict(list)
    for path in sorted((root / "sweeps" / data).glob("*.json")):
        sweep = load(path)
        for point in sweep.points:
            points[sweep.method, sweep.budget, point[KNOB]].append(point)
    return [
        Line(
            "run",
            f"{method} at {setting:g}",
            {
                key: Mean(fmean(seed[key] for seed in seeds))
                for key in seeds[0]
                if key != KNOB and all(key in seed for seed in seeds)
            },
            budget=budget,
        )
        for (method, budget, setting), seeds in points.items()
    ]


def table(root: Path = ROOT) -> str:
    """What each column takes for text, and how it orders models."""
    tables = {name: Table.of(name, root) for name in TABLES}
    models = {name: [*each.runs, *swept(name, root)] for name, each in tables.items()}
    columns = {column.key: column for each in tables.values() for column in each.columns}
    asked = [(name, *judge) for name in reversed(TABLES) for judge in JUDGES[name]]
    header = ["Column", *(f"{name}: {title}" for name, _, title in asked)]
    header += [f"{name}: takes for text" for name in TABLES]
    lines = [header, ["---", *("---:" for _ in asked), *("---" for _ in TABLES)]]
    most = dict.fromkeys((name for name, *_ in asked), 0)
    for key, column in columns.items():
        cells = [f"{column.title} {column.better}"]
        for name, judge, _ in asked:
            agreed, count = tables[name].agreement(column, judge, models[name])
            most[name] = max(most[name], count)
            cells.append(f"{agreed:.2f}" if count >= FEW and key != judge else "")
        for name in TABLES:
            own = tables[name]
            rows = own.rows(BROKEN) if key in {each.key for each in own.columns} else []
            cells.append(", ".join(r.method for r in rows if own.seen(column, r) is Seen.NO))
        lines.append(cells)
    note = "; ".join(f"{name}: {count}" for name, count in most.items())
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    over = "rows of the table and settings of knobs, seeds averaged"
    return f"{text}\n\nRank correlations over {over}, {note}."


def draw(folder: Path, root: Path = ROOT) -> Path:
    """Write the picture of what each column says of cheats and of methods."""
    tables = [Table.of(name, root) for name in TABLES]
    heights = [len(each.rows(BROKEN)) + len(each.runs) for each in tables]
    figure = Figure(figsize=(11, 0.19 * sum(heights) + 2.6), layout="constrained")
    panels = figure.subplots(len(tables), 1, height_ratios=heights)
    for own, axes in zip(tables, panels, strict=True):
        _panel(own, axes)
    squares = [mpl.patches.Patch(color=each) for each in COLOURS]
    figure.legend(squares, MEANINGS, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    path = folder / "trust.svg"
    with mpl.rc_context({"svg.hashsalt": path.stem}):  # the same picture is the same file
        figure.savefig(path, metadata={"Date": None})
    return path


def _panel(own: Table, axes: Axes) -> None:
    """A table: a colour and a value for each text and column."""
    rows = [*own.rows(DATA_ITSELF)[:1], *own.rows(BROKEN)]
    rows += sorted(own.runs, key=lambda row: row.value("reverse_lm/kn4") or 0.0)
    columns = own.columns
    colours = [[own.seen(column, row) for column in columns] for row in rows]
    numbers = [[float("nan") if each is None else float(each) for each in row] for row in colours]
    axes.imshow(numbers, cmap=ListedColormap(COLOURS), vmin=0, vmax=2, aspect="auto")
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            score = row.scores.get(column.key)
            if isinstance(score, Mean):
                places = digits(column, score.spread)
                axes.text(x, y, f"{score.mean:,.{places}f}", ha="center", va="center", fontsize=6)
    titles = [f"{column.title} {column.better}" for column in columns]
    axes.set_xticks(range(len(columns)), titles, rotation=40, ha="left", fontsize=7)
    axes.xaxis.tick_top()
    names = [row.method if row.kind == "anchor" else f"{row.method}, {row.budget}" for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=7)
    axes.axhline(0.5, color="black", linewidth=0.8)
    axes.axhline(len(rows) - len(own.runs) - 0.5, color="black", linewidth=0.8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_ylabel(own.name, fontweight="bold")
