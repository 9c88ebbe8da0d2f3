"""Sorts of integers, against Python's."""

from unittest.mock import patch

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from textgan_bench.functional import integer_sorts
from textgan_bench.functional.integer_sorts import distinct, sorted_keys, sorted_pairs


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
    with patch.object(integer_sorts, "_numpy_is_faster", lambda: numpy):
        ordered, positions = sorted_pairs(np.array(keys, dtype=np.int64), 7 + np.arange(len(keys)))

    expected = sorted(zip(keys, range(7, 7 + len(keys)), strict=True))
    assert list(zip(ordered.tolist(), positions.tolist(), strict=True)) == expected
    assert ordered.dtype == np.int64


@given(keys=st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)), numpy=st.booleans())
def test_keys_are_sorted_and_those_that_repeat_are_left_out(keys: list[int], numpy: bool) -> None:
    given_keys = np.array(keys, dtype=np.int64)
    with patch.object(integer_sorts, "_numpy_is_faster", lambda: numpy):
        assert distinct(given_keys).tolist() == sorted(set(keys))
        assert given_keys.tolist() == keys
        assert sorted_keys(given_keys).tolist() == sorted(keys)


@given(
    keys=st.lists(st.integers(0, 2**62), max_size=40),
    repeats=st.integers(1, 3),
    numpy=st.booleans(),
)
def test_equal_keys_stay_in_order(keys: list[int], repeats: int, numpy: bool) -> None:
    """At any width and number of them."""
    key = np.array(keys * repeats, dtype=np.int64)
    for part in (key, key >> 40, np.tile(key, 1_000)):
        position = 7 * np.arange(len(part))
        with patch.object(integer_sorts, "_numpy_is_faster", lambda: numpy):
            ordered, places = sorted_pairs(part.copy(), position)
        order = np.argsort(part, kind="stable")
        np.testing.assert_array_equal(ordered, part[order])
        np.testing.assert_array_equal(places, position[order])
