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

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textgan_bench.errors import UserError
from textgan_bench.functional.integer_sorts import IntArray, bits, changes, gaps, sorted_pairs
from textgan_bench.functional.key_rows import finder
from textgan_bench.functional.ngrams import FloatArray, IndexedText, Indices, grouped, packed
from textgan_bench.functional.text_hashes import GOLDEN_RATIO
from textgan_bench.functional.threads import in_order

EPSILON = 0.1
PART = 2**18
"""Words of a text that are sorted at once."""
SCORED = 2**15
"""Sentences whose scores are worked out at once."""

Finder = Callable[[IntArray], NDArray[np.int32]]
Smoothing = Literal["floor", "skip"]
"""Rule for an order without a match. ``floor`` counts 0.1 matches. ``skip`` leaves its factor out
of the product, as NLTK did before 3.3, so that a sentence without any 5-gram of the references
loses nothing; use it only to reproduce tables made that way."""


class _Level(NamedTuple):
    """The n-grams of one order; a run is one n-gram in one sentence."""

    keys: IntArray  # (G,), increasing
    first: NDArray[np.intp]  # (G,), the run each n-gram begins with
    sentence: NDArray[np.int32]  # (R,)
    counts: NDArray[np.int32]  # (R,), how often the sentence has it

    def per_run(self, values: NDArray[np.int32]) -> NDArray[np.int32]:
        """(R,) from one value for each n-gram."""
        return np.repeat(values, gaps(self.first, len(self.counts)))

    def largest(self) -> NDArray[np.int32]:
        """(G,) how often the sentence that has most of an n-gram has it."""
        largest = np.ones(len(self.first), dtype=np.int32)
        repeated = np.flatnonzero(self.counts > 1)  # few, so that a pass over all takes longer
        ngram = np.searchsorted(self.first, repeated, side="right") - 1
        np.maximum.at(largest, ngram, self.counts[repeated])
        return largest

    def matches(self, limit: NDArray[np.int32], sentences: int) -> FloatArray:
        """(B,) n-grams of each sentence, one counted at most ``limit`` (R,) times."""
        clipped = np.minimum(self.counts, limit)
        return np.asarray(np.bincount(self.sentence, clipped, sentences), dtype=np.float64)


class _References(NamedTuple):
    """The n-grams of one order in the references, of P words."""

    find: Finder  # their ranks, by their keys
    largest: NDArray[np.int32]  # (G,), how often the sentence that has most of one has it
    rank: NDArray[np.int32]  # (P,), of the n-gram that begins at each position; G for none
    again: NDArray[np.intp]  # (K,), positions of n-grams that stand in their sentence before, too
    before: NDArray[np.int32]  # (K,), how often

    def matches(self, limit: NDArray[np.int32], start: NDArray[np.intp]) -> NDArray[np.int32]:
        """(B,) n-grams of each sentence, one counted at most ``limit`` (G,) times.

        Sentences have words, and begin at ``start`` (B,).
        """
        with_none = torch.from_numpy(np.append(limit, np.int32(0)))
        # As PyTorch need not make 64 bits of the ranks, it takes two thirds of numpy's time.
        limits = with_none.index_select(0, torch.from_numpy(self.rank)).numpy()
        counted = limits > 0
        counted[self.again[limits[self.again] <= self.before]] = False
        return np.add.reduceat(counted.view(np.int8), start, dtype=np.int32)


class _Part(NamedTuple):
    """Some positions of a text, all those of an n-gram among them or none."""

    positions: NDArray[np.intp]
    before: int
    """Positions of the parts before."""


class _Tokens(NamedTuple):
    """Where the n-grams of a level stand."""

    positions: NDArray[np.intp]  # those of the first n-gram, then those of the second one
    numbers: NDArray[np.int32]  # (G,), how many of each


