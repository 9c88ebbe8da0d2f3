"""Scaled dot-product attention of several heads (Vaswani et al., 2017, section 3.2)."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from textgan_bench.functional.gpu_kernels import can_take

LARGEST = 64
"""Words of a sentence, and dimensions of a head, whose matrices fit into the registers of a GPU."""


def attention(
    bias: Tensor | None,
    *sources: Tensor,
    heads: int,
    dropout: float = 0.0,
    causal: bool = False,
) -> Tensor:
    """(B, T, H) of queries, keys and values, side by side in ``sources``.

    On a GPU, between the words of padded sentences, it takes kernels of its own
    (``triton_attention``), which may be differentiated twice where there is no dropout. Elsewhere
    that takes the math backend of PyTorch, which ``torch.nn.attention.sdpa_kernel`` chooses.

    Args:
        bias: (B, 1, 1, S) added to the scores of each key, zero or minus infinity.
        sources: (B, T, n H) each, of which n are side by side, head by head: three in all. Those
            of keys and values may have another time S.
        heads: of H / heads dimensions.
        dropout: of probabilities, in [0, 1).
        causal: whether a word attends only to those before it and to itself.
    """
    fits = all(_fits(x, heads) for x in sources)
    if bias is not None and not causal and fits and can_take(bias, *sources):
        from textgan_bench.functional.triton_attention import Attention

        keep = None
        if dropout:
            batch, time, _ = sources[0].shape
            keep = bias.new_empty(batch, heads, time, time).bernoulli_(1 - dropout)
        return Attention.apply(bias.contiguous(), keep, 1 / (1 - dropout), heads, *sources)
    query, key, value = (_heads(x, heads) for x in split(sources))
    attended = F.scaled_dot_product_attention(
        query, key, value, attn_mask=bias, dropout_p=dropout, is_causal=causal
    )  # (B, heads, T, H / heads)
    return attended.transpose(1, 2).flatten(2)


def split(sources: Sequence[Tensor]) -> list[Tensor]:
    """Queries, keys and values (B, T, H)."""
    width = sum(x.shape[-1] for x in sources) // 3
    return [part for x in sources for part in x.split(width, -1)]


def _fits(x: Tensor, heads: int) -> bool:
    return x.shape[1] <= LARGEST and x.shape[2] <= 3 * heads * LARGEST and x.stride(-1) == 1


def _heads(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)  # (B, heads, T, H / heads)
