"""A kernel that writes down what dropout multiplies by."""

import triton
import triton.language as tl

from textgan_bench.kernels.triton_dropout import kept


@triton.jit
def factors(seed, rate, out, count, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(out + at, kept(seed, rate, at), at < count)
