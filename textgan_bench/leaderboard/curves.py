"""Training curves: the validation scores of one run, and how they are stored.

A curve lies beside its record, ``curves/<data>/<record>.json``. It is thinned and rounded: it shows
how a training went, and no number of a table comes from it.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from textgan_bench.files import replace_text
from textgan_bench.leaderboard.columns import COLUMNS, NOT_SHOWN
from textgan_bench.leaderboard.records import (
    LARGEST,
    Record,
    RecordError,
    check_numbers,
    read_json,
)

KEPT = 60
"""Validations at most, evenly spread, the last one among them: about a pixel in five of a figure,
and some kilobytes a run."""

DIGITS = 5
"""Significant digits that are kept, more than any figure shows."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Validation scores of one run against the training batches done before."""

    record: str
    """Name of the record's file, without its suffix."""
    data: str
    batches: list[int]
    scores: dict[str, list[float | None]]
    """By key, a score a validation; None where the samples did not determine it."""

    def path(self, root: Path) -> Path:
        """Where it lies below the leaderboard's folder."""
        return root / "curves" / self.data / f"{self.record}.json"


def curve_of(record: Record, validations: Mapping[int, Mapping[str, float]]) -> Curve:
    """The curve of a run, of the scores that tables show.

    Args:
        record: that of the run.
        validations: scores by key at each number of training batches.
    """
    places = sorted(validations)
    if len(places) > KEPT:
        step = (len(places) - 1) / (KEPT - 1)
        places = [places[round(step * number)] for number in range(KEPT)]
    shown = {column.key for column in COLUMNS}.difference(NOT_SHOWN)
    keys = sorted({key for place in places for key in validations[place]} & shown)
    return Curve(
        record=record.stem,
        data=record.data,
        batches=places,
        scores={key: [_rounded(validations[place].get(key)) for place in places] for key in keys},
    )


def store_curve(curve: Curve, root: Path) -> Path:
    """Store a curve; its file is complete or not there at all."""
    path = curve.path(root)
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in asdict(curve).items()]
    replace_text(path, "{\n" + ",\n".join(lines) + "\n}\n")
    return path


def load_curve(path: Path) -> Curve:
    """Read a curve.

    Raises:
        RecordError: the file is no curve, or that of another record.
    """
    content = read_json(path)
    try:
        curve = Curve(**content)
        _check(curve, path)
        if curve.path(path.parent.parent.parent) != path:
            raise RecordError(f"{path}: its content belongs to {curve.data}/{curve.record}")
    except (TypeError, AttributeError) as error:
        raise RecordError(f"{path}: holds no curve ({error})") from error
    return curve


def _check(curve: Curve, path: Path) -> None:
    if not isinstance(curve.record, str) or not isinstance(curve.data, str):
        raise TypeError("record and data are text")
    check_numbers({str(place): each for place, each in enumerate(curve.batches)}, "batch", path)
    if any(
        later <= before for before, later in zip(curve.batches, curve.batches[1:], strict=False)
    ):
        raise TypeError("its batches do not rise")
    for key, values in curve.scores.items():
        known = {str(place): each for place, each in enumerate(values) if each is not None}
        check_numbers(known, f"{key} of validation", path)
        if len(values) != len(curve.batches):
            raise TypeError(f"{key} has {len(values)} of {len(curve.batches)} validations")


def _rounded(value: float | None) -> float | None:
    if value is None or not math.isfinite(value) or abs(value) > LARGEST:
        return None
    return float(f"{value:.{DIGITS}g}")


def values_at(curves: Sequence[Curve], key: str) -> dict[int, list[float]]:
    """What the seeds of a row scored, by the training batches done before."""
    found: dict[int, list[float]] = {}
    for curve in curves:
        for place, value in zip(curve.batches, curve.scores.get(key, ()), strict=False):
            if value is not None:
                found.setdefault(place, []).append(value)
    return dict(sorted(found.items()))
