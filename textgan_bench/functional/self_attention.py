"""Scaled dot-product self-attention (Vaswani et al., 2017, section 3.2)."""

import torch
import torch.nn.functional as F
from torch import Tensor


def self_attention(qkv: Tensor, bias: Tensor, heads: int) -> Tensor:
    """Attention of several heads within sentences, on a GPU by kernels of its own.

    Those (``triton_attention``) may be differentiated twice; elsewhere that takes the math backend
    of PyTorch, which ``torch.nn.attention.sdpa_kernel`` chooses.

    Args:
        qkv: (B, T, 3 H) queries, keys and values side by side, each head by head.
        bias: (B, 1, 1, T) added to the scores of each key, zero or minus infinity.
        heads: of H / heads dimensions.

    Returns:
        (B, T, H).
    """
    if qkv.is_cuda and qkv.dtype == torch.float32:
        # Triton comes with the builds of PyTorch that know a GPU.
        from textgan_bench.functional.triton_attention import SelfAttention

        return SelfAttention.apply(qkv.contiguous(), bias.contiguous(), heads)
    query, key, value = (split_heads(x, heads) for x in qkv.chunk(3, -1))
    attended = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    return attended.transpose(1, 2).flatten(2)


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(B, heads, T, H / heads) from (B, T, H)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)
