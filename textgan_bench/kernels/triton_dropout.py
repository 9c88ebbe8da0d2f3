"""What the GPU kernels of this folder drop: noise drawn where it is used, and again in reverse."""

import triton
import triton.language as tl


@triton.jit
def kept(seed, rate, at):
    """What dropout multiplies the values at places ``at`` of a tensor by: 0 or 1 / (1 - rate).

    The same for one ``seed``, a pointer, at any time: Philox (Salmon et al., 2011) needs no state.
    """
    return tl.where(tl.rand(tl.load(seed), at) < rate, 0.0, 1 / (1 - rate))
