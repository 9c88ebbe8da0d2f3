"""Sorting and grouping of positions, against Python's."""

from itertools import chain

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textgan_bench.functional.ngrams import grouped, sorted_pairs

KEYS = st.lists(
    st.integers(0, 2**63 - 1)
    | st.integers(0, 5)
    | st.builds(lambda high, low: (high << 32) + low, st.integers(0, 5), st.integers(-3, 3)).filter(
        lambda key: key >= 0
    )
)


@given(KEYS)
def test_pairs_are_sorted_by_key_then_by_place(keys: list[int]) -> None:
    ordered, positions = sorted_pairs(np.array(keys, dtype=np.int64), 7 + np.arange(len(keys)))

    expected = sorted(zip(keys, range(7, 7 + len(keys)), strict=True))
    assert list(zip(ordered.tolist(), positions.tolist(), strict=True)) == expected
    assert ordered.dtype == np.int64


@given(st.lists(st.lists(st.integers(0, 6), max_size=9), max_size=4))
def test_groups_hold_their_positions_in_order(blocks: list[list[int]]) -> None:
    everything = [(group, start) for start, group in enumerate(chain.from_iterable(blocks))]
    starts = np.cumsum([0, *map(len, blocks)])
    arrays = (
        (start + np.arange(len(block)), np.array(block, dtype=np.uint16))
        for start, block in zip(starts, blocks, strict=False)
    )

    found = [positions.tolist() for positions in grouped(arrays, 8)] if blocks else [[]] * 8

    assert found == [[start for group, start in everything if group == each] for each in range(8)]
