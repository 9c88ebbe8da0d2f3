"""``residual_norm`` in one GPU kernel for each of its three derivatives.

PyTorch spells the second derivative of a layer normalisation out in some sixty small operations.

With u = x + kept * change, where ``kept`` of ``triton_dropout`` is 1 if there is no dropout,
û = (u - mean u) r, r = (var u + eps)^-1/2 and y = weight û + bias, with <.> the mean over a row,
and with J v = r (v - <v> - û <v û>), whose matrix is symmetric:

    first:   dx = du = J h,  d(change) = kept * du,         h = weight dy
    second:  of X du, where there is no dropout:
             d(dy) = weight J X,  d(weight) = Σ dy J X,
             du = J q - r² û (<X h> - <X> <h> - a b),       q = -r (X b + h a), a = <X û>, b = <h û>

Shapes: N rows, H width.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from textgan_bench.kernels.triton_dropout import kept

ROWS, WARPS = 8, 4
"""Of a program, each of which sums the gradients of weight and bias over its own rows; measured."""


@triton.jit
def _normalise(u, width: tl.constexpr, eps, inside):
    centred = tl.where(inside, u - tl.sum(u, 1)[:, None] / width, 0.0)
    r = 1 / tl.sqrt(tl.sum(centred * centred, 1)[:, None] / width + eps)
    return centred * r, r


@triton.jit
def _mean(x, width: tl.constexpr):
    return tl.sum(x, 1)[:, None] / width


@triton.jit
def _jacobian(v, unit, r, width: tl.constexpr, inside):
    """J v."""
    product = r * (v - _mean(v, width) - unit * _mean(v * unit, width))
    return tl.where(inside, product, 0.0)


@triton.jit
def _rows(rows, width: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr):
    """Where this program's rows (ROWS, BLOCK) lie, their columns, and what of them there is."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    column = tl.arange(0, BLOCK)[None, :]
    return row * width + column, column, (row < rows) & (column < width)


@triton.jit
def _factors(seed, rate, drops: tl.constexpr, at):
    """Of ``change``."""
    factors = 1.0
    if drops:
        factors = kept(seed, rate, at)
    return factors


@triton.jit
def _forward(x, change, weight, bias, y, seed, rate, drops: tl.constexpr, rows, eps,
             width: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr):  # fmt: skip
    at, column, inside = _rows(rows, width, BLOCK, ROWS)
    factors = _factors(seed, rate, drops, at)
    u = tl.load(x + at, inside, 0.0) + factors * tl.load(change + at, inside, 0.0)
    unit, _ = _normalise(u, width, eps, inside)
    scale = tl.load(weight + column, column < width, 0.0)
    tl.store(y + at, unit * scale + tl.load(bias + column, column < width, 0.0), inside)


@triton.jit
def _backward(dy, x, change, weight, du, d_change, sums, seed, rate, drops: tl.constexpr, rows, eps,
              width: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr):  # fmt: skip
    at, column, inside = _rows(rows, width, BLOCK, ROWS)
    factors = _factors(seed, rate, drops, at)
    u = tl.load(x + at, inside, 0.0) + factors * tl.load(change + at, inside, 0.0)
    unit, r = _normalise(u, width, eps, inside)
    g = tl.load(dy + at, inside, 0.0)
    h = g * tl.load(weight + column, column < width, 0.0)
    Jh = _jacobian(h, unit, r, width, inside)
    tl.store(du + at, Jh, inside)
    if drops:
        tl.store(d_change + at, factors * Jh, inside)
    place = sums + tl.program_id(0) * 2 * width + tl.arange(0, BLOCK)
    real = tl.arange(0, BLOCK) < width
    tl.store(place, tl.sum(g * unit, 0), real)
    tl.store(place + width, tl.sum(g, 0), real)


