"""BLEU of every sentence of one text against all sentences of another, both directions at once.

Sentence BLEU of Papineni et al. (2002), "BLEU: a method for automatic evaluation of machine
translation", with smoothing method 1 of Chen & Cherry (2014): for orders n = 1..N

    BLEU = min(1, exp(1 - r / c)) exp(sum_n log p_n / N),    p_n = m_n / max(1, c - n + 1),

with c the words of the sentence, r the closest length of a reference (the shorter of two), and m_n
the n-grams that match, each counted at most as often as in the reference that has most of it;
m_n = 0.1 if none does. The score is 0 if no word matches. Values are those of NLTK.

Each text is gone through once for all orders. A reference text becomes an index that serves any
number of samples; an n-gram of the samples is looked up under the index's rank of its beginning.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textgan_bench.errors import UserError
from textgan_bench.functional.integer_sorts import IntArray, bits, changes, gaps
from textgan_bench.functional.ngram_orders import NGramOrders, NGramRanks, NGramRuns, Part
from textgan_bench.functional.ngrams import FloatArray, IndexedText, Indices
from textgan_bench.functional.threads import in_order

EPSILON = 0.1
SCORED = 2**15
"""Sentences whose scores are worked out at once."""

Smoothing = Literal["floor", "skip"]
"""Rule for an order without a match. ``floor`` counts 0.1 matches. ``skip`` leaves its factor out
of the product, as NLTK did before 3.3, so that a sentence without any 5-gram of the references
loses nothing; use it only to reproduce tables made that way."""


class NGramIndex:
    """An index of a reference text for BLEU: its n-grams, and how often each sentence has them.

    Args:
        text: sentences as word indices, each below 2^63 divided by the number of words.
        order: longest n-gram.

    Raises:
        UserError: there are no sentences.
    """

    def __init__(self, text: IndexedText, order: int) -> None:
        if not len(text.lengths):
            raise UserError("BLEU needs at least one reference")
        self.lengths = text.lengths
        self.words = int(text.words.max(initial=0)) + 1
        self.word_bits = bits(self.words - 1)
        self.levels: list[NGramRanks] = []
        """Of each order."""
        orders = NGramOrders(text, self.words, self.word_bits)
        # Memory is asked for at once, as large pages take less time than many small ones.
        ranks = np.empty((order, len(text.words)), dtype=np.int32)
        while len(self.levels) < order and orders.go_on():
            self.levels.append(orders.ranks(ranks[len(self.levels)]))
        self._ends = np.cumsum([0, *(len(level.largest) for level in self.levels)])

    @property
    def size(self) -> int:
        """G, distinct n-grams of all orders."""
        return int(self._ends[-1])

    def of_level(self, n: int, values: NDArray[np.int32]) -> NDArray[np.int32]:
        """The part of ``values`` (G,) that belongs to the n-grams of ``levels[n]``."""
        return values[self._ends[n] : self._ends[n + 1]]


def forward_bleu(
    samples: IndexedText,
    references: NGramIndex,
    orders: Sequence[int] = (5,),
    smoothing: Smoothing = "floor",
) -> tuple[FloatArray, NDArray[np.int32]]:
    """BLEU of each sample against all references, and the counts for the other direction.

    Args:
        samples: word indices as the references have them.
        references: indexed up to the largest of ``orders``.
        orders: N of each score.
        smoothing: rule for an order without a match.

    Returns:
        (number of orders, B) scores in [0, 1], and (``references.size``,) the largest count of each
        n-gram of the references in a sample; of a text in pieces, it is the largest of theirs.

    Raises:
        UserError: there are no samples.
    """
    if not len(samples.lengths):
        raise UserError("BLEU needs at least one sample")
    matches = np.zeros((max(orders), len(samples.lengths)))
    largest = np.zeros(references.size, dtype=np.int32)
    of_samples = NGramOrders(samples, references.words, references.word_bits)
    for n, theirs in enumerate(references.levels[: max(orders)]):
        if not of_samples.go_on():
            break
        position = of_samples.positions()
        rank = theirs.find(of_samples.keys(position))
        found = rank >= 0
        of_samples.drop(position[~found])
        if not found.any():
            break
        # Of those that the references have, the rank tells which n-gram each one is.
        ours, tokens = of_samples.runs(rank[found].astype(np.int64), position[found])
        references.of_level(n, largest)[ours.keys] = ours.largest()
        limit = ours.per_run(theirs.largest[ours.keys])
        matches[n] = ours.matches(limit, len(samples.lengths))
        of_samples.keep(tokens, ours.keys)
    closest = _closest_length(samples.lengths, _distinct(references.lengths))
    return _bleu(matches, samples.lengths, closest, orders, smoothing), largest


def backward_bleu(
    largest: NDArray[np.int32],
    sample_lengths: Indices,
    references: NGramIndex,
    orders: Sequence[int] = (5,),
    smoothing: Smoothing = "floor",
) -> FloatArray:
    """BLEU of each reference against all samples.

    Args:
        largest: largest counts over all samples, as ``forward_bleu`` returns them.
        sample_lengths: lengths of the samples, each once or more often.
        references: indexed references that ``forward_bleu`` was given.
        orders: N of each score.
        smoothing: rule for an order without a match.

    Returns:
        (number of orders, number of references) scores in [0, 1].

    >>> samples = IndexedText(np.array([0, 1, 2, 3, 4, 2, 7]), np.array([5, 2]))
    >>> references = NGramIndex(IndexedText(np.array([0, 1, 2, 3, 4, 5]), np.array([6])), order=2)
    >>> forward, largest = forward_bleu(samples, references, orders=(1, 2))
    >>> forward.round(3).tolist()
    [[0.819, 0.068], [0.819, 0.03]]
    >>> backward_bleu(largest, samples.lengths, references, orders=(1, 2)).round(3).tolist()
    [[0.833], [0.816]]
    """
    matches = np.zeros((max(orders), len(references.lengths)))
    filled = np.flatnonzero(references.lengths)
    start = (np.cumsum(references.lengths, dtype=np.int64) - references.lengths)[filled]
    for n, level in enumerate(references.levels[: max(orders)]):
        matches[n, filled] = level.matches(references.of_level(n, largest), start)
    closest = _closest_length(references.lengths, _distinct(sample_lengths))
    return _bleu(matches, references.lengths, closest, orders, smoothing)


def self_bleu(
    text: IndexedText, orders: Sequence[int] = (5,), smoothing: Smoothing = "floor"
) -> FloatArray:
    """BLEU of each sentence against all other sentences of its text.

    Memory grows by about 20 bytes a word, in addition to those of the text, and 60 a sentence.
    Parts of the text are gone through by as many threads as ``on_threads`` gives.

    Returns:
        (number of orders, B) scores in [0, 1]; their mean over B is the self-BLEU.

    Raises:
        UserError: there are fewer than two sentences.

    >>> text = IndexedText(np.array([0, 1, 2, 0, 1, 3]), np.array([3, 3]))
    >>> self_bleu(text, orders=(1, 2)).round(3).tolist()
    [[0.667, 0.667], [0.577, 0.577]]
    """
    if len(text.lengths) < 2:
        raise UserError(f"self-BLEU needs at least two sentences, not {len(text.lengths)}")
    matches = np.zeros((max(orders), len(text.lengths)), dtype=np.float32)  # exact up to 2^24
    words = int(text.words.max(initial=0)) + 1
    of_text = NGramOrders(text, words, bits(words - 1))

    def clipped(part: Part) -> tuple[Tensor, Tensor]:
        """Sentence and matches of each run."""
        runs, tokens = of_text.runs(of_text.keys(part.positions), part.positions)
        shared = gaps(runs.first, len(runs.counts)) > 1
        of_text.keep(tokens, np.where(shared, part.before + np.arange(len(shared)), -1))
        counts = np.minimum(runs.counts, _largest_elsewhere(runs)).astype(np.float32)
        return torch.from_numpy(runs.sentence), torch.from_numpy(counts)

    for n in range(max(orders)):
        if not of_text.go_on():
            break
        for sentence, counts in in_order(clipped, of_text.parts()):
            torch.from_numpy(matches[n]).index_add_(0, sentence, counts)
    candidates = _distinct(text.lengths)
    sentences = np.bincount(np.searchsorted(candidates, text.lengths))
    closest = np.array(
        [
            # A length of its own is one of a reference only if another sentence has it too.
            _closest_length(length[None], np.delete(candidates, i) if alone else candidates)[0]
            for i, (length, alone) in enumerate(zip(candidates, sentences == 1, strict=True))
        ]
    )[np.searchsorted(candidates, text.lengths)]
    parts = [slice(start, start + SCORED) for start in range(0, len(text.lengths), SCORED)]
    return np.concatenate(
        [
            _bleu(matches[:, part], text.lengths[part], closest[part], orders, smoothing)
            for part in parts
        ],
        axis=1,
    )


def _largest_elsewhere(runs: NGramRuns) -> NDArray[np.int32]:
    """(R,) the largest count of the run's n-gram in any other sentence."""
    largest = runs.per_run(runs.largest())
    ngram = runs.per_run(np.arange(len(runs.first), dtype=np.int32))
    top = np.flatnonzero(runs.counts == largest)
    top = top[changes(ngram[top])]  # (G,), one of the runs with most
    others = runs.counts.copy()
    others[top] = 0
    largest[top] = np.maximum.reduceat(others, runs.first)
    return largest


