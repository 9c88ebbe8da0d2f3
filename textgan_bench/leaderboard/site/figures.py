"""Which figures a block of the leaderboard has: its frontiers, and how its rows were trained."""

import statistics
from collections.abc import Mapping, Sequence

from textgan_bench.leaderboard.columns import column
from textgan_bench.leaderboard.curves import Curve, values_at
from textgan_bench.leaderboard.records import Record, disagreement, identity
from textgan_bench.leaderboard.site.plots import (
    RATIO_OF_LOG,
    Axis,
    Figure,
    Point,
    Reference,
    Series,
)
from textgan_bench.leaderboard.site.text import Names
from textgan_bench.leaderboard.sweeps import KNOB, Sweep
from textgan_bench.leaderboard.tables import DATA_ITSELF, Block, Line, is_collapsed

PANELS = (
    ("reverse_lm/kn4", "oracle_nll"),
    ("reverse_lm/kn4", "lm_score/kn4"),
    ("bleu_b/5", "bleu_f/5"),
)
"""Diversity, then quality. The LM score stands in where there is no oracle."""

TRAINED = (("oracle_nll", "lm_score/kn4"), ("reverse_lm/kn4",), ("fed/hash128",))
"""Scores of validation, of each the first that the curves have."""

MOST = 12
"""Series of a figure; more cannot be told apart."""

LOWER_IS_BETTER = ("oracle_nll", "lm_score/kn4", "reverse_lm/kn4")
"""Scores whose axis is turned, so that better is upwards and to the right everywhere."""


def swept(block: Block, sweeps: Sequence[Sweep]) -> list[Sweep]:
    """The sweeps whose points may stand among the rows of a block."""
    records = [row.records[0] for row in block.rows if row.records]
    return [
        sweep
        for sweep in sweeps
        if records
        and all(
            not disagreement(identity(record), {"data": sweep.data, **sweep.settings()})
            for record in records
        )
    ]


def frontiers(
    block: Block, sweeps: Sequence[Sweep], targets: Mapping[int, str], names: Names
) -> tuple[list[Figure], list[str]]:
    """Quality against diversity, and remarks on what is not drawn.

    Args:
        block: rows that compare.
        sweeps: those of ``swept``.
        targets: places of the rows on the page, by their number.
        names: those of the page.
    """
    figures: list[Figure] = []
    remarks: dict[str, None] = {}
    keys = {key for row in block.rows for key in row.scores}
    for x, y in PANELS:
        if not {x, y} <= keys or (y == "lm_score/kn4" and "oracle_nll" in keys):
            continue
        series = _swept_series(block, sweeps, targets, x, y)
        drawn = {each.target for each in series}
        for index, row in enumerate(block.rows):
            if row.kind != "run" or not {x, y} <= row.scores.keys() or targets[index] in drawn:
                continue
            if is_collapsed(row, block.rows):
                remarks[f"{row.method}, {row.budget}, repeats itself and is not drawn."] = None
                continue
            series.append(
                Series(f"{row.method}, {row.budget}", [_of_row(row, x, y)], targets[index])
            )
        if len(series) > MOST:
            remarks[f"{len(series) - MOST} further rows are not drawn; the table has them."] = None
        if len(series) > 1 or any(len(each.points) > 1 for each in series):
            figures.append(
                Figure(
                    names.of(targets[0], "frontier", y),
                    f"{column(y).title} against {column(x).title}",
                    Axis(_titled(x, "to the right"), x in LOWER_IS_BETTER),
                    Axis(_titled(y, "upwards"), y in LOWER_IS_BETTER),
                    series[:MOST],
                    _data_itself(block, x, y),
                )
            )
    return figures, list(remarks)


