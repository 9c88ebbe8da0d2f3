"""Discrete choices and gradients through them: Gumbel noise, the straight-through estimator.

Shapes: N tokens, V vocabulary, E embedding.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from textgan_bench.kernels.row_chunks import row_chunks

MANY, BLOCK = 1_024, 64
"""Symbols from which on they are drawn in two steps, and symbols of a block; measured."""


def gumbel_noise_like(scores: Tensor) -> Tensor:
    """Standard Gumbel noise -log(-log(u)) in the shape of ``scores``.

    >>> gumbel_noise_like(torch.zeros(2, 3)).shape
    torch.Size([2, 3])
    """
    # In place: several times faster than the expression, since large temporaries are what costs.
    uniform = torch.rand_like(scores).clamp_(min=torch.finfo(scores.dtype).tiny)
    return uniform.log_().neg_().log_().neg_()


def draw(logits: Tensor) -> Tensor:
    """(B,) one index of each row of ``logits`` (B, V), drawn from its softmax.

    Inverts the distribution function at one uniform number a row, where ``multinomial`` would draw
    V numbers. Scaling by the last sum keeps the target below it whatever the sum's rounding. Sum
    and number have the precision of ``logits``: float32 tells no more than 2^24 places apart.
    """
    drawn = [_draw(rows - rows.amax(1, keepdim=True)) for (rows,) in row_chunks(logits)]
    return torch.cat(drawn).squeeze(-1)


def draw_(logits: Tensor) -> Tensor:
    """``draw`` in the memory of ``logits``, whose values are lost: they may still be in cache."""
    drawn = [_draw(rows.sub_(rows.amax(1, keepdim=True))) for (rows,) in row_chunks(logits)]
    return torch.cat(drawn).squeeze(-1)


def _draw(logits: Tensor) -> Tensor:
    """(N, 1) symbols drawn by ``logits`` (N, V), of which none is above 0, in their memory."""
    uniform = torch.rand(len(logits), 1, dtype=logits.dtype, device=logits.device)
    invert = _invert_by_blocks if logits.shape[1] >= MANY else _invert
    # Past the end only of a row that is not finite: it is for the loss to show, no index error.
    return invert(logits.exp_(), uniform).clamp_max_(logits.shape[1] - 1)


def _invert(weights: Tensor, uniform: Tensor) -> Tensor:
    """(N, 1) symbols at which the sums over (N, V) pass a share ``uniform`` (N, 1) of the whole."""
    cdf = weights.cumsum_(-1)
    return torch.searchsorted(cdf, uniform * cdf[:, -1:], right=True)


def _invert_by_blocks(weights: Tensor, uniform: Tensor) -> Tensor:
    """``_invert`` in half the time: the block is found first, the symbol within it."""
    n, width = weights.shape
    whole = width // BLOCK
    sums = weights.new_empty(n, -(-width // BLOCK))
    torch.sum(weights[:, : whole * BLOCK].unflatten(1, (whole, BLOCK)), 2, out=sums[:, :whole])
    sums[:, whole:] = weights[:, whole * BLOCK :].sum(1, keepdim=True)
    cdf = sums.cumsum(1)
    target = uniform * cdf[:, -1:]
    block = torch.searchsorted(cdf, target, right=True).clamp_max_(sums.shape[1] - 1)  # (N, 1)
    target = target - (cdf.gather(1, block) - sums.gather(1, block))
    # The last block ends with the row and starts in the one before, whose symbols do not count.
    first = (block * BLOCK).clamp_max(width - BLOCK)
    place = torch.arange(BLOCK, device=weights.device)
    inside = weights.gather(1, first + place)
    inside = inside.masked_fill_(place < block * BLOCK - first, 0.0).cumsum_(1)
    return first + torch.searchsorted(inside, target, right=True).clamp_max_(BLOCK - 1)


@torch.no_grad()
def add_gumbel_noise_(scores: Tensor) -> Tensor:
    """Add standard Gumbel noise to ``scores`` (N, V) in place; the gradient passes through."""
    for (rows,) in row_chunks(scores):
        rows.add_(gumbel_noise_like(rows))
    return scores


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, words: Tensor, scores: Tensor, table: Tensor, temperature: float
    ) -> Tensor:
        ctx.save_for_backward(scores, table)
        ctx.temperature = temperature
        return words.view_as(words)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        if not ctx.needs_input_grad[1]:
            return gradient, None, None, None
        scores, table = ctx.saved_tensors
        u = (gradient / ctx.temperature) @ table.T  # (…, V), the gradient at the one-hot
        for s, slope in row_chunks(scores.reshape(-1, len(table)), u.view(-1, len(table))):
            p = torch.softmax(s / ctx.temperature, -1)  # (N, V)
            # Jacobian of the softmax: p (u - <p, u>) / temperature, in place of u.
            inner = slope.mul_(p).sum(-1, keepdim=True)
            slope.addcmul_(p, inner, value=-1)
        return gradient, u, None, None


def straight_through_embedding(scores: Tensor, table: Tensor, temperature: float) -> Tensor:
    """Embed argmax one-hots, differentiating them as softmax(scores / temperature).

    Equal to ``o @ table`` with o = stop_gradient(o' - o'') + o'', o' = onehot(argmax scores),
    o'' = softmax(scores / temperature) (Huang et al., 2021, eq. 22-24), but neither the one-hots
    nor their product with the table is formed. The table gets the gradient of the words.

    Args:
        scores: (…, V) scores of words.
        table: (V, E) word vectors.
        temperature: positive number.

    Returns:
        (…, E) word vectors.

    >>> scores = torch.tensor([[0.0, 2.0]], requires_grad=True)
    >>> straight_through_embedding(scores, torch.tensor([[1.0], [3.0]]), 1.0)
    tensor([[3.]], grad_fn=<_StraightThroughBackward>)
    """
    words = F.embedding(scores.argmax(-1), table)
    return _StraightThrough.apply(words, scores, table.detach(), temperature)


class _Choice(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scores: Tensor, values: Tensor, temperature: float) -> Tensor:
        words = scores.argmax(-1, keepdim=True)
        ctx.save_for_backward(scores, values, words)
        ctx.temperature = temperature
        return values.gather(-1, words).squeeze(-1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        scores, values, words = ctx.saved_tensors
        slopes = values * (gradient / ctx.temperature)[:, None]
        for s, slope in row_chunks(scores, slopes):
            p = torch.softmax(s / ctx.temperature, -1)  # (N, V)
            inner = slope.mul_(p).sum(-1, keepdim=True)
            slope.addcmul_(p, inner, value=-1)
        return slopes, torch.zeros_like(values).scatter_(-1, words, gradient[:, None]), None


def straight_through_choice(scores: Tensor, values: Tensor, temperature: float) -> Tensor:
    """The value of the argmax word, which is differentiated as softmax(scores / temperature).

    Equal to ``(o * values).sum(-1)`` with the one-hots o of ``straight_through_embedding``, which
    are not formed.

    Args:
        scores: (N, V) scores of words.
        values: (N, V) value of each word, in a row of its own.
        temperature: positive number.

    Returns:
        (N,) values, differentiable in both.

    >>> straight_through_choice(torch.tensor([[0.0, 2.0]]), torch.tensor([[5.0, 7.0]]), 1.0)
    tensor([7.])
    """
    chosen: Tensor = _Choice.apply(scores, values, temperature)
    return chosen


def soft_embedding(scores: Tensor, table: Tensor, temperature: float) -> Tensor:
    """Mean vectors softmax(scores / temperature) @ table (Chen et al., 2018, soft-argmax).

    "Adversarial text generation via feature-mover's distance". Both arguments get gradients.

    Args:
        scores: (…, V) scores of words.
        table: (V, E) word vectors.
        temperature: positive number.

    Returns:
        (…, E) word vectors.

    >>> soft_embedding(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0], [3.0]]), 1.0)
    tensor([[2.]])
    """
    return torch.softmax(scores / temperature, -1) @ table
