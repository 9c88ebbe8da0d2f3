"""BLEU of every sentence of one text against all sentences of another, both directions at once.

Sentence BLEU of Papineni et al. (2002), "BLEU: a method for automatic evaluation of machine
translation", with smoothing method 1 of Chen & Cherry (2014): for orders n = 1..N

    BLEU = min(1, exp(1 - r / c)) exp(sum_n log p_n / N),    p_n = m_n / max(1, c - n + 1),

with c the words of the sentence, r the closest length of a reference (the shorter of two), and m_n
the n-grams that match, each counted at most as often as in the reference that has most of it;
m_n = 0.1 if none does. The score is 0 if no word matches. Values are those of NLTK.

Cost is one sort of all tokens per order: an n-gram, as the rank of its first n - 1 words and the
last word, is packed with its position into one integer, so that a plain sort puts equal n-grams
side by side, sentences in order. Ranks are dense, so no two n-grams share one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EPSILON = 0.1
KEY_BITS = 63

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class IndexedText(NamedTuple):
    """Sentences as word indices laid end to end."""

    words: IntArray
    """(number of words,); a negative index matches nothing, not even itself."""
    lengths: IntArray
    """(number of sentences,), words in each."""


def cross_bleu(
    samples: IndexedText, references: IndexedText, order: int = 5
) -> tuple[FloatArray, FloatArray]:
    """BLEU of each sample against all references, and of each reference against all samples.

    Returns:
        One score in [0, 1] for each sample and for each reference: their means are the forward
        and the backward BLEU.

    Raises:
        ValueError: there are no samples or no references.

    >>> samples = IndexedText(np.array([0, 1, 2, 3, 4, 2, 7]), np.array([5, 2]))
    >>> references = IndexedText(np.array([0, 1, 2, 3, 4, 5]), np.array([6]))
    >>> forward, backward = cross_bleu(samples, references, order=2)
    >>> forward.round(3).tolist(), backward.round(3).tolist()
    ([0.819, 0.03], [0.816])
    """
    if not len(samples.lengths) or not len(references.lengths):
        raise ValueError(
            f"BLEU needs sentences on both sides, not {len(samples.lengths)} samples"
            f" and {len(references.lengths)} references"
        )
    lengths = np.concatenate([samples.lengths, references.lengths])
    closest = np.concatenate(
        [
            _closest_length(samples.lengths, references.lengths),
            _closest_length(references.lengths, samples.lengths),
        ]
    )
    words = np.concatenate([samples.words, references.words])
    matches = _clipped_matches(words, lengths, len(samples.lengths), order)  # (order, B)
    possible = np.maximum(1, lengths - np.arange(order)[:, None])
    precision = np.where(matches > 0, matches, EPSILON) / possible
    brevity = np.exp(np.minimum(0.0, 1.0 - closest / np.maximum(1, lengths)))
    bleu = np.where(matches[0] > 0, brevity * np.exp(np.log(precision).mean(axis=0)), 0.0)
    return bleu[: len(samples.lengths)], bleu[len(samples.lengths) :]


def _closest_length(lengths: IntArray, others: IntArray) -> IntArray:
    """The element of ``others`` nearest to each of ``lengths``, the smaller of two."""
    candidates = np.unique(others)
    above = np.searchsorted(candidates, lengths).clip(max=len(candidates) - 1)
    longer, shorter = candidates[above], candidates[np.maximum(above - 1, 0)]
    return np.where(np.abs(lengths - shorter) <= np.abs(longer - lengths), shorter, longer)


def _clipped_matches(words: IntArray, lengths: IntArray, split: int, order: int) -> FloatArray:
    """(order, B) matching n-grams of each sentence, those from ``split`` on being the other side.

    A position stays in the game as long as its n-gram occurs on both sides: a longer one can
    match only there, and only if the n-gram one word later stayed as well.
    """
    matches = np.zeros((order, len(lengths)))
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    position = np.flatnonzero(words >= 0)
    rank = np.zeros(len(words), dtype=np.int64)
    shared = np.zeros(len(words) + 1, dtype=bool)
    for n in range(1, order + 1):
        if n > 1:
            shared[:] = False
            shared[position] = True
            following = position + 1
            follows = shared[following]
            position, following = position[follows], following[follows]
            position = position[sentence[position] == sentence[following]]
        if not len(position):
            break
        gram, position = _sorted_ngrams(rank[position], words[position + n - 1], position)
        new_gram = np.diff(gram, prepend=-1) > 0
        gram = np.cumsum(new_gram) - 1
        # A run is one n-gram in one sentence, a block one n-gram on one side: runs lie within
        # blocks, since the positions of a side and of a sentence are contiguous.
        run = np.flatnonzero(new_gram | (np.diff(sentence[position], prepend=-1) != 0))
        count = np.diff(run, append=len(gram))
        run_gram, run_sentence = gram[run], sentence[position[run]]
        side = (run_sentence >= split).astype(np.int64)
        block = np.flatnonzero(np.diff(2 * run_gram + side, prepend=-1))
        largest = np.zeros((2, int(gram[-1]) + 1), dtype=np.int64)
        largest[side[block], run_gram[block]] = np.maximum.reduceat(count, block)
        clipped = np.minimum(count, largest[1 - side, run_gram])
        matches[n - 1] = np.bincount(run_sentence, weights=clipped, minlength=len(lengths))

        on_both_sides = np.minimum(largest[0], largest[1])[gram] > 0
        position = position[on_both_sides]
        rank[position] = gram[on_both_sides]
    return matches


def _sorted_ngrams(rank: IntArray, word: IntArray, position: IntArray) -> tuple[IntArray, IntArray]:
    """Codes of the n-grams (rank of the first n - 1 words, last word) in order, and positions."""
    word_bits, position_bits = _bits(word), _bits(position)
    gram_bits = _bits(rank) + word_bits
    if gram_bits > KEY_BITS or 2 * position_bits > KEY_BITS:
        raise OverflowError(f"{len(position)} tokens of 2^{word_bits} words exceed 63-bit keys")
    gram = rank << word_bits | word
    if gram_bits + position_bits > KEY_BITS:  # number the pairs first: slower, but narrower
        gram = np.unique(gram, return_inverse=True)[1].astype(np.int64)
    key = np.sort(gram << position_bits | position)
    return key >> position_bits, key & ((1 << position_bits) - 1)


def _bits(values: IntArray) -> int:
    return int(values.max()).bit_length()
