"""The distinct windows of a text: the symbols from each of its positions on, as many as an order.

All n-grams up to the order are beginnings of windows. One sort of the positions finds the distinct
windows, which are far fewer; n-grams are then counted from these alone.

Shapes: T symbols of a text, U distinct windows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from textgan_bench.functional.integer_sorts import (
    KEY_BITS,
    IntArray,
    bits,
    changes,
    gaps,
    sorted_together,
)
from textgan_bench.functional.ngrams import grouped
from textgan_bench.functional.threads import in_order

PART = 2**20
"""Windows sorted at once, except those that begin with the same symbol, which are never parted."""

IntArray32 = NDArray[np.int32]


@dataclass(frozen=True)
class Windows:
    """Distinct windows in increasing order."""

    counts: IntArray32
    """(U,) positions at which it begins."""
    _keys: list[IntArray]
    """(U,) each: integers of ``_held`` symbols, or of what is left, first symbols first."""
    _width: int
    _symbol_bits: int
    _held: int
    """Symbols of an integer."""

    def symbols(self, ahead: int) -> IntArray32:
        """(U,) the symbol of each, so many after its first one."""
        key = ahead // self._held
        last = min(self._width, (key + 1) * self._held) - 1
        shift = (last - ahead) * self._symbol_bits
        return (self._keys[key] >> shift & 2**self._symbol_bits - 1).astype(np.int32)


def distinct_windows(symbols: IntArray32, stop: int, width: int) -> Windows:
    """The windows that begin at each position; after a ``stop`` all symbols of a window are that.

    A ``stop`` that stands first in a window does not count. The text is followed by one. Parts of a
    long text are sorted by as many threads as ``on_threads`` gives. Memory grows by 8 bytes a
    symbol, by 8 a distinct window, and by 16 for each integer of it.

    Args:
        symbols: (T,) one or more, not negative.
        stop: one of the symbols.
        width: symbols of a window.

    >>> windows = distinct_windows(np.array([1, 5, 1, 5, 1], np.int32), stop=1, width=2)
    >>> windows.symbols(0).tolist(), windows.symbols(1).tolist(), windows.counts.tolist()
    ([1, 1, 5], [1, 5, 1], [1, 2, 2])
    """
    symbol_bits = bits(max(int(symbols.max()), stop))
    ahead = np.append(symbols, np.full(width, stop, dtype=np.int32))
    held = _held(width, symbol_bits)
    found = partial(_distinct, ahead, stop, width, symbol_bits, held)
    pieces = list(in_order(found, _parts(symbols)))
    counts = np.concatenate([piece[1] for piece in pieces])
    keys = [np.concatenate(parts) for parts in zip(*(piece[0] for piece in pieces), strict=True)]
    return Windows(counts, keys, width, symbol_bits, held)


def _held(width: int, symbol_bits: int) -> int:
    """Symbols of a window that one integer holds.

    The whole window, or so few that the place of each integer in its part fits in beside it: then
    the sort of several integers is a sort of integers, too.
    """
    if width * symbol_bits <= KEY_BITS:
        return width
    return max(1, (KEY_BITS - bits(PART)) // symbol_bits)


def _parts(symbols: IntArray32) -> Iterator[NDArray[np.intp] | slice]:
    """Positions in parts of about ``PART`` or more, by increasing symbol."""
    if len(symbols) <= PART:
        yield slice(len(symbols))
        return
    starts = range(0, len(symbols), PART)
    occurrences = np.zeros(int(symbols.max()) + 1, dtype=np.int64)
    for start in starts:
        occurrences += np.bincount(symbols[start : start + PART], minlength=len(occurrences))
    part_of_symbol = (np.cumsum(occurrences) // PART).astype(np.int16)

    def members(start: int) -> tuple[NDArray[np.intp], NDArray[np.int16]]:
        part = symbols[start : start + PART]
        return np.arange(start, start + len(part)), part_of_symbol[part]

    yield from grouped(starts, members, int(part_of_symbol[-1]) + 1)


def _distinct(
    symbols: IntArray32,
    stop: int,
    width: int,
    symbol_bits: int,
    held: int,
    position: NDArray[np.intp] | slice,
) -> tuple[list[IntArray], IntArray32]:
    """The distinct windows of some positions, as integers of many symbols, and their counts."""
    keys: list[IntArray] = []
    for ahead in range(width):
        symbol = symbols[ahead:][position]
        if ahead == 1:
            goes_on = symbol != stop
        elif ahead:
            goes_on &= symbol != stop
            symbol = np.where(goes_on, symbol, np.int32(stop))
        if ahead % held:
            keys[-1] <<= symbol_bits
            keys[-1] |= symbol
        else:
            keys.append(symbol.astype(np.int64))
    keys = sorted_together(keys)
    new = changes(keys[0])
    for key in keys[1:]:
        new |= changes(key)
    first = np.flatnonzero(new)
    return [key[first] for key in keys], gaps(first, len(new))
