"""Text as integers end to end, and equal n-grams brought side by side by one sort.

An n-gram is the rank of its first n - 1 words and its last word, packed into one integer. Ranks are
dense, so no two n-grams share one, whatever the order and the vocabulary. A stable sort puts equal
n-grams together, earlier ones first.
"""

import timeit
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from textgan_bench.errors import UserError
from textgan_bench.functional.threads import in_order

T = TypeVar("T")

KEY_BITS = 63
TIMED = 2**15
"""Keys that are sorted once to see which sort is the faster one here."""
HALVED = 4
"""Ranges of 2^32 keys that are told apart before keys of 32 bits are sorted; more take too long."""

IntArray = NDArray[np.int64]
Indices = NDArray[np.int64] | NDArray[np.int32]
FloatArray = NDArray[np.float64]


class IndexedText(NamedTuple):
    """Sentences as word indices laid end to end."""

    words: Indices
    """(number of words,); a negative index matches nothing, not even itself."""
    lengths: Indices
    """(number of sentences,), words in each."""


def bits(largest: int) -> int:
    """Binary digits of the integers 0..``largest``, at least one."""
    return max(1, int(largest).bit_length())


def packed(rank: Indices, word: Indices, word_bits: int) -> IntArray:
    """(P,) one integer for each pair of a rank and a word of at most ``word_bits``.

    Raises:
        UserError: the pairs do not fit into 63 bits.
    """
    largest = int(rank.max(initial=0))
    if bits(largest) + word_bits > KEY_BITS:
        raise UserError(f"{largest + 1} n-grams of 2^{word_bits} words exceed 63-bit keys")
    key = rank.astype(np.int64)
    key <<= word_bits  # in place: a new array costs as much as the shift
    key |= word
    return key


def grouped(
    blocks: Iterable[T],
    members: Callable[[T], tuple[NDArray[np.intp], NDArray[np.int16]]],
    groups: int,
) -> Iterator[NDArray[np.intp]]:
    """The positions of each group in turn, in their order; those of a block come by ``members``.

    4 bytes are kept of a position, which is below 2^31. Blocks are gone through by as many threads
    as ``on_threads`` gives.

    >>> starts, group = [0, 2], np.array([1, 0, 1, 1], np.int16)
    >>> def members(start):
    ...     return np.arange(start, start + 2), group[start : start + 2]
    >>> [positions.tolist() for positions in grouped(starts, members, groups=2)]
    [[1], [0, 2, 3]]
    """

    def ordered(block: T) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
        position, group = members(block)
        order = torch.from_numpy(group).sort(stable=True).indices.numpy()
        bounds = np.searchsorted(group[order], np.arange(groups + 1))
        return position[order].astype(np.int32), bounds

    pieces = list(in_order(ordered, blocks))
    for group in range(groups):
        parts = [position[bounds[group] : bounds[group + 1]] for position, bounds in pieces]
        yield np.concatenate(parts, dtype=np.intp)


def changes(values: NDArray[np.signedinteger]) -> NDArray[np.bool_]:
    """True where a value differs from the one before it, and at the first.

    >>> changes(np.array([3, 3, 5, 3])).tolist()
    [True, False, True, True]
    """
    found = np.empty(len(values), dtype=bool)
    found[:1] = True
    np.not_equal(values[1:], values[:-1], out=found[1:])
    return found


def sorted_pairs(key: IntArray, position: NDArray[np.intp]) -> tuple[IntArray, NDArray[np.intp]]:
    """Keys in increasing order and their positions, which are increasing where keys are equal.

    Args:
        key: (P,) not negative.
        position: (P,) increasing, not negative.

    >>> [array.tolist() for array in sorted_pairs(np.array([7, 2, 7]), np.array([0, 1, 2]))]
    [[2, 7, 7], [1, 0, 2]]
    """
    if not len(key):
        return key, position
    low = int(key.min())
    spread = int(key.max()) - low
    position_bits = bits(int(position.max()))
    if bits(spread) + position_bits <= KEY_BITS and _numpy_is_faster():
        ordered, position = _sorted_with(key - low, position, position_bits)
        ordered += low
        return ordered, position
    return _sorted_beside(key, position, low, spread)


@cache
def _numpy_is_faster() -> bool:
    """Whether numpy's sort takes less time than PyTorch's.

    Measured, as either may take three times as long as the other: numpy's compares several keys at
    once where it has code for the processor.
    """
    position = np.arange(TIMED)
    key = position * 2_654_435_761 % 2**28  # scattered: a prime close to the golden ratio of 2^32
    ways = (
        lambda: _sorted_with(key.copy(), position, bits(TIMED)),
        lambda: _sorted_beside(key, position, 0, 2**28),
    )
    numpy, pytorch = (min(timeit.repeat(way, number=1, repeat=4)) for way in ways)
    return numpy < pytorch


def _sorted_with(
    key: IntArray, position: NDArray[np.intp], position_bits: int
) -> tuple[IntArray, NDArray[np.intp]]:
    """``sorted_pairs`` in the memory of ``key``: numpy sorts nothing along, so both are one."""
    key <<= position_bits
    key |= position
    key.sort()
    position = key & ((1 << position_bits) - 1)
    key >>= position_bits
    return key, position


def _sorted_beside(
    key: IntArray, position: NDArray[np.intp], low: int, spread: int
) -> tuple[IntArray, NDArray[np.intp]]:
    """``sorted_pairs`` of keys from ``low`` to ``low + spread`` by PyTorch.

    Its stable sort of integers is a radix sort, which half as many bits halve.
    """
    if not spread >> 16:
        return _sorted_as(np.int16, key, position, low)
    groups = (spread >> 32) + 1
    if groups == 1:
        return _sorted_as(np.int32, key, position, low)
    if groups > HALVED:
        ordered, index = torch.sort(torch.from_numpy(key), stable=True)
        return ordered.numpy(), position[index.numpy()]
    group = key - low >> 32
    parts = [np.flatnonzero(group == number) for number in range(groups)]
    found = [
        _sorted_as(np.int32, key[part], position[part], low + (number << 32))
        for number, part in enumerate(parts)
    ]
    keys, positions = zip(*found, strict=True)
    return np.concatenate(keys), np.concatenate(positions)


def _sorted_as(
    kind: type[np.int16 | np.int32], key: IntArray, position: NDArray[np.intp], low: int
) -> tuple[IntArray, NDArray[np.intp]]:
    """``sorted_pairs`` of keys from ``low`` on, as many as integers of a kind can tell apart."""
    least = np.iinfo(kind).min
    values = (key - low + least).astype(kind)  # in this order, as keys may be close to 2^63
    ordered, index = torch.sort(torch.from_numpy(values), stable=True)
    return ordered.numpy().astype(np.int64) - least + low, position[index.numpy()]
