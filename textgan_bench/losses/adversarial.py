"""Adversarial losses on raw scores (logits), and gradient penalties. Shapes: B batch."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from textgan_bench.kernels.shapes import shapes_are_fixed
from textgan_bench.losses.processes import holder_weight


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-E log sigmoid(real) - E log(1 - sigmoid(fake)) (Goodfellow et al., 2014), in nats.

    Args:
        real, fake: (B,) scores. At chance the loss is 2 ln 2.

    >>> round(discriminator_loss(torch.zeros(3), torch.zeros(3)).item(), 4)
    1.3863
    """
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def non_saturating_loss(fake: Tensor) -> Tensor:
    """-E log sigmoid(fake), the generator's loss (Goodfellow et al., 2014), in nats.

    >>> round(non_saturating_loss(torch.zeros(3)).item(), 4)
    0.6931
    """
    return F.softplus(-fake).mean()


def relativistic_loss(preferred: Tensor, other: Tensor) -> Tensor:
    """-E log sigmoid(preferred - other), the RSGAN of Jolicoeur-Martineau (2019), in nats.

    "The relativistic discriminator". The discriminator prefers real sentences, the generator its
    own.

    Args:
        preferred, other: (B, …) scores, of which those at the same place are a pair. At chance the
            loss is ln 2.

    >>> round(relativistic_loss(torch.zeros(3), torch.zeros(3)).item(), 4)
    0.6931
    """
    return F.softplus(other - preferred).mean()


def one_hot_product(table: Tensor) -> Tensor:
    """(E, E) inner product that gives gradients at embedded words the lengths of those at one-hots.

    A one-hot o is embedded as ``o @ table`` and so has the gradient ``table @ g``, of the squared
    length g tableᵀ table gᵀ, where g is that of the embedded word.

    Args:
        table: (V, E) word vectors.
    """
    product: Tensor = _Square.apply(table)
    return product


class _Square(torch.autograd.Function):
    """Backwards it is one product where that of two tensors takes two."""

    @staticmethod
    def forward(ctx: Any, table: Tensor) -> Tensor:
        ctx.save_for_backward(table)
        return table.T @ table

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        (table,) = ctx.saved_tensors
        return table @ (slope + slope.T)


def max_gradient_penalty(
    score: Callable[[Tensor, Tensor], Tensor], points: Tensor, lengths: Tensor, product: Tensor
) -> Tensor:
    """The largest ||d score / d point||^2 of the batch (Zhou et al., 2019; Huang et al., eq. 25).

    Only the largest norm has a gradient, so all norms are found by first derivatives and only that
    sentence, cut to its own length, is differentiated twice. This needs a score without dropout
    and without statistics over the batch. In ``fixed_shapes`` every sentence is differentiated
    twice, since the shapes of one alone depend on which it is.

    Args:
        score: function from (B, T, E) points and (B,) lengths to (B,) scores.
        points: (B, T, E) points, with or without history.
        lengths: (B,) numbers of positions that count.
        product: (E, E) inner product that lengths of gradients are taken by (``one_hot_product``).

    Returns:
        The penalty, differentiable in the score's parameters, in ``product`` and in the history of
        ``points``. With several processes the mean over them is the penalty of the largest of all.
    """
    if shapes_are_fixed():
        return max_gradient_penalty_of_all(score, points, lengths, product)
    leaf = points.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(score(leaf, lengths).sum(), leaf)
    largest, steepest = _squares(gradient, product.detach()).max(0)
    longest = int(lengths[steepest])
    point, length = points[steepest, None, :longest], lengths[steepest, None]
    if not point.requires_grad:
        point.requires_grad_()
    # Fused attention kernels have no second derivative.
    with sdpa_kernel(SDPBackend.MATH):
        (gradient,) = torch.autograd.grad(score(point, length).sum(), point, create_graph=True)
    return holder_weight(largest) * _squares(gradient, product).sum()


def max_gradient_penalty_of_all(
    score: Callable[[Tensor, Tensor], Tensor], points: Tensor, lengths: Tensor, product: Tensor
) -> Tensor:
    """``max_gradient_penalty`` written plainly: every sentence is differentiated twice.

    It costs more, but takes fewer operations, whose shapes do not depend on which norm is the
    largest. It allows a score with statistics over the batch, and one with dropout, except in a
    Transformer on a GPU.
    """
    with sdpa_kernel(SDPBackend.MATH):
        (gradient,) = torch.autograd.grad(score(points, lengths).sum(), points, create_graph=True)
    largest = _squares(gradient, product).max()
    return holder_weight(largest) * largest


def _squares(gradients: Tensor, product: Tensor) -> Tensor:
    """(B,) squared lengths of gradients (B, T, E)."""
    return (gradients @ product * gradients).sum((1, 2))


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """Mean of (||grad critic(c)|| - 1)^2 at c drawn evenly between pairs (Gulrajani et al., 2017).

    Args:
        critic: function from (B, H) points to (B, 1) scores. If it mixes examples, as batch
            normalisation does, the gradient of an example includes its effect on other scores.
        real, fake: (B, H) points, taken as constants.

    >>> linear = lambda points: points @ torch.tensor([[3.0], [4.0]])
    >>> gradient_penalty(linear, torch.zeros(2, 2), torch.ones(2, 2)).item()
    16.0
    """
    share = real.new_empty(len(real), 1).uniform_()
    points = torch.lerp(fake.detach(), real.detach(), share).requires_grad_()
    return unit_slope_penalty(critic, points)


def unit_slope_penalty(critic: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """Mean of (||d critic / d point|| - 1)^2, which asks for slopes of 1 everywhere.

    Args:
        critic: function from (B, …) points to (B, …) scores, of which those of an example are
            added up.
        points: (B, …) points that require a gradient, with or without history.

    Returns:
        The penalty, at least 0, differentiable in the critic and in the history of ``points``.

    >>> linear = lambda points: points @ torch.tensor([[3.0], [4.0]])
    >>> unit_slope_penalty(linear, torch.zeros(2, 2, requires_grad=True)).item()
    16.0
    """
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()
