"""Vendi score and RKE against eigenvalues of the matrix of similarities and closed forms."""

import numpy as np
import pytest
import torch
from torch import Tensor

from textgan_bench.functional.effective_number import (
    EffectiveNumbers,
    directions,
    effective_numbers,
)


def numbers(points: Tensor) -> EffectiveNumbers:
    units, zeros = directions(points)
    return effective_numbers(units.T @ units / len(points), zeros / len(points))


def by_similarities(points: Tensor) -> tuple[float, float]:
    """From the (n, n) matrix: points without a direction are like each other alone."""
    norm = points.norm(dim=1, keepdim=True)
    units = torch.cat([points / norm.clamp_min(1e-300), (norm == 0).double()], 1)
    share = np.linalg.eigvalsh((units @ units.T / len(points)).numpy())
    share = share[share > 1e-14]
    return float(np.exp(-(share * np.log(share)).sum())), float(1 / (share**2).sum())


@pytest.mark.parametrize("zeros", [0, 3])
@pytest.mark.parametrize("n", [5, 60])
def test_equals_the_matrix_of_similarities(n: int, zeros: int) -> None:
    points = torch.randn(n, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    points[:zeros] = 0
    assert [float(x) for x in numbers(points)] == pytest.approx(by_similarities(points), rel=1e-10)


def test_kinds_of_unequal_frequency() -> None:
    """Orthogonal points: the exponentials of Shannon's entropy and of the collision entropy."""
    share = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    points = torch.eye(3, dtype=torch.float64).repeat_interleave((10 * share).long(), 0)
    vendi, rke = numbers(points)
    assert float(vendi) == pytest.approx(float((-(share * share.log()).sum()).exp()))
    assert float(rke) == pytest.approx(1 / 0.38)
    assert [float(x) for x in numbers(points.repeat(7, 1))] == pytest.approx(
        [float(vendi), float(rke)]
    )


def test_copies_add_nothing() -> None:
    one = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    assert [float(x) for x in numbers(one.repeat(50, 1))] == pytest.approx([1, 1])
