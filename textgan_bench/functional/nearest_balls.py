"""How two sets of points cover each other: balls that reach to the k-th nearest neighbour.

Kynkäänniemi et al. (2019), "Improved precision and recall metric for assessing generative models",
and Naeem et al. (2020), "Reliable fidelity and diversity metrics for generative models". There the
balls are open and a ball that k copies of its centre shrink to a point holds nothing, not even
another copy: a perfect copy of text that repeats its sentences scores zero. Here the balls are
closed, and density divides by the points that a ball does hold besides its centre, which without
ties are k. Where no two distances are equal all four are those of the papers.

Shapes: M samples, N references, D dimensions. A block of the matrix of distances is held at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

import torch
from torch import Tensor

CELLS = 2**22
"""Numbers of a block of a matrix of pairs: 32 MB."""
ROWS = 256
"""Points that balls are asked for at once."""
EQUAL = 1e-10
"""Squared distances are equal, as a share of the points' mean square, below it: encoders compute in
float32 and give a sentence a little other vectors within other batches."""


class Coverage(NamedTuple):
    """What share of each set the balls around the other one hold."""

    precision: Tensor
    """Of samples in a ball of some reference, in [0, 1]."""
    recall: Tensor
    """Of references in a ball of some sample, in [0, 1]."""
    density: Tensor
    """Samples in a ball over references in it, mean of the balls of references times N / M: 1 in
    expectation for samples of the same distribution, up to 1 / k more where points repeat, and
    above where samples crowd."""
    coverage: Tensor
    """Of balls of references that hold a sample, in [0, 1]; near 1 - 2^-k in expectation for as
    many samples of the same distribution."""


@dataclass(frozen=True)
class Balls:
    """Closed balls around points, each up to the k-th nearest of the others."""

    points: Tensor
    """(N, D) centres."""
    reach: Tensor
    """(N,) squared radius, rounding allowed for."""
    held: Tensor
    """(N,) other points within: k, and those that are as near as the k-th."""

    @classmethod
    def around(cls, points: Tensor, k: int) -> Self:
        """Balls around (N, D) float64 points, N above ``k``."""
        slack = EQUAL * float((points - points.mean(0)).square().sum(1).mean())
        slack += torch.finfo(points.dtype).eps * float(points.square().sum(1).max())
        reach, held = points.new_empty(len(points)), points.new_empty(len(points))
        for part, distances in _squared_distances(points, points):
            row = torch.arange(len(distances))
            distances[row, row + part.start] = torch.inf  # a point is no neighbour of itself
            reach[part] = distances.topk(k, largest=False).values[:, -1] + slack
            held[part] = (distances <= reach[part, None]).sum(1).to(points)
        return cls(points, reach, held)

    def some(self, chosen: Tensor) -> Self:
        """Those where ``chosen`` (N,) is True, as they are."""
        return type(self)(self.points[chosen], self.reach[chosen], self.held[chosen])


def coverage(samples: Balls, references: Balls) -> Coverage:
    """Precision, recall, density and coverage of two sets of points.

    >>> one, two = (torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64) + x for x in (0, 0.5))
    >>> [round(float(x), 3) for x in coverage(Balls.around(two, 1), Balls.around(one, 1))]
    [1.0, 1.0, 1.667, 1.0]
    """
    accepted, covering = [], torch.zeros(len(references.points), dtype=torch.int64)
    recalled = torch.zeros(len(references.points), dtype=torch.bool)
    for part, distances in _squared_distances(samples.points, references.points):
        inside = distances <= references.reach
        accepted.append(inside.any(1))
        covering += inside.sum(0)
        recalled |= (distances <= samples.reach[part, None]).any(0)
    density = (covering / references.held).sum() / len(samples.points)
    return Coverage(
        torch.cat(accepted).double().mean(),
        recalled.double().mean(),
        density,
        (covering > 0).double().mean(),
    )


def covered(points: Tensor, balls: Balls) -> Tensor:
    """(N,) bool, which of the balls hold one of (M, D) float64 points.

    A ball that holds one is asked no more: most of as many points of the same distribution are
    compared with few of the balls.

    >>> line = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)
    >>> covered(line[:1] - 0.5, Balls.around(line, 1)).tolist()
    [True, False, False]
    """
    holds = torch.zeros(len(balls.points), dtype=torch.bool)
    if not len(holds):
        return holds
    left = torch.arange(len(balls.points))
    centre = balls.points.mean(0)  # near zero fewer digits are lost
    centres = balls.points - centre
    squares, reach = centres.square().sum(1), balls.reach
    for rows in points.split(ROWS):
        rows = rows - centre
        distances = torch.addmm(squares, rows, centres.T, alpha=-2)
        distances.add_(rows.square().sum(1, keepdim=True))
        found = (distances <= reach).any(0)
        if found.any():
            holds[left[found]] = True
            left, centres, squares, reach = (
                values[~found] for values in (left, centres, squares, reach)
            )
    return holds


def _squared_distances(points: Tensor, others: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """(rows, N) squared distances of rows of ``points``; a row's place is in the slice."""
    centre = others.mean(0)  # near zero fewer digits are lost
    others = others - centre
    squares = others.square().sum(1)
    size = max(1, CELLS // len(others))
    for start in range(0, len(points), size):
        part = slice(start, min(start + size, len(points)))
        rows = points[part] - centre
        distances = torch.addmm(squares, rows, others.T, alpha=-2)
        yield part, distances.add_(rows.square().sum(1, keepdim=True)).clamp_min_(0)
