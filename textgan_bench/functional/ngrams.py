"""Text as integers end to end, and its n-grams as integers.

An n-gram is the rank of its first n - 1 words and its last word, packed into one integer. Ranks are
dense, so no two n-grams share one, whatever the order and the vocabulary.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from textgan_bench.errors import UserError
from textgan_bench.functional.integer_sorts import KEY_BITS, IntArray, bits
from textgan_bench.functional.threads import in_order

T = TypeVar("T")

Indices = NDArray[np.int64] | NDArray[np.int32]
FloatArray = NDArray[np.float64]


class IndexedText(NamedTuple):
    """Sentences as word indices laid end to end."""

    words: Indices
    """(number of words,); a negative index matches nothing, not even itself."""
    lengths: Indices
    """(number of sentences,), words in each."""


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
