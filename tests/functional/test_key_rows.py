"""Rows of keys, against a dictionary."""

from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textgan_bench.functional import key_rows
from textgan_bench.functional.key_rows import KeyRows, finder

KEYS = st.integers(-9, 40) | st.integers(-(2**63), 2**63 - 1)


@given(st.lists(KEYS, unique=True), st.lists(KEYS))
def test_rows_are_those_of_a_dictionary(keys: list[int], others: list[int]) -> None:
    asked = [*keys[::-1], *others]
    rows = KeyRows(np.array(keys, dtype=np.int64)).rows(np.array(asked, dtype=np.int64))

    known = {key: row for row, key in enumerate(keys)}
    assert rows.tolist() == [known.get(key, -1) for key in asked]


@given(st.lists(KEYS, unique=True, min_size=1).map(sorted), st.lists(KEYS), st.booleans())
def test_long_tables_are_searched(keys: list[int], others: list[int], is_long: bool) -> None:
    asked = [*keys[::-1], *others]
    with patch.object(key_rows, "HASHED", 0 if is_long else len(keys)):
        rows = finder(np.array(keys, dtype=np.int64))(np.array(asked, dtype=np.int64))

    known = {key: row for row, key in enumerate(keys)}
    assert rows.tolist() == [known.get(key, -1) for key in asked]


def test_a_hundred_thousand_keys_are_told_apart() -> None:
    keys = np.random.default_rng(0).permutation(2 * 10**5)[: 10**5]
    table = KeyRows(keys)

    assert np.array_equal(table.rows(keys), np.arange(len(keys)))
    missing = np.setdiff1d(np.arange(2 * 10**5), keys)
    assert set(table.rows(missing).tolist()) == {-1}
