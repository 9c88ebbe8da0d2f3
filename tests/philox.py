"""The noise of the GPU kernels, written out: Philox 4x32-10 (Salmon et al., 2011)."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

WEYL, MULTIPLIERS = (0x9E3779B9, 0xBB67AE85), (0xD2511F53, 0xCD9E8D57)
LOW = np.uint64(0xFFFFFFFF)


def philox(seed: int, counters: Any) -> Any:
    """(...) the first words of the blocks at ``counters`` (...)."""
    key = [seed & int(LOW), seed >> 32]
    c: list[Any] = [counters.astype(np.uint64), *(np.zeros_like(counters, np.uint64),) * 3]
    for _ in range(10):
        first, second = (np.uint64(m) * x for m, x in zip(MULTIPLIERS, (c[0], c[2]), strict=True))
        shift = np.uint64(32)
        c = [
            (second >> shift) ^ c[1] ^ np.uint64(key[0]),
            second & LOW,
            (first >> shift) ^ c[3] ^ np.uint64(key[1]),
            first & LOW,
        ]
        key = [(k + w) & int(LOW) for k, w in zip(key, WEYL, strict=True)]
    return c[0]


def factors(seed: int, rate: float, places: Tensor) -> Tensor:
    """What dropout multiplies the values at ``places`` by, in float32 as in a kernel.

    Triton's uniform numbers: the word as a signed one, negative ones mirrored, over 2^31.
    """
    drawn = philox(seed, places.numpy()).astype(np.uint32).view(np.int32).astype(np.int64)
    uniform = np.where(drawn < 0, -drawn - 1, drawn) * 2.0**-31
    return torch.from_numpy(uniform >= rate) / (1 - rate)
