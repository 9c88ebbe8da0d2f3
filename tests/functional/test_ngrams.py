"""Sorting and grouping of positions, against Python's."""

from unittest.mock import patch

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from textgan_bench.functional import ngrams
from textgan_bench.functional.ngrams import grouped, sorted_pairs


def close_to_multiples(of: int) -> st.SearchStrategy[int]:
    return st.builds(lambda high, low: abs(high * of + low), st.integers(0, 5), st.integers(-3, 3))


KEYS = (
    st.lists(st.integers(0, 5))
    | st.lists(close_to_multiples(2**16))
    | st.lists(st.integers(0, 5) | close_to_multiples(2**32))
    | st.lists(st.integers(0, 2**63 - 1) | st.integers(0, 5) | close_to_multiples(2**32))
)
"""Of each range of keys that is sorted in a way of its own."""


@example(keys=[2**63 - 1, 2**63 - 2, 2**63 - 1], numpy=True)
@example(keys=[2**63 - 1, 2**63 - 2, 2**63 - 1], numpy=False)
@example(keys=[2**63 - 1, 2**63 - 2**20], numpy=True)
@example(keys=[2**63 - 1, 2**63 - 2**20], numpy=False)
@given(keys=KEYS, numpy=st.booleans())
def test_pairs_are_sorted_by_key_then_by_place(keys: list[int], numpy: bool) -> None:
    """On processors on which numpy sorts faster, and on others."""
    with patch.object(ngrams, "_numpy_is_faster", lambda: numpy):
        ordered, positions = sorted_pairs(np.array(keys, dtype=np.int64), 7 + np.arange(len(keys)))

    expected = sorted(zip(keys, range(7, 7 + len(keys)), strict=True))
    assert list(zip(ordered.tolist(), positions.tolist(), strict=True)) == expected
    assert ordered.dtype == np.int64


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