def trainings(
    block: Block,
    curves: Mapping[tuple[str, str], Curve],
    targets: Mapping[int, str],
    names: Names,
) -> list[Figure]:
    """Scores of validation against training batches, the range over seeds as a band."""
    of_row = {
        index: [curves[place] for record in row.records if (place := _place(record)) in curves]
        for index, row in enumerate(block.rows)
        if row.kind == "run"
    }
    figures = []
    for keys in TRAINED:
        known = {key for of_seeds in of_row.values() for each in of_seeds for key in each.scores}
        key = next((key for key in keys if key in known), None)
        if key is None:
            continue
        series = []
        for index, of_seeds in of_row.items():
            points = [
                Point(place, statistics.fmean(each), y_range=_range(each))
                for place, each in values_at(of_seeds, key).items()
                if place > 0
            ]
            if len(points) > 1:
                row = block.rows[index]
                series.append(Series(_name(row), points, targets[index], marked=False))
        if not series:
            continue
        ends = [each.points[-1].x for each in series]
        log = max(ends) > RATIO_OF_LOG * min(ends)
        level = _data_itself(block, None, key)
        figures.append(
            Figure(
                names.of(targets[0], "training", key),
                f"{column(key).title} of validation while training",
                Axis(f"training batches{' (logarithmic)' if log else ''}", log=log),
                Axis(f"{column(key).title} {column(key).better}"),
                series[:MOST],
                level,
            )
        )
    return figures


def _swept_series(
    block: Block, sweeps: Sequence[Sweep], targets: Mapping[int, str], x: str, y: str
) -> list[Series]:
    groups: dict[tuple[str, str, str], list[Sweep]] = {}
    for sweep in sweeps:
        groups.setdefault((sweep.method, sweep.budget, sweep.knob), []).append(sweep)
    found = []
    for (method, budget, knob), group in sorted(groups.items()):
        points = [point for sweep in group for point in sweep.points if x in point and y in point]
        if not points:
            continue
        target, own = "", None
        for index, row in enumerate(block.rows):
            first = row.records[0] if row.records else None
            if first is not None and (first.method, first.budget) == (method, budget):
                target, own = targets[index], first.knob.get(knob)
        settings = sorted({point[KNOB] for point in points})
        drawn = []
        for setting in settings:
            xs = [point[x] for point in points if point[KNOB] == setting]
            ys = [point[y] for point in points if point[KNOB] == setting]
            drawn.append(
                Point(
                    statistics.fmean(xs),
                    statistics.fmean(ys),
                    f"{knob} {setting:g}" if setting == settings[0] else f"{setting:g}",
                    _range(xs),
                    _range(ys),
                    own=setting == own,
                )
            )
        seeds = f"{len(group)} seeds" if len(group) > 1 else f"seed {group[0].seed}"
        found.append(Series(f"{method}, {budget}, along its {knob} ({seeds})", drawn, target))
    return found


def _of_row(row: Line, x: str, y: str) -> Point:
    values = [(record.scores[x], record.scores[y]) for record in row.records]
    xs, ys = zip(*values, strict=True)
    return Point(statistics.fmean(xs), statistics.fmean(ys), "", _range(xs), _range(ys), own=True)


def _data_itself(block: Block, x: str | None, y: str) -> list[Reference]:
    """The data itself as a point, or as a level."""
    for row in block.rows:
        if row.kind == "anchor" and row.method in DATA_ITSELF:
            at = None if x is None else row.value(x)
            level = row.value(y)
            if level is not None and (x is None or at is not None):
                name = "real text" if row.method != "oracle" else "the data itself"
                return [Reference(name, level, at)]
    return []


def _range(values: Sequence[float]) -> tuple[float, float] | None:
    return (min(values), max(values)) if len(values) > 1 else None


def _titled(key: str, better: str) -> str:
    shown = column(key)
    where = "best near real text" if shown.better == "≈" else f"better {better}"
    return f"{shown.title} {shown.better} ({where})"


def _name(row: Line) -> str:
    seeds = f"{len(row.records)} seeds" if len(row.records) > 1 else "1 seed"
    return f"{row.method}, {row.budget} ({seeds})"


def _place(record: Record) -> tuple[str, str]:
    return record.data, record.path().stem
