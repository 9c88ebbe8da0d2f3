"""Fréchet distance between two Gaussians, the squared 2-Wasserstein distance.

Dowson & Landau (1982), "The Fréchet distance between multivariate normal distributions".
"""

import torch
from torch import Tensor


def frechet_distance(mean_1: Tensor, cov_1: Tensor, mean_2: Tensor, cov_2: Tensor) -> Tensor:
    """Distance |mu_1 - mu_2|^2 + tr(C_1 + C_2 - 2 (C_1 C_2)^(1/2)), in [0, inf).

    (C_1 C_2)^(1/2) has the eigenvalues of the symmetric (C_1^(1/2) C_2 C_1^(1/2))^(1/2), which
    exists for singular covariances as well. Rounding leaves eigenvalues, and the distance of equal
    Gaussians, a little below zero: both are clipped.

    Args:
        mean_1: (D,) mean, in float64 like the other arguments.
        cov_1: (D, D) covariance, symmetric positive semi-definite.
        mean_2: (D,) mean of the other Gaussian.
        cov_2: (D, D) covariance of the other Gaussian.

    >>> double = dict(dtype=torch.float64)
    >>> zero, one = torch.zeros(2, **double), torch.eye(2, **double)
    >>> float(frechet_distance(zero, one, zero + 3, 4 * one))  # 2 (3^2) + 2 (1 - 2)^2
    20.0
    """
    values, vectors = torch.linalg.eigh(cov_1)
    root_1 = (vectors * values.clamp_min(0).sqrt()) @ vectors.T  # (D, D), C_1^(1/2)
    root_product = torch.linalg.eigvalsh(root_1 @ cov_2 @ root_1).clamp_min(0).sqrt()
    difference = mean_1 - mean_2
    distance = difference @ difference + cov_1.trace() + cov_2.trace() - 2 * root_product.sum()
    return distance.clamp_min(0)
