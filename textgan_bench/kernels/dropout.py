"""Dropout (Srivastava et al., 2014): cheap on a processor, within other kernels on a GPU."""

import torch
import torch.nn.functional as F
from torch import Tensor

from textgan_bench.kernels.shapes import shapes_are_fixed

LEVELS = 1 << 16
"""Of a decision to drop: a random number of 64 bits holds four, and PyTorch draws one for each."""

SEEDS = 64
"""Seeds drawn at a time: a pass of NAGAN's generator at the paper's depth takes 35."""


class Dropout:
    """Dropout of all layers in one pass; make one for each pass.

    Kernels draw their own noise, from a seed a layer. The seeds of a pass are drawn together, in
    one launch, when the first is asked for. A processor needs none.

    Args:
        rate: share of values that is dropped, in [0, 1).
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._seeds: list[Tensor] = []

    def __call__(self, x: Tensor) -> Tensor:
        """(…) dropout of x (…).

        On a processor the rate is rounded to 1 / 65,536, and kept values are scaled by that rate.
        """
        if not self._on_processor(x):
            return F.dropout(x, self.rate)
        return x * self._factors(x)

    def add(self, x: Tensor, change: Tensor) -> Tensor:
        """(…) ``x + dropout(change)``, in one pass over both on a processor."""
        if not self._on_processor(change):
            return x + F.dropout(change, self.rate)
        return torch.addcmul(x, change, self._factors(change))

    def _on_processor(self, x: Tensor) -> bool:
        """Whether something is dropped, and by a processor that takes no graph's step."""
        return self.rate > 0 and x.device.type == "cpu" and not shapes_are_fixed()

    def _factors(self, x: Tensor) -> Tensor:
        """(…) what a processor multiplies x (…) by: 0 where it drops."""
        dropped = min(max(round(self.rate * LEVELS), 1), LEVELS - 1)
        random = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(1 << 63), None)
        levels = random.view(torch.int16)[: x.numel()].view(x.shape)
        # In place, since comparing to booleans and converting these costs five times as much.
        kept = levels.ge_(dropped - LEVELS // 2).to(x.dtype)
        return kept.mul_(LEVELS / (LEVELS - dropped))

    def seed(self, device: torch.device) -> Tensor | None:
        """(1,) int64 seed on ``device`` that no layer had before, None where nothing is dropped."""
        if not self.rate:
            return None
        if not self._seeds:
            # 16 bytes each, since a kernel is compiled anew for another alignment.
            drawn = torch.empty(SEEDS, 2, dtype=torch.int64, device=device).random_()
            self._seeds = list(drawn[:, :1].unbind())
        return self._seeds.pop()


NO_DROPOUT = Dropout(0.0)
