"""What stands beside the numbers of a paper: our records, sweeps, samples and measurements.

Standard library only. A file that cannot be used is left out, and the caller is told of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textgan_bench.leaderboard.records import (
    ROOT,
    Record,
    RecordError,
    check_numbers,
    comparable,
    disagreement,
    identity,
    read_json,
    row_of,
    scores,
)
from textgan_bench.leaderboard.tables import Mean

BUDGETS = ("paper", "cpu", "quick", "anchor")
"""What a table of a paper takes its numbers from, the nearest to the paper first."""

SAMPLE = "sample"
"""``sample/1`` is the first sentence that is kept of a run's."""

SPENT = ("method", "data", "budget")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Scores of one method on one data set at one budget."""

    method: str
    data: str
    budget: str
    scores: Mapping[str, Mean | str]
    seeds: int = 1
    knob: float | None = None
    """Setting of the knob, None where there is none or its setting is no matter."""
    swept: bool = False
    """Whether the setting is one of many, and not the method's own."""
    label: str = ""
    """What the budget changes, in a line."""
    source: str = ""
    """What the text was."""
    identity: Mapping[str, Any] = field(default_factory=dict)
    """All that two of them must agree in to stand in one column."""

    @property
    def rank(self) -> tuple[int, int]:
        """The smaller the nearer to the paper, then the more seeds."""
        return BUDGETS.index(self.budget), -self.seeds


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Numbers that are no scores of text, as sizes and latencies: a file below ``measured/``."""

    made_by: str
    """The command that writes the file."""
    source: str
    """What was measured, and on what."""
    rows: list[dict[str, Any]]
    """``method``, ``data``, ``budget``, ``label`` and ``scores``."""


@dataclass(frozen=True, kw_only=True)
class Swept:
    """The points of a run along its knob, as far as a table needs them."""

    method: str
    data: str
    budget: str
    seed: int
    identity: dict[str, Any]
    points: list[dict[str, float]]


def gather(
    records: Sequence[Record], root: Path = ROOT
) -> tuple[list[Evidence], list[RecordError]]:
    """All evidence of a leaderboard, and the files that cannot be used.

    Args:
        records: those of the leaderboard.
        root: its folder, where the rest is read.
    """
    refused: list[RecordError] = []
    groups = _groups(records)
    found = [_of_records(group) for group in groups]
    for group in groups:
        try:
            found += _of_samples(group, root)
        except RecordError as error:
            refused.append(error)
    swept: list[Swept] = []
    for path in sorted(root.glob("sweeps/*/*.json")):
        try:
            swept.append(_load_sweep(path))
        except RecordError as error:
            refused.append(error)
    found += _of_sweeps(swept, groups)
    for path in sorted(root.glob("measured/*.json")):
        try:
            found += _of_measurements(path)
        except RecordError as error:
            refused.append(error)
    return [each for each in found if each.budget in BUDGETS], refused


def matching(evidence: Sequence[Evidence]) -> list[Evidence]:
    """The largest set of which any two may stand in one column."""
    # What names nothing that it depends on is no text, and stands beside anything.
    free = [each for each in evidence if not each.identity]
    sets: list[list[Evidence]] = []
    for each in sorted(evidence, key=lambda each: -len(each.identity)):
        if not each.identity:
            continue
        for one in sets:
            if all(not disagreement(each.identity, other.identity) for other in one):
                one.append(each)
                break
        else:
            sets.append([each])
    # Of sets of one size the one that knows more of itself, which is the later one.
    largest = max(sets, key=lambda one: (len(one), len(one[0].identity)), default=[])
    return [*largest, *free]


def nearest(
    evidence: Iterable[Evidence], method: str, knob: float | None, keys: set[str]
) -> list[Evidence]:
    """The evidence of a method that is nearest to the paper, that of its own setting first."""
    fitting = [
        each
        for each in evidence
        if each.method == method
        and (not each.swept if knob is None else each.knob == knob)
        and keys & each.scores.keys()
    ]
    best = min((each.rank[0] for each in fitting), default=0)
    return sorted(
        (each for each in fitting if each.rank[0] == best),
        key=lambda each: (each.rank, each.swept),
    )


def _groups(records: Iterable[Record]) -> list[list[Record]]:
    """The records of each row, its seeds; text that others submitted stands for none of ours."""
    rows: dict[tuple[str, ...], list[list[Record]]] = {}
    ours = [record for record in records if record.source != "submitted"]
    for record in sorted(ours, key=lambda record: (record.data, record.stem)):
        rivals = rows.setdefault((record.data, *row_of(record)), [])
        for group in rivals:
            if comparable(group[0], record):
                group.append(record)
                break
        else:
            rivals.append([record])
    return [group for rivals in rows.values() for group in rivals]


def _of_records(group: Sequence[Record]) -> Evidence:
    first = group[0]
    return Evidence(
        method=first.method,
        data=first.data,
        budget="anchor" if first.source == "anchor" else first.budget,
        scores={key: Mean.of(values) for key, values in scores(group).items()},
        seeds=len(group),
        knob=next(iter(first.knob.values()), None),
        label="" if first.source == "anchor" else first.budget_label,
        source=first.data_source,
        identity=identity(first),
    )


def _of_samples(group: Sequence[Record], root: Path) -> list[Evidence]:
    """The sentences that are kept of the first seed that has any."""
    for record in group:
        path = root / "samples" / record.data / f"{record.stem}.txt"
        if path.exists():
            try:
                lines = path.read_text(encoding="utf-8").splitlines()
            except (OSError, ValueError) as error:
                raise RecordError(f"{path}: is no text ({error})") from error
            texts = {f"{SAMPLE}/{number}": line for number, line in enumerate(lines, start=1)}
            kept = _of_records([record])
            return [
                Evidence(
                    method=kept.method,
                    data=kept.data,
                    budget=kept.budget,
                    scores=texts,
                    label=kept.label,
                    source=kept.source,
                    identity=kept.identity,
                )
            ]
    return []


def _of_sweeps(swept: Iterable[Swept], groups: Iterable[Sequence[Record]]) -> list[Evidence]:
    """The points of the seeds of a row at each setting of their knob."""
    known = {
        (first.method, first.data, first.budget, first.data_revision): first
        for first in (group[0] for group in groups)
    }
    together: dict[tuple[Any, ...], list[tuple[Swept, dict[str, float]]]] = {}
    for each in swept:
        for point in each.points:
            place = (each.method, each.data, each.budget, each.identity["data_revision"])
            rest = tuple(sorted((key, str(value)) for key, value in each.identity.items()))
            together.setdefault((*place, point["knob"], rest), []).append((each, point))
    found = []
    for (method, data, budget, revision, knob, _), points in together.items():
        record = known.get((method, data, budget, revision))
        keys = set.intersection(*(set(point) for _, point in points)) - {"knob"}
        found.append(
            Evidence(
                method=method,
                data=data,
                budget=budget,
                scores={key: Mean.of([point[key] for _, point in points]) for key in sorted(keys)},
                seeds=len(points),
                knob=knob,
                swept=True,
                label=record.budget_label if record else "",
                source=record.data_source if record else "",
                identity=points[0][0].identity,
            )
        )
    return found


def _of_measurements(path: Path) -> list[Evidence]:
    content = read_json(path)
    try:
        measured = Measured(**content)
        if not isinstance(measured.made_by, str) or not isinstance(measured.source, str):
            raise TypeError("made_by and source are text")
        found = []
        for row in measured.rows:
            if any(not isinstance(row[name], str) for name in (*SPENT, "label")):
                raise TypeError("a row names its method, data, budget and label")
            check_numbers(row["scores"], "number", path)
            found.append(
                Evidence(
                    **{name: row[name] for name in (*SPENT, "label")},
                    scores={key: Mean(value) for key, value in row["scores"].items()},
                    source=measured.source,
                )
            )
    except (KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{path}: holds no measurements ({error})") from error
    return found


def _load_sweep(path: Path) -> Swept:
    content = read_json(path)
    try:
        swept = Swept(
            **{name: content[name] for name in (*SPENT, "seed", "points")},
            identity={
                "data": content["data"],
                "data_revision": content["data_revision"],
                **content["fingerprint"],
            },
        )
        if any(not isinstance(getattr(swept, name), str) for name in SPENT):
            raise TypeError("method, data and budget are text")
        name = f"{swept.method}-{swept.budget}-seed{swept.seed}-{content['data_revision']}.json"
        if path.parent.name != swept.data or path.name != name:
            raise RecordError(f"{path}: its content belongs to {swept.data}/{name}")
        for point in swept.points:
            check_numbers(point, "score", path)
            point["knob"]
    except (KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{path}: holds no sweep ({error})") from error
    return swept
