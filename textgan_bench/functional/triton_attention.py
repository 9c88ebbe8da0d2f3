"""``self_attention`` in one GPU kernel for each of its three derivatives.

PyTorch's fused attention has no second derivative, and its plain one some fifty small operations in
all. Here a program computes one head of one sentence, whose (T, T) matrices fit into registers, and
nothing but queries, keys and values is kept: probabilities are computed anew.

With S = s Q Kᵀ + bias, P = softmax S, O = P V and A = dO Vᵀ, and with row sums d = Σ P A:

    first:   dS = P (A - d),  dQ = s dS K,  dK = s dSᵀ Q,  dV = Pᵀ dO
    second:  of <X, dQ> + <Y, dK> + <Z, dV> with R = s (X Kᵀ + Q Yᵀ), W = dO Zᵀ, row sums
             e = Σ P R, and M = P (R - e), N = A R - A e - d R + W, E = P (N - Σ P N):
             d(dO) = M V + P Z,  dQ = s (E K + dS Y),  dK = s (Eᵀ Q + dSᵀ X),  dV = Mᵀ dO

Products of matrices are in full float32. Shapes: B batch, T time, H hidden width, D of a head.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

SMALLEST = 16
"""Side of a matrix that ``tl.dot`` takes."""


@triton.jit
def _dot(a, b):
    return tl.dot(a, b, input_precision="ieee")


@triton.jit
def _load(base, part, time, stride, heads, size: tl.constexpr, T: tl.constexpr, D: tl.constexpr):
    """(T, D) of part 0, 1, 2, … of (B, T, parts H), and where it lies."""
    sentence, head = tl.program_id(0) // heads, tl.program_id(0) % heads
    row, column = tl.arange(0, T)[:, None], tl.arange(0, D)[None, :]
    inside = (row < time) & (column < size)
    at = (sentence * time + row) * stride + (part * heads + head) * size + column
    return tl.load(base + at, inside, 0.0), at, inside


@triton.jit
def _attention(q, k, bias, time, scale, heads, T: tl.constexpr):
    """(T, T) probabilities."""
    key = tl.arange(0, T)
    mask = tl.load(bias + tl.program_id(0) // heads * time + key, key < time, -float("inf"))
    scores = scale * _dot(q, tl.trans(k)) + mask[None, :]
    shares = tl.exp(scores - tl.max(scores, 1)[:, None])
    return shares / tl.sum(shares, 1)[:, None]


@triton.jit
def _forward(qkv, bias, out, time, scale, heads, size: tl.constexpr, T: tl.constexpr,
             D: tl.constexpr):  # fmt: skip
    three, one = 3 * heads * size, heads * size
    q, _, _ = _load(qkv, 0, time, three, heads, size, T, D)
    k, _, _ = _load(qkv, 1, time, three, heads, size, T, D)
    v, _, _ = _load(qkv, 2, time, three, heads, size, T, D)
    p = _attention(q, k, bias, time, scale, heads, T)
    _, at, inside = _load(qkv, 0, time, one, heads, size, T, D)
    tl.store(out + at, _dot(p, v), inside)


@triton.jit
def _backward(dout, qkv, bias, dqkv, time, scale, heads, size: tl.constexpr, T: tl.constexpr,
              D: tl.constexpr):  # fmt: skip
    three, one = 3 * heads * size, heads * size
    g, _, _ = _load(dout, 0, time, one, heads, size, T, D)
    q, at_q, inside = _load(qkv, 0, time, three, heads, size, T, D)
    k, at_k, _ = _load(qkv, 1, time, three, heads, size, T, D)
    v, at_v, _ = _load(qkv, 2, time, three, heads, size, T, D)
    p = _attention(q, k, bias, time, scale, heads, T)
    a = _dot(g, tl.trans(v))
    ds = p * (a - tl.sum(p * a, 1)[:, None])
    tl.store(dqkv + at_q, scale * _dot(ds, k), inside)
    tl.store(dqkv + at_k, scale * _dot(tl.trans(ds), q), inside)
    tl.store(dqkv + at_v, _dot(tl.trans(p), g), inside)


@triton.jit
def _twice(cotangent, dout, qkv, bias, ddout, dqkv, time, scale, heads, size: tl.constexpr,
           T: tl.constexpr, D: tl.constexpr):  # fmt: skip
    three, one = 3 * heads * size, heads * size
    g, at, inside = _load(dout, 0, time, one, heads, size, T, D)
    q, at_q, _ = _load(qkv, 0, time, three, heads, size, T, D)
    k, at_k, _ = _load(qkv, 1, time, three, heads, size, T, D)
    v, at_v, _ = _load(qkv, 2, time, three, heads, size, T, D)
    x, _, _ = _load(cotangent, 0, time, three, heads, size, T, D)
    y, _, _ = _load(cotangent, 1, time, three, heads, size, T, D)
    z, _, _ = _load(cotangent, 2, time, three, heads, size, T, D)
    p = _attention(q, k, bias, time, scale, heads, T)
    a = _dot(g, tl.trans(v))
    d = tl.sum(p * a, 1)[:, None]
    ds = p * (a - d)
    r = scale * (_dot(x, tl.trans(k)) + _dot(q, tl.trans(y)))
    e = tl.sum(p * r, 1)[:, None]
    m = p * (r - e)
    n = a * r - a * e - d * r + _dot(g, tl.trans(z))
    s = p * (n - tl.sum(p * n, 1)[:, None])
    tl.store(ddout + at, _dot(m, v) + _dot(p, z), inside)
    tl.store(dqkv + at_q, scale * (_dot(s, k) + _dot(ds, y)), inside)
    tl.store(dqkv + at_k, scale * (_dot(tl.trans(s), q) + _dot(tl.trans(ds), x)), inside)
    tl.store(dqkv + at_v, _dot(tl.trans(m), g), inside)


def _launch(kernel: Any, *tensors: Tensor, qkv: Tensor, heads: int) -> None:
    """Carry out ``kernel`` on each head of each sentence of qkv (B, T, 3 H)."""
    batch, time, triple = qkv.shape
    size = triple // 3 // heads
    blocks = (max(SMALLEST, triton.next_power_of_2(side)) for side in (time, size))
    kernel[(batch * heads,)](*tensors, time, size**-0.5, heads, size, *blocks)


class SelfAttention(torch.autograd.Function):
    """Of qkv (B, T, 3 H) and bias (B, 1, 1, T), both contiguous."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, bias: Tensor, heads: int) -> Tensor:
        ctx.save_for_backward(qkv, bias)
        ctx.heads = heads
        out = qkv.new_empty(*qkv.shape[:2], qkv.shape[2] // 3)
        _launch(_forward, qkv, bias, out, qkv=qkv, heads=heads)
        return out

    @staticmethod
    def backward(ctx: Any, dout: Tensor) -> tuple[Tensor | None, ...]:
        return _Backward.apply(dout.contiguous(), *ctx.saved_tensors, ctx.heads), None, None


class _Backward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, dout: Tensor, qkv: Tensor, bias: Tensor, heads: int) -> Tensor:
        ctx.save_for_backward(dout, qkv, bias)
        ctx.heads = heads
        dqkv = torch.empty_like(qkv)
        _launch(_backward, dout, qkv, bias, dqkv, qkv=qkv, heads=heads)
        return dqkv

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
        dout, qkv, bias = ctx.saved_tensors
        ddout, dqkv = torch.empty_like(dout), torch.empty_like(qkv)
        tensors = cotangent.contiguous(), dout, qkv, bias, ddout, dqkv
        _launch(_twice, *tensors, qkv=qkv, heads=ctx.heads)
        return ddout, dqkv, None, None
