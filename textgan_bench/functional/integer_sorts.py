"""Integers in order, so that equal ones stand side by side, by the faster of two sorts.

PyTorch's stable sort of integers is a radix sort. numpy's compares several keys at once where it
has code for the processor. Either may take three times as long as the other, so that both are
measured, once. They give the same.

Shapes: P keys.
"""

import timeit
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

KEY_BITS = 63
TIMED = 2**15
"""Keys that are sorted to see which sort is the faster one."""
HALVED = 4
"""Ranges of 2^32 keys that are told apart before keys of 32 bits are sorted; more take too long."""

IntArray = NDArray[np.int64]


def bits(largest: int) -> int:
    """Binary digits of the integers 0..``largest``, at least one."""
    return max(1, int(largest).bit_length())


def changes(values: NDArray[np.signedinteger]) -> NDArray[np.bool_]:
    """True where a value differs from the one before it, and at the first.

    >>> changes(np.array([3, 3, 5, 3])).tolist()
    [True, False, True, True]
    """
    found = np.empty(len(values), dtype=bool)
    found[:1] = True
    np.not_equal(values[1:], values[:-1], out=found[1:])
    return found


def gaps(starts: NDArray[np.intp], end: int) -> NDArray[np.int32]:
    """How far it is from each of increasing starts to the next one, and from the last to ``end``.

    >>> gaps(np.array([0, 2, 3]), end=7).tolist()
    [2, 1, 4]
    """
    found = np.empty(len(starts), dtype=np.int32)  # np.diff copies the starts to append the end
    np.subtract(starts[1:], starts[:-1], out=found[:-1], casting="same_kind")
    found[-1:] = end - starts[-1:]
    return found


def sorted_keys(key: NDArray[np.signedinteger]) -> NDArray[np.signedinteger]:
    """Keys (P,) in increasing order; the given ones may lose theirs.

    >>> sorted_keys(np.array([7, 2, 7])).tolist()
    [2, 7, 7]
    """
    if _numpy_is_faster():
        key.sort()
        return key
    return torch.from_numpy(key).sort(stable=True).values.numpy()


def distinct(key: IntArray) -> IntArray:
    """The distinct keys in increasing order.

    >>> distinct(np.array([3, 1, 3])).tolist()
    [1, 3]
    """
    if _numpy_is_faster():
        ordered = np.sort(key)
        return ordered[changes(ordered)]
    return torch.from_numpy(key).unique().numpy()


def sorted_pairs(key: IntArray, position: NDArray[np.intp]) -> tuple[IntArray, NDArray[np.intp]]:
    """Keys in increasing order and their positions, which are increasing where keys are equal.

    The given keys may lose theirs.

    Args:
        key: (P,); negative ones take longer.
        position: (P,) increasing, not negative.

    >>> [array.tolist() for array in sorted_pairs(np.array([7, 2, 7]), np.array([0, 1, 2]))]
    [[2, 7, 7], [1, 0, 2]]
    """
    if not len(key):
        return key, position
    largest = int(key.view(np.uint64).max())  # of negative keys, more than 63 bits
    position_bits = bits(int(position[-1]))
    if bits(largest) + position_bits <= KEY_BITS and _numpy_is_faster():
        return _sorted_with(key, position, position_bits)
    low = int(key.min())
    return _sorted_beside(key, position, low, int(key.max()) - low)


def sorted_together(keys: list[IntArray]) -> list[IntArray]:
    """Rows of keys in increasing order of their first ones, then of their second ones, and so on.

    The given keys may lose theirs.

    Args:
        keys: (P,) each, not negative.

    >>> [key.tolist() for key in sorted_together([np.array([7, 2, 7]), np.array([1, 3, 0])])]
    [[2, 7, 7], [3, 0, 1]]
    """
    if len(keys) == 1:
        return [sorted_keys(keys[0]).astype(np.int64, copy=False)]
    place = np.arange(len(keys[0]))
    for key in reversed(keys):
        place = place[sorted_pairs(key[place], np.arange(len(place)))[1]]
    return [key[place] for key in keys]


@cache
def _numpy_is_faster() -> bool:
    """Whether numpy's sort takes less time than PyTorch's."""
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

    Half as many bits halve the time of a radix sort.
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
