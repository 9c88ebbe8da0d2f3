"""Hashes of words, n-grams and sentences, the same in every process (Python's own differ).

With 64 bits, two of n different texts share a hash with a probability of about n^2 / 2^65: one in
thirty thousand for 33 million n-grams.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

_GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)  # these four: splitmix64, Steele et al. (2014)
_INVERSE = np.uint64(pow(int(_GOLDEN_RATIO), -1, 2**64))
_FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)


class HashedText(NamedTuple):
    """Sentences as hashes of their words, laid end to end."""

    words: IntArray
    """(number of words,)"""
    lengths: IntArray
    """(number of sentences,), words in each."""


def text_hashes(texts: Iterable[str]) -> IntArray:
    """One hash a text."""
    digests = b"".join(blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(digests, dtype="<i8").astype(np.int64)


def sentence_hashes(sentences: Iterable[Sequence[str]]) -> IntArray:
    """One hash a sentence; words may hold blanks, but no line ends."""
    return text_hashes("\n".join(words) for words in sentences)


def hash_words(sentences: Sequence[Sequence[str]]) -> HashedText:
    """Each distinct word is hashed once."""
    lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
    index: dict[str, int] = {}
    places = [index.setdefault(word, len(index)) for word in chain.from_iterable(sentences)]
    return HashedText(text_hashes(index)[np.array(places, dtype=np.int64)], lengths)


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
    powers[1:] = _GOLDEN_RATIO  # an odd number
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
    values = values + _GOLDEN_RATIO
    values = (values ^ (values >> _SHIFTS[0])) * _FACTORS[0]
    values = (values ^ (values >> _SHIFTS[1])) * _FACTORS[1]
    return values ^ (values >> _SHIFTS[2])
