"""Distance between distributions of sentence lengths."""

from torch import Tensor


def wasserstein_distance(counts: Tensor, other_counts: Tensor) -> Tensor:
    """1-Wasserstein (earth mover's) distance between two histograms over 0, 1, 2, ...

    On a line it is the area between the two distribution functions (Vallender, 1974, "Calculation
    of the Wasserstein distance between probability distributions on the line").

    Args:
        counts: (L,) number of sentences of each length.
        other_counts: (L,) numbers of the other side.

    Returns:
        Scalar in [0, L - 1], in the unit of the lengths: how many words a sentence has to be made
        longer or shorter by, on average.

    >>> import torch
    >>> wasserstein_distance(torch.tensor([0, 2, 2]), torch.tensor([0, 0, 1]))
    tensor(0.5000, dtype=torch.float64)
    """
    cdf, other_cdf = (
        side.double().cumsum(0) / side.double().sum() for side in (counts, other_counts)
    )
    return (cdf - other_cdf).abs().sum()