def _distinct(lengths: Indices) -> IntArray:
    return np.flatnonzero(np.bincount(lengths)).astype(np.int64, copy=False)


def _closest_length(lengths: Indices, candidates: Indices) -> Indices:
    """The element of ``candidates``, which increase, nearest to each length, the smaller of two."""
    longest = int(lengths.max())
    if longest >= len(lengths):
        return _nearest(lengths, candidates)
    return _nearest(np.arange(longest + 1), candidates)[lengths]


def _nearest(lengths: Indices, candidates: Indices) -> Indices:
    above = np.searchsorted(candidates, lengths).clip(max=len(candidates) - 1)
    longer, shorter = candidates[above], candidates[np.maximum(above - 1, 0)]
    return np.where(np.abs(lengths - shorter) <= np.abs(longer - lengths), shorter, longer)


def _bleu(
    matches: NDArray[np.floating],
    lengths: Indices,
    closest: Indices,
    orders: Sequence[int],
    smoothing: Smoothing,
) -> FloatArray:
    """(number of orders, B) scores from the (N, B) matches of each order."""
    possible = np.maximum(1, lengths - np.arange(len(matches))[:, None])
    precision = np.where(matches > 0, matches.astype(np.float64), EPSILON) / possible
    if smoothing == "skip":
        precision = np.where(matches > 0, precision, 1.0)
    brevity = np.minimum(0.0, 1.0 - closest / np.maximum(1, lengths))
    log_precision = np.log(precision).cumsum(axis=0)
    scores = [np.exp(brevity + log_precision[n - 1] / n) for n in orders]
    return np.where(matches[0] > 0, scores, 0.0)