@triton.jit
def _twice(cotangent, dy, x, change, weight, ddy, du, sums, rows, eps, width: tl.constexpr,
           BLOCK: tl.constexpr, ROWS: tl.constexpr):  # fmt: skip
    at, column, inside = _rows(rows, width, BLOCK, ROWS)
    u = tl.load(x + at, inside, 0.0) + tl.load(change + at, inside, 0.0)
    unit, r = _normalise(u, width, eps, inside)
    scale = tl.load(weight + column, column < width, 0.0)
    g = tl.load(dy + at, inside, 0.0)
    h = g * scale
    X = tl.load(cotangent + at, inside, 0.0)
    JX = _jacobian(X, unit, r, width, inside)
    tl.store(ddy + at, JX * scale, inside)
    a, b = _mean(X * unit, width), _mean(h * unit, width)
    q = -r * (X * b + h * a)
    dr = _mean(X * h, width) - _mean(X, width) * _mean(h, width) - a * b
    tl.store(du + at, _jacobian(q, unit, r, width, inside) - r * r * unit * dr, inside)
    place = sums + tl.program_id(0) * width + tl.arange(0, BLOCK)
    tl.store(place, tl.sum(JX * g, 0), tl.arange(0, BLOCK) < width)


def _launch(kernel: Any, *arguments: Any, eps: float) -> None:
    """Carry out ``kernel`` on all rows of its first argument (…, H)."""
    width = arguments[0].shape[-1]
    rows = arguments[0].numel() // width
    block = triton.next_power_of_2(width)
    with torch.cuda.device_of(arguments[0]):
        kernel[(triton.cdiv(rows, ROWS),)](
            *arguments, rows, eps, width, block, ROWS, num_warps=WARPS
        )


def _sums(like: Tensor, count: int) -> Tensor:
    """(programs, count H) for what each program sums over its rows."""
    width = like.shape[-1]
    return like.new_empty(triton.cdiv(like.numel() // width, ROWS), count * width)


class FusedResidualNorm(torch.autograd.Function):
    """Of contiguous x and change (…, H), weight and bias (H,).

    ``seed`` (1,) int64 is what ``change`` is dropped by at ``rate``, None to drop nothing.
    """

    @staticmethod
    def forward(
        ctx: Any,
        seed: Tensor | None,
        rate: float,
        eps: float,
        x: Tensor,
        change: Tensor,
        weight: Tensor,
        bias: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(seed, x, change, weight)
        ctx.rate, ctx.eps = rate, eps
        y, drops = torch.empty_like(x), seed is not None
        noise = seed if drops else x, rate, drops
        _launch(_forward, x, change, weight, bias, y, *noise, eps=eps)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        seed, *inputs = ctx.saved_tensors
        d_weight, d_bias, *of_parts = _Backward.apply(
            seed, ctx.rate, ctx.eps, dy.contiguous(), *inputs
        )
        # Without dropout both parts of the sum have one gradient.
        return None, None, None, of_parts[0], of_parts[-1], d_weight, d_bias


class _Backward(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        seed: Tensor | None,
        rate: float,
        eps: float,
        dy: Tensor,
        x: Tensor,
        change: Tensor,
        weight: Tensor,
    ) -> tuple[Tensor, ...]:
        ctx.save_for_backward(dy, x, change, weight)
        ctx.eps, ctx.drops = eps, seed is not None
        ctx.set_materialize_grads(False)
        of_parts = tuple(torch.empty_like(x) for _ in range(1 + ctx.drops))
        sums = _sums(x, 2)
        noise = seed if ctx.drops else x, rate, ctx.drops
        arguments = dy, x, change, weight, of_parts[0], of_parts[-1], sums
        _launch(_backward, *arguments, *noise, eps=eps)
        return *sums.sum(0).chunk(2), *of_parts

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, of_weight: Tensor | None, of_bias: Tensor | None, *cotangents: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        if ctx.drops:
            raise NotImplementedError("a residual norm with dropout has no second derivative")
        (cotangent,) = cotangents
        if cotangent is None or of_weight is not None or of_bias is not None:
            raise NotImplementedError("gradients of weight and bias have no derivative")
        dy, x, change, weight = ctx.saved_tensors
        ddy, du, sums = torch.empty_like(x), torch.empty_like(x), _sums(x, 1)
        arguments = cotangent.contiguous(), dy, x, change, weight, ddy, du, sums
        _launch(_twice, *arguments, eps=ctx.eps)
        return None, None, None, ddy, du, du, sums.sum(0)
