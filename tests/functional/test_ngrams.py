"""Grouping of positions, against Python's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from textgan_bench.functional.ngrams import grouped


@given(st.lists(st.integers(0, 6), max_size=40), st.integers(1, 9))
def test_groups_hold_their_positions_in_order(groups: list[int], size: int) -> None:
    array = np.array(groups, dtype=np.int16)

    def members(start: int) -> tuple[NDArray[np.intp], NDArray[np.int16]]:
        block = array[start : start + size]
        return np.arange(start, start + len(block)), block

    found = list(grouped(range(0, 1 + len(groups), size), members, 8))

    places = range(len(groups))
    assert [each.tolist() for each in found] == [
        [place for place in places if groups[place] == group] for group in range(8)
    ]
