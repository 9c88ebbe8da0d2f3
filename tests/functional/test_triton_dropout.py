"""The noise of the kernels against Philox 4x32-10 written out (Salmon et al., 2011)."""

from typing import Any

import numpy as np
import pytest
import torch

from tests.derivatives import DEVICE

WEYL, MULTIPLIERS = (0x9E3779B9, 0xBB67AE85), (0xD2511F53, 0xCD9E8D57)
LOW = np.uint64(0xFFFFFFFF)


def philox(seed: int, counters: Any) -> Any:
    """(N,) the first words of the blocks at ``counters`` (N,)."""
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


def test_it_is_philox() -> None:
    """First against the vector that its authors publish with Random123."""
    assert philox(0, np.zeros(1, np.int64))[0] == 0x6627E8D5
    kernels = pytest.importorskip("tests.functional.triton_factors", exc_type=ImportError)
    rate, count = 0.3, 500
    for seed in (3, 2**62 + 77):
        factors = torch.empty(count, device=DEVICE)
        kernels.factors[(1,)](torch.tensor([seed], device=DEVICE), rate, factors, count, 512)
        drawn = philox(seed, np.arange(count)).astype(np.uint32).view(np.int32)
        uniform = np.where(drawn < 0, -drawn.astype(np.int64) - 1, drawn) * 2.0**-31
        kept = torch.from_numpy(uniform >= rate)
        torch.testing.assert_close(factors.cpu(), kept / (1 - rate))
