"""``attention`` in one GPU kernel for each of its three derivatives.

PyTorch's fused attention has no second derivative, and its plain one some fifty small operations in
all. Here a program computes one head of one sentence, whose (T, T) matrices fit into registers, and
nothing but queries, keys and values is kept: probabilities are computed anew.

With S = s Q Kᵀ + bias, P = softmax S, O = P V and A = dO Vᵀ, and with row sums d = Σ P A:

    first:   dS = P (A - d),  dQ = s dS K,  dK = s dSᵀ Q,  dV = Pᵀ dO
    second:  of <X, dQ> + <Y, dK> + <Z, dV> with R = s (X Kᵀ + Q Yᵀ), row sums e = Σ P R, and
             M = P (R - e), N = A R - A e - d R + dO Zᵀ, E = P (N - Σ P N):
             d(dO) = M V + P Z,  dQ = s (E K + dS Y),  dK = s (Eᵀ Q + dSᵀ X),  dV = Mᵀ dO

Dropout puts P * kept for P in O and dV, and A * kept for A, with ``kept`` of ``triton_dropout``.

Shapes: B batch, T time, H hidden width, D of a head.
"""

from collections.abc import Sequence
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from textgan_bench.kernels.sources import split, total_width
from textgan_bench.kernels.triton_dropout import kept

SMALLEST = 16
"""Side of a matrix that ``tl.dot`` takes."""

WARPS = 2
"""Of a program; measured."""


@triton.jit
def _dot(a, b):
    # Tensor cores, with the digits that TF32 alone would lose.
    return tl.dot(a, b, input_precision="tf32x3")


@triton.jit
def _places(batch, row, heads, time, size: tl.constexpr, T: tl.constexpr, D: tl.constexpr):
    """Where (T, D) of this program's head lies in (B, T, H) of strides ``batch`` and ``row``."""
    head = tl.program_id(0) % heads
    step, column = tl.arange(0, T)[:, None], tl.arange(0, D)[None, :]
    at = tl.program_id(0) // heads * batch + step * row + head * size + column
    return at, (step < time) & (column < size)


