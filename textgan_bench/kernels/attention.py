"""Scaled dot-product attention of several heads (Vaswani et al., 2017, section 3.2)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from textgan_bench.kernels.dropout import NO_DROPOUT, Dropout
from textgan_bench.kernels.gpu_kernels import can_take
from textgan_bench.kernels.shapes import shapes_are_fixed
from textgan_bench.kernels.sources import split, total_width

OWN = -1e4
"""Added to a word's score of itself: finite, so that the only word of a sentence has one."""

LARGEST = 32
"""Largest number of words of a sentence, and of dimensions of a head, that were measured."""


def attention(
    bias: Tensor | None,
    *sources: Tensor,
    heads: int,
    dropout: Dropout = NO_DROPOUT,
    causal: bool = False,
    others: bool = False,
) -> Tensor:
    """(B, T, H) of queries, keys and values, side by side in ``sources``.

    Between the words of padded sentences a GPU uses the kernels of ``triton_attention``, which may
    be differentiated twice where there is no dropout. Without them a second derivative needs the
    math backend of PyTorch, which ``torch.nn.attention.sdpa_kernel`` chooses.

    Args:
        bias: (B, 1, 1, S) number added to the scores of each key, zero or minus infinity.
        sources: tensors (B, T, n H) that hold n of queries, keys and values side by side, head by
            head: three in all. Keys and values may have another time S; B is 1 of queries and keys,
            side by side, that all sentences share.
        heads: number of heads, of H / heads dimensions each.
        dropout: rate of dropout of probabilities.
        causal: whether a word attends only to those before it and to itself. Padding stands behind
            the words, so that nothing of ``bias`` is left for them.
        others: whether a word attends to the others alone, and to itself where there are none.

    >>> import torch
    >>> values = torch.tensor([[[1.0], [5.0]]])
    >>> attention(None, torch.zeros(1, 2, 2), values, heads=1)  # all keys alike
    tensor([[[3.],
             [3.]]])
    """
    batch = max(map(len, sources))
    if causal:
        bias = None
    spread = [x.expand(batch, -1, -1) for x in sources]
    if bias is not None and _fit(bias, spread, heads) and can_take(bias, *spread):
        from textgan_bench.kernels.triton_attention import FusedAttention

        seed = dropout.seed(bias.device)
        own = OWN if others else 0.0
        return FusedAttention.apply(seed, dropout.rate, heads, own, bias.contiguous(), *spread)
    like = spread[0]
    own_scores = None
    if others:
        own_scores = torch.eye(like.shape[1], dtype=like.dtype, device=like.device).mul_(OWN)
    short = like.shape[1] <= LARGEST and not causal
    if short and like.device.type == "cpu" and not shapes_are_fixed():
        return _spelt_out(bias, own_scores, sources, heads, dropout)
    if own_scores is not None:
        bias = own_scores if bias is None else bias + own_scores
    query, key, value = (_heads(x, heads) for x in split(spread))
    attended = F.scaled_dot_product_attention(
        query, key, value, attn_mask=bias, dropout_p=dropout.rate, is_causal=causal
    )  # (B, heads, T, H / heads)
    return attended.transpose(1, 2).flatten(2)


def _spelt_out(
    bias: Tensor | None,
    own_scores: Tensor | None,
    sources: Sequence[Tensor],
    heads: int,
    dropout: Dropout,
) -> Tensor:
    """``attention`` for short sentences on a processor: scores that all share are computed once.

    PyTorch's is no faster there. With dropout it spells attention out, too, and then looks for rows
    of scores that are all minus infinity.
    """
    query, key, value = (_heads(x, heads) for x in split(sources))
    first = query.new_zeros(1) if own_scores is None else own_scores
    scores = torch.baddbmm(
        first, query.flatten(0, 1), key.flatten(0, 1).mT, alpha=query.shape[-1] ** -0.5
    ).unflatten(0, query.shape[:2])  # (B, heads, T, S)
    scores = scores if bias is None else scores + bias.to(scores.dtype)
    probabilities = dropout(scores.softmax(-1).expand(max(len(scores), len(value)), -1, -1, -1))
    return (probabilities @ value).transpose(1, 2).flatten(2)


def _fit(bias: Tensor, sources: Sequence[Tensor], heads: int) -> bool:
    """Whether the kernels suit these: words of one sentence among themselves, not too many."""
    batch, time, _ = sources[0].shape
    small = time <= LARGEST and total_width(sources) <= 3 * heads * LARGEST
    among_themselves = all(x.shape[:2] == (batch, time) for x in sources)
    dense = all(x.stride(-1) == 1 for x in sources)
    return small and among_themselves and dense and bias.shape == (batch, 1, 1, time)


def _heads(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)  # (B, heads, T, H / heads)
