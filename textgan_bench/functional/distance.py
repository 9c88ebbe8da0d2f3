"""Distances of distributions over few outcomes."""

from torch import Tensor


def total_variation(counts: Tensor, expected: Tensor) -> Tensor:
    """Half the sum of absolute differences of two sets of counts as shares, in [0, 1].

    Of n draws from the expected distribution p itself it is not 0 but about
    sum_i sqrt(p_i (1 - p_i) / 2 pi n), half of the mean absolute errors of the shares.

    Args:
        counts: any shape, not negative, with a positive sum.
        expected: the same.

    >>> import torch
    >>> float(total_variation(torch.tensor([3.0, 1.0]), torch.tensor([1.0, 1.0])))
    0.25
    """
    return (counts / counts.sum() - expected / expected.sum()).abs().sum() / 2
