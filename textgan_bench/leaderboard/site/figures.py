"""Which figures a block of the leaderboard has: its frontiers, and how its rows were trained."""

import statistics
from collections.abc import Mapping, Sequence

from textgan_bench.leaderboard.columns import column
from textgan_bench.leaderboard.curves import Curve, values_at
from textgan_bench.leaderboard.records import Record, disagreement, identity
from textgan_bench.leaderboard.site.places import ordered
from textgan_bench.leaderboard.site.plots import (
    RATIO_OF_LOG,
    Axis,
    Figure,
    Look,
    Point,
    Reference,
    Series,
)
from textgan_bench.leaderboard.site.text import Names
from textgan_bench.leaderboard.sweeps import KNOB, Sweep
from textgan_bench.leaderboard.tables import DATA_ITSELF, DECIPHERED, Block, Line, is_collapsed

ON_RATIOS = "fed/"
"""Scores of this kind are distances, of which a factor says more than a difference."""

SQUASHED = 20
"""The largest of them over the smallest, from which their axis is logarithmic."""

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


class Looks:
    """One mark and colour a method and one filling a budget, in all figures of a block."""

    def __init__(self, block: Block) -> None:
        self._budgets: dict[str, list[str]] = {}
        for row in block.rows:
            if row.kind == "run":
                self._budgets.setdefault(row.records[0].method, []).append(row.budget)
        self._drawn: list[str] = []

    def of(self, method: str, budget: str) -> Look:
        """That of a series; methods have their marks in the order that they are drawn."""
        if method not in self._drawn:
            self._drawn.append(method)
        known = ordered(self._budgets.get(method, [budget]))
        filling = known.index(budget) if budget in known else len(known)
        return Look(self._drawn.index(method), filling)


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
    block: Block,
    sweeps: Sequence[Sweep],
    targets: Mapping[int, str],
    names: Names,
    looks: Looks,
) -> tuple[list[Figure], list[str]]:
    """Quality against diversity, and remarks on what is not drawn.

    Args:
        block: rows that compare.
        sweeps: those of ``swept``.
        targets: places of the rows on the page, by their number.
        names: those of the page.
        looks: those of the block.
    """
    figures: list[Figure] = []
    remarks: dict[str, None] = {}
    keys = {shown.key for shown in block.columns}
    for x, y in PANELS:
        if not {x, y} <= keys or (y == "lm_score/kn4" and "oracle_nll" in keys):
            continue
        series = _swept_series(block, sweeps, targets, x, y, looks)
        drawn = {each.target for each in series}
        for index, row in enumerate(block.rows):
            if row.kind != "run" or not {x, y} <= row.scores.keys() or targets[index] in drawn:
                continue
            if is_collapsed(row, block.rows):
                remarks[f"{row.method}, {row.budget}, repeats itself and is not drawn."] = None
                continue
            look = looks.of(row.records[0].method, row.budget)
            series.append(Series(_name(row), [_of_row(row, x, y)], targets[index], look=look))
        if any(DECIPHERED in row.scores for row in block.rows):
            remarks[
                "What deciphers writes the very test text: an exact one lies beyond real text."
            ] = None
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
    looks: Looks,
) -> tuple[list[Figure], list[str]]:
    """Scores of validation against training batches, the range over seeds as a band, and remarks.

    Args:
        block: rows that compare.
        curves: by data set and name of the record.
        targets: places of the rows on the page, by their number.
        names: those of the page.
        looks: those of the block.
    """
    of_row = {
        index: [curves[place] for record in row.records if (place := _place(record)) in curves]
        for index, row in enumerate(block.rows)
        if row.kind == "run"
    }
    figures = []
    remarks: list[str] = []
    for keys in TRAINED:
        known = {key for of_seeds in of_row.values() for each in of_seeds for key in each.scores}
        key = next((key for key in keys if key in known), None)
        if key is None:
            continue
        series = []
        shown = column(key)
        found = {
            index: values
            for index, of_seeds in of_row.items()
            if len(values := {at: each for at, each in values_at(of_seeds, key).items() if at}) > 1
        }
        if not found:
            continue
        every = [each for values in found.values() for at in values.values() for each in at]
        # Below its digits a distance is no more than noise, and 0 has no logarithm.
        floor = 10.0**-shown.digits
        squashed = key.startswith(ON_RATIOS) and max(every) > SQUASHED * max(min(every), floor)
        if squashed and min(every) < floor:
            remarks.append(f"{shown.title} below {floor:g} is drawn there.")
            found = {
                index: {at: [max(each, floor) for each in values] for at, values in of.items()}
                for index, of in found.items()
            }
        for index, values in found.items():
            row = block.rows[index]
            tested = _tested(row, max(values))
            points = [
                Point(at, statistics.fmean(each), "", None, _range(each), own=at in tested)
                for at, each in values.items()
            ]
            look = looks.of(row.records[0].method, row.budget)
            series.append(Series(_name(row), points, targets[index], marked=False, look=look))
        ends = [each.points[-1].x for each in series]
        log = max(ends) > RATIO_OF_LOG * min(ends)
        # Validation text of published data is no sample of the text that it is tested on.
        level = _data_itself(block, None, key, ("oracle",))
        figures.append(
            Figure(
                names.of(targets[0], "training", key),
                f"{shown.title} of validation while training",
                Axis(f"training batches{' (logarithmic)' if log else ''}", log=log),
                Axis(
                    f"{shown.title} {shown.better}{' (logarithmic)' if squashed else ''}",
                    log=squashed,
                    least=0.0 if squashed else shown.spread or 0.0,
                ),
                series[:MOST],
                level,
            )
        )
    return figures, remarks


def _tested(row: Line, last: int) -> set[int]:
    """The training batches before the checkpoint that was tested of each seed, as far as known.

    A phase may train another player than the generator, whose updates then are no batches.
    """
    return {
        record.generator_updates
        for record in row.records
        if not record.phases and record.cost is not None and record.cost[0] == last
    } - {last}


def _swept_series(
    block: Block,
    sweeps: Sequence[Sweep],
    targets: Mapping[int, str],
    x: str,
    y: str,
    looks: Looks,
) -> list[Series]:
    groups: dict[tuple[str, str, str], list[Sweep]] = {}
    for sweep in sweeps:
        groups.setdefault((sweep.method, sweep.budget, sweep.knob), []).append(sweep)
    found = []
    for (method, budget, knob), group in sorted(groups.items()):
        points = [point for sweep in group for point in sweep.points if x in point and y in point]
        if not points:
            continue
        target, own, trained = "", None, len(group)
        for index, row in enumerate(block.rows):
            first = row.records[0] if row.records else None
            if first is not None and (first.method, first.budget) == (method, budget):
                target, own, trained = targets[index], first.knob.get(knob), len(row.records)
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
        if len(group) < trained:
            seeds += f" of {trained}"
        name = f"{method}, {budget}, along its {knob} ({seeds})"
        found.append(Series(name, drawn, target, look=looks.of(method, budget)))
    return found


def _of_row(row: Line, x: str, y: str) -> Point:
    values = [(record.scores[x], record.scores[y]) for record in row.records]
    xs, ys = zip(*values, strict=True)
    return Point(statistics.fmean(xs), statistics.fmean(ys), "", _range(xs), _range(ys), own=True)


def _data_itself(
    block: Block, x: str | None, y: str, names: Sequence[str] = DATA_ITSELF
) -> list[Reference]:
    """The data itself as a point, or as a level, by the anchors of these names."""
    for row in block.rows:
        if row.kind == "anchor" and row.method in names:
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
    return record.data, record.stem
