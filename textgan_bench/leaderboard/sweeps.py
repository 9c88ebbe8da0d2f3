"""Sweeps: the scores of one run at several settings of its knob, and how they are stored."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from textgan_bench.leaderboard.records import RecordError, check_numbers, read_json

KNOB = "knob"
"""The key of a point's own setting among its scores."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The points of one run and everything that they depend on."""

    method: str
    data: str
    budget: str
    seed: int
    knob: str
    """The argument of ``sample`` that is turned; its value stands in each point."""
    checkpoint: str
    """Hash of the file that was sampled."""
    data_revision: str
    fingerprint: dict[str, Any]
    """Of the scores, as in a record."""
    commit: str
    """Of the points scored last."""
    versions: dict[str, str]
    points: list[dict[str, float]]
    """Scores by key, in the order of the knob."""
    draws: list[dict[str, list[float]]]
    """Of each point, deviations of the scores of the axes over resamples of its samples; empty in
    sweeps of before."""

    @property
    def name(self) -> str:
        """What stands for it in figures and tables."""
        return f"{self.method} ({self.budget}, seed {self.seed})"

    def path(self, root: Path) -> Path:
        """Where it lies below the leaderboard's folder."""
        name = f"{self.method}-{self.budget}-seed{self.seed}-{self.data_revision}.json"
        return root / "sweeps" / self.data / name

    def settings(self) -> dict[str, Any]:
        """What two sweeps share whose points may stand in one figure."""
        return {"data_revision": self.data_revision, **self.fingerprint}


def load(path: Path) -> Sweep:
    """Read the points of a run.

    Raises:
        RecordError: the file is damaged.
    """
    try:
        content = read_json(path)
        content.setdefault("draws", [{} for _ in content["points"]])
        swept = Sweep(**content)
        for each in fields(Sweep):
            kind = {
                "fingerprint": dict,
                "versions": dict,
                "points": list,
                "draws": list,
                "seed": int,
            }
            if not isinstance(content[each.name], kind.get(each.name, str)):
                raise TypeError(f"{each.name} is of another kind")
        for point in swept.points:
            check_numbers(point, "score", path)
            if KNOB not in point:
                raise TypeError("a point has no setting")
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise RecordError(f"{path} holds no sweep ({error}); delete it to sweep again") from error
    return swept
