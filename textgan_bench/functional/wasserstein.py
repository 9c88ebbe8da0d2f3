"""Gradient penalty of a Wasserstein critic. Shapes: B batch, H width."""

from collections.abc import Callable

import torch
from torch import Tensor


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """Mean of (||grad critic(c)|| - 1)^2 at c drawn evenly between pairs (Gulrajani et al., 2017).

    Args:
        critic: (B, H) points to (B, 1) scores. Where it mixes examples, as batch normalisation
            does, the gradient of an example includes its effect on the scores of the others.
        real, fake: (B, H), taken as constants.

    >>> linear = lambda points: points @ torch.tensor([[3.0], [4.0]])
    >>> gradient_penalty(linear, torch.zeros(2, 2), torch.ones(2, 2)).item()
    16.0
    """
    share = real.new_empty(len(real), 1).uniform_()
    points = torch.lerp(fake.detach(), real.detach(), share).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return (gradient.norm(dim=1) - 1).square().mean()
