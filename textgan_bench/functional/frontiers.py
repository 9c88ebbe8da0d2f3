"""Whole curves of quality against diversity, compared where both have a value.

A single setting of a knob is a point, and which of two points is better depends on the knob. So
curves are compared at equal diversity (Caccia et al., 2020, "Language GANs falling short";
"Generative frontiers", arXiv 2604.02718). A curve joins the points of a run in the order of its
knob by straight lines; where it passes one diversity twice, its better part counts. What two curves
differ by is their mean distance over the diversities that both reach, and which of them is ahead by
more than twice the standard error, over which share of these.

Errors are those of sampling: each point is moved by scores of subsets of its samples
(``bootstrap.resampled``), both of its scores by the same subset. They do not include the spread of
training again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

PLACES = 201
"""Diversities at which curves are compared."""

Better = Literal["↑", "↓"]


@dataclass(frozen=True)
class Frontier:
    """Diversity and quality of a run at each setting of its knob, and how both vary."""

    diversity: FloatArray
    """(P,) scores in the order of the knob."""
    quality: FloatArray
    """(P,)."""
    diversity_draws: FloatArray
    """(R, P) deviations of each score over resamples of each point's samples."""
    quality_draws: FloatArray
    """(R, P)."""

    @property
    def reach(self) -> tuple[float, float]:
        """Least and most diversity."""
        return float(self.diversity.min()), float(self.diversity.max())

    def heights(self, places: FloatArray, better: Better) -> FloatArray:
        """(1 + R, G) quality at (G,) diversities: of the points, then of each resample.

        It is nan beyond the reach of the curve.
        """
        moved_x = np.vstack([self.diversity, self.diversity + self.diversity_draws])
        moved_y = np.vstack([self.quality, self.quality + self.quality_draws])
        return np.array(
            [envelope(x, y, places, better) for x, y in zip(moved_x, moved_y, strict=True)]
        )


def envelope(x: FloatArray, y: FloatArray, places: FloatArray, better: Better) -> FloatArray:
    """(G,) the best of the lines that join points (P,), in their order, at each place.

    >>> x, y = np.array([0.0, 2.0, 1.0]), np.array([0.0, 2.0, 4.0])
    >>> envelope(x, y, np.array([0.5, 1.5, 3.0]), "↑").tolist()
    [0.5, 3.0, nan]
    """
    worst, best = (-np.inf, np.fmax) if better == "↑" else (np.inf, np.fmin)
    height = np.full(len(places), worst)
    for i in range(max(len(x) - 1, 1)):
        ends = x[i : i + 2], y[i : i + 2]
        order = np.argsort(ends[0])
        line = np.interp(places, ends[0][order], ends[1][order], left=np.nan, right=np.nan)
        height = best(height, line)
    return np.where(np.isfinite(height), height, np.nan)


class Comparison(NamedTuple):
    """How far one curve is ahead of another where both have a value."""

    distance: float
    """Mean over the diversities, positive where the first one is better."""
    error: float
    """Standard error of the distance."""
    ahead: float
    """Share of the diversities at which the first one is ahead by more than two standard errors."""
    behind: float
    """Share at which it is behind by more than that."""


def overlap(frontiers: Sequence[Frontier]) -> FloatArray | None:
    """(``PLACES``,) diversities that all curves reach, None where there are none."""
    low = max(frontier.reach[0] for frontier in frontiers)
    high = min(frontier.reach[1] for frontier in frontiers)
    return None if low >= high else np.linspace(low, high, PLACES)


def mean_height(
    frontier: Frontier, places: FloatArray, better: Better
) -> tuple[float, float] | None:
    """The area under a curve over some diversities, divided by their range, and its error.

    None where fewer than half of the resamples reach any of them.
    """
    heights = frontier.heights(places, better)
    resampled = _reaching(heights[1:])
    if resampled is None:
        return None
    return float(np.nanmean(heights[0])), float(np.nanmean(resampled, axis=1).std(ddof=1))


def _reaching(resampled: FloatArray) -> FloatArray | None:
    """The resamples (R, G) that have a value anywhere, None where fewer than half do."""
    found = resampled[np.isfinite(resampled).any(axis=1)]
    return None if 2 * len(found) < len(resampled) else found


def compare(one: Frontier, other: Frontier, better: Better) -> Comparison | None:
    """The comparison of two curves with as many resamples; None where they do not overlap.

    Nor do they where fewer than half of the resamples do: the overlap is one of chance.

    >>> even, still = np.array([0.0, 1.0]), np.zeros((2, 2))
    >>> one, other = (Frontier(even, even + up, still, still) for up in (0.5, 0.0))
    >>> compare(one, other, "↑")
    Comparison(distance=0.5, error=0.0, ahead=1.0, behind=0.0)
    """
    places = overlap([one, other])
    if places is None:
        return None
    sign = 1.0 if better == "↑" else -1.0
    gaps = sign * (one.heights(places, better) - other.heights(places, better))  # (1 + R, G)
    resampled = _reaching(gaps[1:])
    if resampled is None:
        return None
    # At the ends some resamples do not reach a place: those that do tell its error.
    band = 2 * np.nanstd(resampled, axis=0, ddof=1)
    return Comparison(
        float(np.nanmean(gaps[0])),
        float(np.nanmean(resampled, axis=1).std(ddof=1)),
        float((gaps[0] > band).mean()),
        float((gaps[0] < -band).mean()),
    )


def frontier(
    points: Sequence[Mapping[str, float]],
    draws: Sequence[Mapping[str, Sequence[float]]],
    diversity: str,
    quality: str,
) -> Frontier | None:
    """The curve of two scores through the points of a run; None with fewer than two such points.

    Args:
        points: scores by key, in the order of the knob.
        draws: deviations over resamples of each point's scores, by key.
        diversity: key of the horizontal score.
        quality: key of the vertical one.
    """
    keys = (diversity, quality)
    kept = [
        (point, draw)
        for point, draw in zip(points, draws, strict=True)
        if all(key in point and key in draw for key in keys)
    ]
    if len(kept) < 2:
        return None
    return Frontier(
        *(np.array([point[key] for point, _ in kept]) for key in keys),
        *(np.array([draw[key] for _, draw in kept]).T for key in keys),
    )
