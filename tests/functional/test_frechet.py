"""The distance against scipy's matrix square root and closed forms."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from textgan_bench.functional.frechet import frechet_distance


def gaussian(seed: int, n: int, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(dim, dim, generator=generator, dtype=torch.float64)
    points = torch.randn(n, dim, generator=generator, dtype=torch.float64) @ mixing
    return points.mean(dim=0), torch.cov(points.T)


@pytest.mark.parametrize("dim", [2, 16, 128])
def test_equals_scipy(dim: int) -> None:
    (mean_1, cov_1), (mean_2, cov_2) = gaussian(1, 4 * dim, dim), gaussian(2, 4 * dim, dim)
    root = sqrtm((cov_1 @ cov_2).numpy()).real
    expected = (mean_1 - mean_2).square().sum() + cov_1.trace() + cov_2.trace() - 2 * np.trace(root)
    assert float(frechet_distance(mean_1, cov_1, mean_2, cov_2)) == pytest.approx(
        float(expected), rel=1e-8
    )


def test_singular_covariances_that_commute() -> None:
    """Diagonal covariances give the sum of squared differences of standard deviations."""
    generator = torch.Generator().manual_seed(0)
    rotation = torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64)).Q
    std_1 = torch.tensor([3.0, 1.0, 0.5, 0.0, 0.0, 0.0], dtype=torch.float64)
    std_2 = torch.tensor([1.0, 0.0, 0.5, 2.0, 0.0, 0.0], dtype=torch.float64)
    cov_1, cov_2 = (rotation @ torch.diag(std**2) @ rotation.T for std in (std_1, std_2))
    mean = torch.arange(6, dtype=torch.float64)
    distance = frechet_distance(mean, cov_1, torch.zeros_like(mean), cov_2)
    assert float(distance) == pytest.approx(55 + 9, rel=1e-7)


def test_equal_gaussians_are_at_distance_zero() -> None:
    mean, cov = gaussian(3, 20, 64)  # of rank 19
    distance = float(frechet_distance(mean, cov, mean, cov))
    assert 0 <= distance < 1e-6 * float(cov.trace())
