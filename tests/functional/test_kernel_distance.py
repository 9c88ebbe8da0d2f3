"""The kernel distance against scikit-learn's kernel and all pairs, its error by leaving out."""

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import polynomial_kernel
from torch import Tensor

from benchmarks.speed.work import work
from textgan_bench.functional import kernel_distance as module
from textgan_bench.functional.kernel_distance import (
    KernelDistance,
    cross_sums,
    kernel_distance,
    own_sums,
)


def normal(n: int, seed: int, shift: float = 0.0, dim: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return shift + torch.randn(n, dim, generator=generator, dtype=torch.float64)


def distance(x: Tensor, y: Tensor, gamma: float) -> KernelDistance:
    cross, cross_y = cross_sums(x, y, gamma)
    return kernel_distance(own_sums(x, gamma), cross, own_sums(y, gamma), cross_y)


def by_all_pairs(x: Tensor, y: Tensor, gamma: float | None = None) -> float:
    """The formula of torch-fidelity's KID over one subset, which is all of both sets."""
    xx, yy, xy = (
        polynomial_kernel(a, b, degree=3, gamma=gamma, coef0=1) for a, b in ((x, x), (y, y), (x, y))
    )
    m, n = xy.shape
    within = (xx.sum() - np.trace(xx)) / (m * (m - 1)) + (yy.sum() - np.trace(yy)) / (n * (n - 1))
    return float(within - 2 * xy.mean())


@pytest.mark.parametrize("cells", [1, 100, 2**22])
def test_equals_scikit_learn_however_it_is_cut(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CELLS", cells)
    x, y = normal(40, 0), normal(53, 1, shift=0.3)
    assert float(distance(x, y, 1 / 6).value) == pytest.approx(by_all_pairs(x, y), rel=1e-12)
    assert float(distance(x, y, 0.5).value) == pytest.approx(by_all_pairs(x, y, 0.5), rel=1e-12)


def test_the_error_is_the_jackknife() -> None:
    x, y = normal(15, 0), normal(11, 1, shift=0.3)
    variance = 0.0
    for side, n in ((0, 15), (1, 11)):
        left = []
        for i in range(n):
            kept = torch.arange(n) != i
            left.append(by_all_pairs(x[kept], y) if side == 0 else by_all_pairs(x, y[kept]))
        variance += (n - 1) * float(np.var(left))
    assert float(distance(x, y, 1 / 6).error) == pytest.approx(variance**0.5, rel=1e-10)


def test_no_bias_and_an_error_that_is_right() -> None:
    """Of 300 pairs of sets: around the exact value, and as far from it as the error says."""
    for shift, low, high in ((0.4, 0.85, 1.15), (0.0, 1.2, 1.7)):  # sqrt(2) where they are alike
        found = [
            distance(normal(60, 2 * i, shift), normal(40, 2 * i + 1), 1 / 6) for i in range(300)
        ]
        values = torch.stack([each.value for each in found])
        errors = torch.stack([each.error for each in found])
        spread = float(values.std())
        exact = exact_distance(shift, 6)
        assert abs(float(values.mean()) - exact) < 3 * spread / 300**0.5
        assert low < float(errors.square().mean().sqrt()) / spread < high


def exact_distance(shift: float, dim: int) -> float:
    """Of normal distributions: E (x.y / d + 1)^3 from the moments of x.y, means m and m'.

    x.y has the mean m.m', the second moment (m.m')^2 + |m|^2 + |m'|^2 + d and the third moment
    (m.m')^3 + 3 m.m' (|m|^2 + |m'|^2 + d) + 6 m.m' for independent x, y of unit covariance.
    """

    def kernel(a: float, b: float) -> float:
        dot, squares = dim * a * b, dim * (a * a + b * b)
        second = dot**2 + squares + dim
        third = dot**3 + 3 * dot * (squares + dim) + 6 * dot
        return third / dim**3 + 3 * second / dim**2 + 3 * dot / dim + 1

    return kernel(shift, shift) + kernel(0, 0) - 2 * kernel(shift, 0)


@pytest.mark.slow
def test_memory_is_bounded_at_20_000_by_20_000() -> None:
    points = normal(20_000, 0, dim=4)
    # A whole matrix of the kernel has 3.2 GB, a block 32 MB.
    assert work(lambda: distance(points, points, 0.25)).peak < 2e8
