"""Distinct windows, against tuples that are counted one by one."""

from collections import Counter
from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textgan_bench.functional import integer_sorts, windows
from textgan_bench.functional.windows import distinct_windows

STOP = 1


def counted(symbols: list[int], width: int) -> list[tuple[tuple[int, ...], int]]:
    """Windows in order, each with its number."""
    found: Counter[tuple[int, ...]] = Counter()
    for start in range(len(symbols)):
        window = symbols[start : start + width]
        if STOP in window[1:]:
            window = window[: window.index(STOP, 1)]
        found[tuple(window + [STOP] * (width - len(window)))] += 1
    return sorted(found.items())


@given(
    symbols=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    width=st.integers(1, 6),
    scale_and_part=st.tuples(st.sampled_from([1, 2**10]), st.integers(1, 80))
    | st.tuples(st.sampled_from([2**13, 2**20, 2**28]), st.just(windows.PART)),
    numpy=st.booleans(),
)
def test_windows_are_the_distinct_ones_and_their_numbers(
    symbols: list[int], width: int, scale_and_part: tuple[int, int], numpy: bool
) -> None:
    """Of symbols so wide that one to three integers hold a window, and in parts of any size."""
    scale, part = scale_and_part
    wide = [symbol if symbol <= STOP else symbol * scale for symbol in symbols]
    with (
        patch.object(windows, "PART", part),
        patch.object(integer_sorts, "_numpy_is_faster", lambda: numpy),
    ):
        found = distinct_windows(np.array(wide, dtype=np.int32), STOP, width)
    rows = zip(*(found.symbols(ahead).tolist() for ahead in range(width)), strict=True)
    assert list(zip(rows, found.counts.tolist(), strict=True)) == counted(wide, width)
