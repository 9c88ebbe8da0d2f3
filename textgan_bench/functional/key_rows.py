"""Rows of integer keys in a table.

A search in sorted keys misses the processor's cache at each of its steps, a hash once or twice; but
to make a long table ready for hashing takes longer than to search for a few.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from textgan_bench.functional.integer_sorts import IntArray, sorted_pairs
from textgan_bench.functional.text_hashes import GOLDEN_RATIO

HASHED = 2**18
"""Keys of a table that is made ready for hashing: the n-grams of some ten thousand sentences."""

_SLOTS = 4
"""Slots a key at least, so that few are looked for in a second one."""


def finder(keys: IntArray) -> Callable[[IntArray], NDArray[np.int32]]:
    """A function that finds the row of each of other keys, -1 where there is none.

    The array of keys that it is asked for may lose their order.

    Args:
        keys: distinct, and increasing.

    >>> finder(np.array([2, 7, 40]))(np.array([2, 40, 3, 7])).tolist()
    [0, 2, -1, 1]
    """
    return KeyRows(keys).rows if len(keys) <= HASHED else partial(_searched, keys)


def _searched(keys: IntArray, asked: IntArray) -> NDArray[np.int32]:
    # Sorted questions are answered in the order of the table, many times as fast.
    key, place = sorted_pairs(asked, np.arange(len(asked)))
    nearest = np.searchsorted(keys, key)
    row = np.empty(len(asked), np.int32)
    row[place] = np.where(keys.take(nearest, mode="clip") == key, nearest, -1)
    return row


class KeyRows:
    """Where each of some distinct keys stands among them.

    16 to 32 bytes are kept of a key, beside the key.

    >>> KeyRows(np.array([7, 2, 40])).rows(np.array([2, 40, 3, 7])).tolist()
    [1, 2, -1, 0]
    """

    def __init__(self, keys: IntArray) -> None:
        bits = max(1, (_SLOTS * len(keys)).bit_length())
        self._shift = np.uint64(64 - bits)
        self._table = np.full(2**bits, -1, dtype=np.int32)
        row, slot = np.arange(len(keys), dtype=np.int32), self._first_slots(keys)
        self._table[slot] = row  # of several that share it, the last one
        while len(left := np.flatnonzero(self._table[slot] != row)):
            row, slot = row[left], self._next(slot[left])
            free = np.flatnonzero(self._table[slot] < 0)
            self._table[slot[free]] = row[free]
        self._keys = np.append(keys, 0)  # the last one is compared with where a slot is free

    def _first_slots(self, keys: IntArray) -> NDArray[np.intp]:
        return (keys.astype(np.uint64) * GOLDEN_RATIO >> self._shift).astype(np.intp)

    def _next(self, slots: NDArray[np.intp]) -> NDArray[np.intp]:
        return slots + 1 & len(self._table) - 1

    def rows(self, keys: IntArray) -> NDArray[np.int32]:
        """The row of each key, -1 where it is none of them."""
        slot = self._first_slots(keys)
        row = self._table[slot]
        asking = np.flatnonzero((self._keys[row] != keys) & (row >= 0))
        slot = slot[asking]
        while len(asking):
            slot = self._next(slot)
            found = self._table[slot]
            row[asking] = found
            other = np.flatnonzero((self._keys[found] != keys[asking]) & (found >= 0))
            asking, slot = asking[other], slot[other]
        return row