@triton.jit
def _attention(q, k, bias, own, time, scale, heads, T: tl.constexpr):
    """(T, T) probabilities; ``own`` is added to a word's score of itself."""
    query, key = tl.arange(0, T)[:, None], tl.arange(0, T)
    mask = tl.load(bias + tl.program_id(0) // heads * time + key, key < time, -float("inf"))
    scores = scale * _dot(q, tl.trans(k)) + mask[None, :]
    scores += tl.where(query == key[None, :], own, 0.0)
    shares = tl.exp(scores - tl.max(scores, 1)[:, None])
    return shares / tl.sum(shares, 1)[:, None]


@triton.jit
def _kept(seed, rate, T: tl.constexpr):
    """(T, T) what dropout multiplies probabilities by."""
    query, key = tl.arange(0, T)[:, None], tl.arange(0, T)[None, :]
    return kept(seed, rate, (tl.program_id(0) * T + query) * T + key)


@triton.jit
def _forward(q, qb, qt, k, kb, kt, v, vb, vt, out, bias, seed, rate, own, time, scale,
             heads, drops: tl.constexpr, size: tl.constexpr, T: tl.constexpr,
             D: tl.constexpr):  # fmt: skip
    at_q, inside = _places(qb, qt, heads, time, size, T, D)
    at_k, _ = _places(kb, kt, heads, time, size, T, D)
    at_v, _ = _places(vb, vt, heads, time, size, T, D)
    Q, K = tl.load(q + at_q, inside, 0.0), tl.load(k + at_k, inside, 0.0)
    P = _attention(Q, K, bias, own, time, scale, heads, T)
    if drops:
        P *= _kept(seed, rate, T)
    width = heads * size
    at, _ = _places(time * width, width, heads, time, size, T, D)
    tl.store(out + at, _dot(P, tl.load(v + at_v, inside, 0.0)), inside)


@triton.jit
def _backward(q, qb, qt, k, kb, kt, v, vb, vt, dq, dqb, dqt, dk, dkb, dkt, dv, dvb, dvt, dout,
              bias, seed, rate, own, time, scale, heads, drops: tl.constexpr, size: tl.constexpr,
              T: tl.constexpr, D: tl.constexpr):  # fmt: skip
    at_q, inside = _places(qb, qt, heads, time, size, T, D)
    at_k, _ = _places(kb, kt, heads, time, size, T, D)
    at_v, _ = _places(vb, vt, heads, time, size, T, D)
    width = heads * size
    at, _ = _places(time * width, width, heads, time, size, T, D)
    Q, K = tl.load(q + at_q, inside, 0.0), tl.load(k + at_k, inside, 0.0)
    dO = tl.load(dout + at, inside, 0.0)
    P = _attention(Q, K, bias, own, time, scale, heads, T)
    A = _dot(dO, tl.trans(tl.load(v + at_v, inside, 0.0)))
    shares = P
    if drops:
        factors = _kept(seed, rate, T)
        shares *= factors
        A *= factors
    dS = P * (A - tl.sum(P * A, 1)[:, None])
    at_dq, _ = _places(dqb, dqt, heads, time, size, T, D)
    at_dk, _ = _places(dkb, dkt, heads, time, size, T, D)
    at_dv, _ = _places(dvb, dvt, heads, time, size, T, D)
    tl.store(dq + at_dq, scale * _dot(dS, K), inside)
    tl.store(dk + at_dk, scale * _dot(tl.trans(dS), Q), inside)
    tl.store(dv + at_dv, _dot(tl.trans(shares), dO), inside)


@triton.jit
def _twice(q, qb, qt, k, kb, kt, v, vb, vt, x, xb, xt, y, yb, yt, z, zb, zt, dq, dqb, dqt, dk, dkb,
           dkt, dv, dvb, dvt, dout, ddout, bias, own, time, scale, heads, size: tl.constexpr,
           T: tl.constexpr, D: tl.constexpr):  # fmt: skip
    at_q, inside = _places(qb, qt, heads, time, size, T, D)
    at_k, _ = _places(kb, kt, heads, time, size, T, D)
    at_v, _ = _places(vb, vt, heads, time, size, T, D)
    at_x, _ = _places(xb, xt, heads, time, size, T, D)
    at_y, _ = _places(yb, yt, heads, time, size, T, D)
    at_z, _ = _places(zb, zt, heads, time, size, T, D)
    width = heads * size
    at, _ = _places(time * width, width, heads, time, size, T, D)
    Q, X = tl.load(q + at_q, inside, 0.0), tl.load(x + at_x, inside, 0.0)
    K, Y = tl.load(k + at_k, inside, 0.0), tl.load(y + at_y, inside, 0.0)
    V, Z = tl.load(v + at_v, inside, 0.0), tl.load(z + at_z, inside, 0.0)
    dO = tl.load(dout + at, inside, 0.0)
    P = _attention(Q, K, bias, own, time, scale, heads, T)
    A = _dot(dO, tl.trans(V))
    d = tl.sum(P * A, 1)[:, None]
    dS = P * (A - d)
    R = scale * (_dot(X, tl.trans(K)) + _dot(Q, tl.trans(Y)))
    e = tl.sum(P * R, 1)[:, None]
    M = P * (R - e)
    N = A * R - A * e - d * R + _dot(dO, tl.trans(Z))
    E = P * (N - tl.sum(P * N, 1)[:, None])
    at_dq, _ = _places(dqb, dqt, heads, time, size, T, D)
    at_dk, _ = _places(dkb, dkt, heads, time, size, T, D)
    at_dv, _ = _places(dvb, dvt, heads, time, size, T, D)
    tl.store(ddout + at, _dot(M, V) + _dot(P, Z), inside)
    tl.store(dq + at_dq, scale * (_dot(E, K) + _dot(dS, Y)), inside)
    tl.store(dk + at_dk, scale * (_dot(tl.trans(E), Q) + _dot(tl.trans(dS), X)), inside)
    tl.store(dv + at_dv, _dot(tl.trans(M), dO), inside)


def _parts(sources: Sequence[Tensor]) -> list[Any]:
    """Queries, keys and values (B, T, H) of ``sources``, each with its first two strides."""
    return [argument for part in split(sources) for argument in (part, *part.stride()[:2])]


def _launch(kernel: Any, *arguments: Any, like: Tensor, heads: int, options: Sequence[Any]) -> None:
    """Carry out ``kernel`` on each head of each sentence of ``like`` (B, T, H)."""
    batch, time, width = like.shape
    size = width // heads
    blocks = (max(SMALLEST, triton.next_power_of_2(side)) for side in (time, size))
    scale = size**-0.5
    with torch.cuda.device_of(like):
        kernel[(batch * heads,)](
            *arguments, time, scale, heads, *options, size, *blocks, num_warps=WARPS
        )


class FusedAttention(torch.autograd.Function):
    """Of sources (B, T, n H), which may be expanded, and a contiguous bias (B, 1, 1, T).

    Probabilities are dropped by ``seed`` (1,) int64 at ``rate``, none if it is None; ``own``
    is added to a word's score of itself.
    """

    @staticmethod
    def forward(
        ctx: Any,
        seed: Tensor | None,
        rate: float,
        heads: int,
        own: float,
        bias: Tensor,
        *sources: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(seed, bias, *sources)
        ctx.rate, ctx.heads, ctx.own = rate, heads, own
        out = sources[0].new_empty(*sources[0].shape[:2], total_width(sources) // 3)
        drops = seed is not None
        arguments = *_parts(sources), out, bias, seed if drops else bias, rate, own
        _launch(_forward, *arguments, like=out, heads=heads, options=[drops])
        return out

    @staticmethod
    def backward(ctx: Any, dout: Tensor) -> tuple[Tensor | None, ...]:
        seed, *inputs = ctx.saved_tensors
        gradients = _Backward.apply(seed, ctx.rate, ctx.heads, ctx.own, dout.contiguous(), *inputs)
        return None, None, None, None, None, *gradients


class _Backward(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        seed: Tensor | None,
        rate: float,
        heads: int,
        own: float,
        dout: Tensor,
        bias: Tensor,
        *sources: Tensor,
    ) -> tuple[Tensor, ...]:
        ctx.save_for_backward(dout, bias, *sources)
        ctx.heads, ctx.own, ctx.drops = heads, own, seed is not None
        gradients = tuple(x.new_empty(x.shape) for x in sources)
        parts = *_parts(sources), *_parts(gradients)
        arguments = *parts, dout, bias, seed if ctx.drops else bias, rate, own
        _launch(_backward, *arguments, like=dout, heads=heads, options=[ctx.drops])
        return gradients

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.drops:
            raise NotImplementedError("attention with dropout has no second derivative")
        dout, bias, *sources = ctx.saved_tensors
        dense = [x if x.stride(-1) == 1 else x.contiguous() for x in cotangents]
        ddout, gradients = torch.empty_like(dout), [x.new_empty(x.shape) for x in sources]
        parts = (*_parts(sources), *_parts(dense), *_parts(gradients))
        arguments = *parts, dout, ddout, bias, ctx.own
        _launch(_twice, *arguments, like=dout, heads=ctx.heads, options=[])
        return None, None, None, None, ddout, None, *gradients
