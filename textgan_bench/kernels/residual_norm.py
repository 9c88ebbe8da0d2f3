"""Layer normalisation of a sum (Ba et al., 2016; Vaswani et al., 2017, section 3.1 and 5.4)."""

import torch.nn.functional as F
from torch import Tensor

from textgan_bench.kernels.dropout import NO_DROPOUT, Dropout
from textgan_bench.kernels.gpu_kernels import can_take


def residual_norm(
    x: Tensor,
    change: Tensor,
    weight: Tensor,
    bias: Tensor,
    dropout: Dropout = NO_DROPOUT,
    eps: float = 1e-5,
) -> Tensor:
    """``LayerNorm(x + dropout(change))``, on a GPU by kernels of its own (``triton_norm``).

    It may be differentiated twice. On a GPU the gradients of ``weight`` and ``bias``, and all
    gradients with dropout, may be differentiated only once.

    Args:
        x, change: (…, H) states, and the change that is added to them.
        weight, bias: (H,) gain and bias of the normalisation.
        dropout: rate of dropout of ``change``.
        eps: number added to the variance.

    Returns:
        (…, H) normalised states.

    Raises:
        NotImplementedError: a second derivative is asked for that a GPU does not have.

    >>> import torch
    >>> residual_norm(torch.zeros(2), torch.tensor([1.0, 3.0]), torch.ones(2), torch.zeros(2))
    tensor([-1.0000,  1.0000])
    """
    if x.shape == change.shape and can_take(x, change, weight, bias):
        from textgan_bench.kernels.triton_norm import FusedResidualNorm

        seed = dropout.seed(x.device)
        dense = x.contiguous(), change.contiguous()
        return FusedResidualNorm.apply(seed, dropout.rate, eps, *dense, weight, bias)
    return F.layer_norm(dropout.add(x, change), weight.shape, weight, bias, eps)
