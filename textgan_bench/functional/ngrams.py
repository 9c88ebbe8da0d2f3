"""Text as integers end to end, and equal n-grams brought side by side by one plain sort.

An n-gram is the rank of its first n - 1 words and its last word, packed into one integer. Ranks are
dense, so no two n-grams share one, whatever the order and the vocabulary. Packed once more with its
position, a sort of plain integers (several times faster than one that returns an order) puts equal
n-grams together, earlier ones first.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from textgan_bench.errors import UserError

KEY_BITS = 63

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
    return rank.astype(np.int64) << word_bits | word


def sorted_pairs(key: IntArray, position: IntArray) -> tuple[IntArray, IntArray]:
    """Keys in increasing order and their positions, which increase where keys are equal.

    Raises:
        UserError: there are 2^31 positions or more.

    >>> [array.tolist() for array in sorted_pairs(np.array([7, 2, 7]), np.array([0, 1, 2]))]
    [[2, 7, 7], [1, 0, 2]]
    """
    position_bits = bits(position.max(initial=0))
    if bits(key.max(initial=0)) + position_bits <= KEY_BITS:
        pair = key << position_bits | position
        pair.sort()
        return pair >> position_bits, pair & ((1 << position_bits) - 1)
    if 2 * position_bits > KEY_BITS:
        raise UserError(f"{len(position)} tokens exceed 63-bit keys")
    # Numbering the keys first is slower, but leaves room for any of them.
    distinct, number = np.unique(key, return_inverse=True)
    number, position = sorted_pairs(number, position)
    return distinct[number], position