class _Orders:
    """A pass through the orders of a text; a longer n-gram is looked for only where it can be.

    ``go_on``, ``level`` and ``keep`` are called in turn. The last two take all ``positions`` at
    once, or one of ``parts``, which bounds their temporary memory, several threads one each. 12
    bytes a word are kept in addition to those of the text.

    Raises:
        UserError: there are 2^31 words or more.
    """

    def __init__(self, text: IndexedText, words: int, word_bits: int) -> None:
        if len(text.words) > np.iinfo(np.int32).max:
            raise UserError(f"{len(text.words)} words exceed the 31 bits of a rank")
        self._text = text
        self._word_bits = word_bits
        self._sentence = np.repeat(np.arange(len(text.lengths), dtype=np.int32), text.lengths)
        self._continues = self._sentence[1:] == self._sentence[:-1]  # a word follows
        self.rank = np.zeros(len(text.words), dtype=np.int32)
        """Of the n-gram of the order before, at each position that is kept."""
        self._kept = (text.words >= 0) & (text.words < words)
        self._order = 0
        self._repeated = np.zeros(0, dtype=np.intp)
        """Positions of n-grams of the order before that their sentences have several times."""

    def go_on(self) -> bool:
        """Move to the next order; False if no n-gram of it can be kept.

        An n-gram can be kept if both its parts, without its last and without its first word, were.
        """
        if self._order:
            self._kept[:-1] &= self._kept[1:] & self._continues
            self._kept[-1:] = False
        self._order += 1
        return bool(self._kept.any())

    def positions(self) -> NDArray[np.intp]:
        """Positions where the n-grams of the order begin."""
        return np.flatnonzero(self._kept)

    def parts(self) -> Iterator[_Part]:
        """The positions in parts of about ``PART``."""
        number = math.ceil(len(self._kept) / PART)
        if number == 1:
            parts: Iterable[NDArray[np.intp]] = [self.positions()]
        else:
            starts = range(0, len(self._kept), PART)
            parts = grouped(starts, partial(self._spread, number), number)
        before = 0
        for positions in parts:
            yield _Part(positions, before)
            before += len(positions)

    def _spread(self, number: int, start: int) -> tuple[NDArray[np.intp], NDArray[np.int16]]:
        """Positions from ``start`` on, and a part for each that is the same for equal n-grams."""
        position = start + np.flatnonzero(self._kept[start : start + PART])
        word = self._text.words[position + self._order - 1]
        pair = self.rank[position].astype(np.uint64) | word.astype(np.uint64) << np.uint64(32)
        mixed = pair * GOLDEN_RATIO >> np.uint64(40)
        return position, (mixed % np.uint64(number)).astype(np.int16)

    def keys(self, position: NDArray[np.intp]) -> IntArray:
        """One integer for each n-gram that begins at some positions."""
        last_word = self._text.words[self._order - 1 :][position]
        return packed(self.rank[position], last_word, self._word_bits)

    def level(self, key: IntArray, position: NDArray[np.intp]) -> tuple[_Level, _Tokens]:
        """The n-grams that begin at some positions, by their keys, and where each of them does."""
        key, position = sorted_pairs(key, position)
        sentence = self._sentence[position]
        new_ngram = changes(key)
        new_run = changes(sentence)
        new_run |= new_ngram
        run = np.flatnonzero(new_run)
        first = np.flatnonzero(new_ngram[run])
        start = run[first]
        level = _Level(key[start], first, sentence[run], gaps(run, len(key)))
        return level, _Tokens(position, gaps(start, len(key)))

    def references(self, rank: NDArray[np.int32]) -> _References:
        """All n-grams of the order, and their ``rank`` in the memory of (P,) integers."""
        ahead = self._order - 1
        position = self.positions()
        # Nearly all positions are kept, so that the keys of all, in one piece, are made faster.
        every = packed(self.rank[: len(rank) - ahead], self._text.words[ahead:], self._word_bits)
        key, position = sorted_pairs(every[position], position)
        first = np.flatnonzero(changes(key))
        find = finder(key[first])
        ranks = np.arange(len(first), dtype=np.int32)
        rank.fill(len(first))
        rank[position] = np.repeat(ranks, gaps(first, len(key)))
        self.rank = rank
        if self._order > 1:
            position = self._repeated[rank[self._repeated] < len(first)]
            key, position = sorted_pairs(rank[position].astype(np.int64), position)
        again, before = self._again(key, position)
        largest = np.ones(len(first), dtype=np.int32)
        np.maximum.at(largest, rank[again], before + 1)
        return _References(find, largest, rank, again, before)

    def _again(
        self, key: IntArray, position: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        """Of sorted n-grams, positions of those that their sentence has before, and how often."""
        new = changes(key)
        new |= changes(self._sentence[position])
        place = np.flatnonzero(~new)
        # Places of one n-gram in one sentence follow each other.
        start = np.flatnonzero(changes(place - np.arange(len(place))))
        before = place - np.repeat(place[start] - 1, gaps(start, len(place)))
        # A longer n-gram stands there several times only if this one does.
        self._repeated = np.sort(np.append(position[place], position[place[start] - 1]))
        return position[place], before.astype(np.int32)

    def drop(self, position: NDArray[np.intp]) -> None:
        """Look for no longer n-gram that begins at some positions."""
        self._kept[position] = False

    def keep(self, tokens: _Tokens, rank: IntArray) -> None:
        """Drop the n-grams of a level whose ``rank`` (G,) is negative."""
        token_rank = np.repeat(rank.astype(np.int32), tokens.numbers)
        self.rank[tokens.positions] = token_rank
        if (rank < 0).any():
            self._kept[tokens.positions[token_rank < 0]] = False


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
        self.levels: list[_References] = []
        """Of each order."""
        orders = _Orders(text, self.words, self.word_bits)
        ranks = np.empty(
            (order, len(text.words)), dtype=np.int32
        )  # at once: large pages are faster
        while len(self.levels) < order and orders.go_on():
            self.levels.append(orders.references(ranks[len(self.levels)]))
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
    of_samples = _Orders(samples, references.words, references.word_bits)
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
        ours, tokens = of_samples.level(rank[found].astype(np.int64), position[found])
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
    of_text = _Orders(text, words, bits(words - 1))

    def clipped(part: _Part) -> tuple[Tensor, Tensor]:
        """Sentence and matches of each run."""
        level, tokens = of_text.level(of_text.keys(part.positions), part.positions)
        shared = gaps(level.first, len(level.counts)) > 1
        of_text.keep(tokens, np.where(shared, part.before + np.arange(len(shared)), -1))
        counts = np.minimum(level.counts, _largest_elsewhere(level)).astype(np.float32)
        return torch.from_numpy(level.sentence), torch.from_numpy(counts)

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


def _largest_elsewhere(level: _Level) -> NDArray[np.int32]:
    """(R,) the largest count of the run's n-gram in any other sentence."""
    largest = level.per_run(level.largest())
    ngram = level.per_run(np.arange(len(level.first), dtype=np.int32))
    top = np.flatnonzero(level.counts == largest)
    top = top[changes(ngram[top])]  # (G,), one of the runs with most
    others = level.counts.copy()
    others[top] = 0
    largest[top] = np.maximum.reduceat(others, level.first)
    return largest


def _distinct(lengths: Indices) -> IntArray:
    return np.flatnonzero(np.bincount(lengths)).astype(np.int64, copy=False)


def _closest_length(lengths: Indices, candidates: Indices) -> Indices:
    """The element of ``candidates``, which increase, nearest to each length, the smaller of two."""
    every = np.arange(int(lengths.max()) + 1)  # far fewer than sentences
    above = np.searchsorted(candidates, every).clip(max=len(candidates) - 1)
    longer, shorter = candidates[above], candidates[np.maximum(above - 1, 0)]
    return np.where(np.abs(every - shorter) <= np.abs(longer - every), shorter, longer)[lengths]


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
