"""The effective number of different points: exponentials of the entropy of their similarities.

Friedman & Dieng (2023), "The Vendi score": exp of the von Neumann entropy of K / n, where K_ij is
the similarity of two of n points and K_ii = 1. Jalali et al. (2023), "An information-theoretic
evaluation of generative models in learning multi-modal distributions": the same of order two, 1 /
tr (K / n)^2, the RKE, which takes fewer samples to settle (Ospanov & Farnia, 2025, "On the
statistical complexity of the Vendi score").

The similarity is the cosine, whose K has the eigenvalues of the points' (D, D) second moment: a sum
over points, in memory that does not grow with them.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class EffectiveNumbers(NamedTuple):
    """From 1, all points have one direction, to the smaller of their number and D."""

    vendi: Tensor
    """Of order one."""
    rke: Tensor
    """Of order two, at most that of order one."""


def directions(points: Tensor) -> tuple[Tensor, int]:
    """The rows of (n, D) points scaled to length one, and how many have no direction, being zero.

    >>> directions(torch.tensor([[3.0, 4.0], [0.0, 0.0]], dtype=torch.float64))[1]
    1
    """
    length = points.norm(dim=1)
    return points[length > 0] / length[length > 0, None], int((length == 0).sum())


def effective_numbers(second_moment: Tensor, zeros: float) -> EffectiveNumbers:
    """The effective numbers of points.

    Args:
        second_moment: (D, D) float64, sum of outer products of the ``directions`` over the number
            n of all points.
        zeros: share of points without a direction, which are like each other and like no other.

    >>> [round(float(x), 6) for x in effective_numbers(torch.eye(2, dtype=torch.float64) / 2, 0)]
    [2.0, 2.0]
    """
    share = torch.linalg.eigvalsh(second_moment).clamp_min(0)
    share = torch.cat([share, share.new_tensor([zeros])])
    return EffectiveNumbers(torch.special.entr(share).sum().exp(), 1 / share.square().sum())
