"""Values and derivatives of functions of tensors, to compare two forms of one function."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
DTYPE = torch.float32 if torch.cuda.is_available() else torch.float64
TOLERANCE = 2e-5 if torch.cuda.is_available() else 1e-12


def derivatives(
    function: Callable[..., Tensor], inputs: Sequence[Tensor], steep: int
) -> list[Tensor]:
    """The value, its gradients, and those of the squared norm of the first ``steep`` gradients.

    With ``steep`` 0 the function need not be differentiable twice.
    """
    leaves = [x.clone().requires_grad_() for x in inputs]
    value = function(*leaves)
    weights = torch.arange(value.numel(), dtype=value.dtype, device=value.device).sin()
    loss = (value * weights.view_as(value)).sum() + value.square().sum()
    first = torch.autograd.grad(loss, leaves, create_graph=steep > 0)
    if not steep:
        return [value.detach(), *first]
    norm = torch.stack([gradient.square().sum() for gradient in first[:steep]]).sum()
    second = torch.autograd.grad(norm, leaves, allow_unused=True)
    return [value.detach(), *first, *(x for x in second if x is not None)]


def assert_alike(ours: list[Tensor], theirs: list[Tensor]) -> None:
    assert len(ours) == len(theirs)
    for ours_one, theirs_one in zip(ours, theirs, strict=True):
        error = (ours_one - theirs_one).norm() / theirs_one.norm()
        assert error <= TOLERANCE
