"""Kernel distance between two sets of points: unbiased, and with its standard error.

Bińkowski et al. (2018), "Demystifying MMD GANs", the KID: the squared maximum mean discrepancy by
the kernel k(x, y) = (gamma x . y + 1)^3. Its unbiased estimate is that of Gretton et al. (2012), "A
kernel two-sample test", lemma 6, over all pairs instead of means over subsets.

Shapes: M points x, N points y, D dimensions. A block of the kernel's matrix is held at a time.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

DEGREE = 3
CELLS = 2**22
"""Numbers of a block of a matrix of pairs: 32 MB."""


class KernelDistance(NamedTuple):
    """An estimate of the squared distance, and how sure it is."""

    value: Tensor
    """Unbiased: around zero, and below zero as often as above, for sets of one distribution."""
    error: Tensor
    """Standard error of both sets together."""


def own_sums(points: Tensor, gamma: float) -> Tensor:
    """(M,) sums of k(x_i, x_j) over j other than i.

    >>> own_sums(torch.tensor([[0.0], [1.0], [2.0]], dtype=torch.float64), 1.0).tolist()
    [2.0, 28.0, 28.0]
    """
    rows = torch.cat([kernel.sum(1) for _, kernel in _blocks(points, points, gamma)])
    return rows - (gamma * points.square().sum(1) + 1) ** DEGREE


def cross_sums(points: Tensor, others: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
    """(M,) sums of k(x_i, y_j) over j, and (N,) sums over i."""
    rows = points.new_zeros(len(points))
    columns = others.new_zeros(len(others))
    for part, kernel in _blocks(points, others, gamma):
        rows[part] = kernel.sum(1)
        columns += kernel.sum(0)
    return rows, columns


def kernel_distance(own: Tensor, cross: Tensor, own_y: Tensor, cross_y: Tensor) -> KernelDistance:
    """The squared distance from sums of the kernel.

    The error is that of the jackknife of each set (Efron & Stein, 1981), which leaves out a point
    at a time: right where the distributions differ, and up to sqrt(2) times too large where they do
    not.

    Args:
        own: (M,) ``own_sums`` of x, M at least 3, in float64 like the others.
        cross: (M,) the first of ``cross_sums``.
        own_y: (N,) ``own_sums`` of y, N at least 3.
        cross_y: (N,) the second of ``cross_sums``.
    """
    m, n = len(own), len(own_y)
    within, within_y, between = own.sum(), own_y.sum(), cross.sum()
    mean_x, mean_y, mean_xy = within / (m * (m - 1)), within_y / (n * (n - 1)), between / (m * n)
    without = (within - 2 * own) / ((m - 1) * (m - 2)) - 2 * (between - cross) / ((m - 1) * n)
    without_y = (within_y - 2 * own_y) / ((n - 1) * (n - 2)) - 2 * (between - cross_y) / (
        m * (n - 1)
    )
    # (m - 1) / m times the sum of squares about the mean
    variance = (m - 1) * without.var(unbiased=False) + (n - 1) * without_y.var(unbiased=False)
    return KernelDistance(mean_x + mean_y - 2 * mean_xy, variance.sqrt())


def _blocks(points: Tensor, others: Tensor, gamma: float) -> Iterator[tuple[slice, Tensor]]:
    size = max(1, CELLS // max(1, len(others)))
    for start in range(0, len(points), size):
        part = slice(start, start + size)
        yield part, (gamma * (points[part] @ others.T)).add_(1).pow_(DEGREE)
