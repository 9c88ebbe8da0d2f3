"""Hashes of words, n-grams and sentences, the same in every process (Python's own differ).

With 64 bits, two of n different texts share a hash with a probability of about n^2 / 2^65: one in
thirty thousand for 33 million n-grams.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from textgan_bench.functional.integer_sorts import IntArray, distinct
from textgan_bench.functional.word_numbers import once, word_numbers

GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio: a factor whose products spread over the high bits (Knuth)."""

# With it these three make splitmix64 (Steele et al., 2014).
_INVERSE = np.uint64(pow(int(GOLDEN_RATIO), -1, 2**64))
_FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)


class HashedText(NamedTuple):
    """Sentences as hashes of their words, laid end to end."""

    words: IntArray
    """(number of words,)"""
    lengths: IntArray
    """(number of sentences,), words in each."""


@lru_cache(maxsize=2**16)
def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=8).digest()


def text_hashes(texts: Iterable[str]) -> IntArray:
    """One hash a text, kept for those that come again."""
    return np.frombuffer(b"".join(map(_digest, texts)), dtype="<i8").astype(np.int64)


def type_hashes(sentences: Sequence[Sequence[str]]) -> IntArray:
    """One hash for each distinct word of ``word_numbers``."""
    return once(sentences, type_hashes, lambda: text_hashes(word_numbers(sentences).types))


def hash_words(sentences: Sequence[Sequence[str]]) -> HashedText:
    """Each distinct word is hashed once."""
    words, lengths, _ = word_numbers(sentences)
    return HashedText(type_hashes(sentences)[words], lengths)


def sentence_hashes(sentences: Sequence[Sequence[str]]) -> IntArray:
    """One hash a sentence, by those of its words and their places.

    >>> hashes = sentence_hashes([["a", "b"], ["b", "a"], [], ["a"], ["a", "b"]])
    >>> len(set(hashes.tolist())), bool(hashes[0] == hashes[4])
    (4, True)
    """
    return once(sentences, sentence_hashes, lambda: _sentence_hashes(hash_words(sentences)))


def _sentence_hashes(text: HashedText) -> IntArray:
    first = np.cumsum(text.lengths) - text.lengths
    place = np.arange(len(text.words), dtype=np.uint64)
    place -= np.repeat(first, text.lengths).astype(np.uint64)
    # A word at a place is mixed as a whole, so that the sum over places depends on which is where.
    mixed = _mix(_mix(text.words.astype(np.uint64)) + (place + np.uint64(1)) * GOLDEN_RATIO)
    sums = np.append(np.uint64(0), mixed.cumsum())  # modulo 2^64
    last = first + text.lengths
    return _mix(sums[last] - sums[first] + text.lengths.astype(np.uint64)).astype(np.int64)


def are_among(hashes: IntArray, known: IntArray) -> NDArray[np.bool_]:
    """Whether each is one of the ``known``, which are distinct and increase.

    >>> are_among(np.array([1, 2, 9]), np.array([2, 3])).tolist()
    [False, True, False]
    """
    return known.take(np.searchsorted(known, hashes), mode="clip") == hashes


class KnownHashes:
    """Hashes that many others are looked for among, most of them in vain.

    A bit of a table tells of most others that they are not there, an eighth of the time of a search
    in an array that does not fit into the processor's cache. 10 bytes are kept of each hash.

    >>> KnownHashes(np.array([2, 3, 2])).hold(np.array([1, 2, 9])).tolist()
    [False, True, False]
    """

    def __init__(self, hashes: IntArray) -> None:
        self._hashes = distinct(hashes)
        bits = max(3, (8 * len(self._hashes)).bit_length())
        self._shift = np.uint64(64 - bits)
        marked = np.zeros(2**bits, dtype=bool)
        marked[self._places(self._hashes)] = True
        self._table = np.packbits(marked, bitorder="little")

    def _places(self, hashes: IntArray) -> NDArray[np.uint64]:
        return hashes.astype(np.uint64) >> self._shift

    def hold(self, hashes: IntArray) -> NDArray[np.bool_]:
        """Whether each is one of them."""
        place = self._places(hashes)
        byte = self._table[place >> np.uint64(3)]
        held = (byte >> (place & np.uint64(7)).astype(np.uint8) & 1).astype(bool)
        perhaps = np.flatnonzero(held)
        held[perhaps] = are_among(hashes[perhaps], self._hashes)
        return held


def ngram_hashes(text: HashedText, n: int) -> tuple[IntArray, IntArray]:
    """Hashes of all n-grams of ``n`` words, and the sentence each one is from.

    >>> text = hash_words([["a", "b", "a", "b"], ["a"], ["a", "b"]])
    >>> hashes, sentences = ngram_hashes(text, 2)
    >>> len(set(hashes.tolist())), sentences.tolist()
    (2, [0, 0, 0, 2])
    """
    sentence = np.repeat(np.arange(len(text.lengths)), text.lengths)
    number = max(0, len(text.words) - n + 1)
    words = text.words.astype(np.uint64)
    hashes = words[:number]
    for place in range(1, n):
        hashes = _mix(hashes) + words[place : place + number]
    within = sentence[:number] == sentence[n - 1 :]
    return hashes[within].astype(np.int64), sentence[:number][within]


def shortened_hashes(text: HashedText) -> tuple[IntArray, IntArray]:
    """A hash of each sentence as it is, and of it without each one of its words; whose each one is.

    Two sentences share one if they become equal once at most one word is left out of each: if one
    word was changed, added, left out or moved. A sentence of t words has t + 1, each the sum of its
    words' hashes times powers of an odd number, by place.

    >>> hashes, sentences = shortened_hashes(hash_words([["a", "b"], ["b"], ["a", "c"]]))
    >>> whole, without = hashes[:3], hashes[3:]
    >>> bool(without[0] == whole[1]), bool(without[1] == without[4]), sentences.tolist()
    (True, True, [0, 1, 2, 0, 0, 1, 2, 2])
    """
    number = len(text.lengths)
    sentence = np.repeat(np.arange(number), text.lengths)
    stop = np.cumsum(text.lengths)
    start = stop - text.lengths
    powers = np.ones(int(text.lengths.max(initial=0)) + 1, dtype=np.uint64)
    powers[1:] = GOLDEN_RATIO  # an odd number
    powers = np.cumprod(powers, dtype=np.uint64)
    terms = text.words.astype(np.uint64) * powers[np.arange(len(sentence)) - start[sentence]]
    sums = np.append(np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64))
    before = sums[:-1] - sums[start][sentence]
    behind = sums[stop][sentence] - sums[1:]
    without = before + behind * _INVERSE  # which come one place nearer to the start
    hashes = np.concatenate([sums[stop] - sums[start], without])
    return hashes.astype(np.int64), np.concatenate([np.arange(number), sentence])


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A bijection whose bits depend on all bits of the value, so that order matters in a sum."""
    values = values + GOLDEN_RATIO
    values = (values ^ (values >> _SHIFTS[0])) * _FACTORS[0]
    values = (values ^ (values >> _SHIFTS[1])) * _FACTORS[1]
    return values ^ (values >> _SHIFTS[2])
