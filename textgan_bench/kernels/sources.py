"""Queries, keys and values that lie side by side. Shapes: B batch, T time, H width of each."""

from collections.abc import Sequence

from torch import Tensor


def split(sources: Sequence[Tensor]) -> list[Tensor]:
    """Queries, keys and values (B, T, H)."""
    width = total_width(sources) // 3
    return [part for x in sources for part in x.split(width, -1)]


def total_width(sources: Sequence[Tensor]) -> int:
    """3 H."""
    return sum(x.shape[-1] for x in sources)
