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


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A bijection whose bits depend on all bits of the value, so that order matters in a sum."""
    values = values + _GOLDEN_RATIO
    values = (values ^ (values >> _SHIFTS[0])) * _FACTORS[0]
    values = (values ^ (values >> _SHIFTS[1])) * _FACTORS[1]
    return values ^ (values >> _SHIFTS[2])
