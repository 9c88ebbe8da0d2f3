"""The n-grams of a text, order by order, and what each sentence has of them.

A text is gone through once for each order. An n-gram is the rank of its beginning among the n-grams
of the order before and its last word, so that a longer one is looked for only where it can be.

Shapes: P words of a text, B sentences, G n-grams of an order, R runs.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from textgan_bench.errors import UserError
from textgan_bench.functional.integer_sorts import IntArray, changes, gaps, sorted_pairs
from textgan_bench.functional.key_rows import finder
from textgan_bench.functional.ngrams import FloatArray, IndexedText, grouped, packed
from textgan_bench.functional.text_hashes import GOLDEN_RATIO

PART = 2**18
"""Words of a text that are sorted at once."""

Finder = Callable[[IntArray], NDArray[np.int32]]


class NGramRuns(NamedTuple):
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


class NGramRanks(NamedTuple):
    """The n-grams of one order, and which of them begins at each word."""

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


class Part(NamedTuple):
    """Some positions of a text, all those of an n-gram among them or none."""

    positions: NDArray[np.intp]
    before: int
    """Positions of the parts before."""


class Tokens(NamedTuple):
    """Where the n-grams of one order stand."""

    positions: NDArray[np.intp]  # those of the first n-gram, then those of the second one
    numbers: NDArray[np.int32]  # (G,), how many of each


class NGramOrders:
    """A pass through the orders of a text; a longer n-gram is looked for only where it can be.

    ``go_on`` is called before each order; then ``ranks``, or ``runs`` and ``keep``. The last two
    take all ``positions`` at once, or one of ``parts``, which bounds their temporary memory, each
    of several threads another one. 12 bytes a word are kept in addition to those of the text.

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

    def parts(self) -> Iterator[Part]:
        """The positions in parts of about ``PART``."""
        number = math.ceil(len(self._kept) / PART)
        if number == 1:
            parts: Iterable[NDArray[np.intp]] = [self.positions()]
        else:
            starts = range(0, len(self._kept), PART)
            parts = grouped(starts, partial(self._spread, number), number)
        before = 0
        for positions in parts:
            yield Part(positions, before)
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

    def runs(self, key: IntArray, position: NDArray[np.intp]) -> tuple[NGramRuns, Tokens]:
        """The n-grams that begin at some positions, by their keys, and where each of them does."""
        key, position = sorted_pairs(key, position)
        sentence = self._sentence[position]
        new_ngram = changes(key)
        new_run = changes(sentence)
        new_run |= new_ngram
        run = np.flatnonzero(new_run)
        first = np.flatnonzero(new_ngram[run])
        start = run[first]
        runs = NGramRuns(key[start], first, sentence[run], gaps(run, len(key)))
        return runs, Tokens(position, gaps(start, len(key)))

    def ranks(self, rank: NDArray[np.int32]) -> NGramRanks:
        """All n-grams of the order, and their ``rank`` in the memory of (P,) integers."""
        ahead = self._order - 1
        position = self.positions()
        # Nearly all positions are kept, so that the keys of all, in one piece, are made faster.
        every = packed(self.rank[: len(rank) - ahead], self._text.words[ahead:], self._word_bits)
        key, position = sorted_pairs(every[position], position)
        first = np.flatnonzero(changes(key))
        find = finder(key[first])
        rank.fill(len(first))
        in_turn = np.arange(len(first), dtype=np.int32)
        rank[position] = np.repeat(in_turn, gaps(first, len(key)))
        self.rank = rank
        if self._order > 1:
            position = self._repeated[rank[self._repeated] < len(first)]
            key, position = sorted_pairs(rank[position].astype(np.int64), position)
        again, before = self._again(key, position)
        largest = np.ones(len(first), dtype=np.int32)
        np.maximum.at(largest, rank[again], before + 1)
        return NGramRanks(find, largest, rank, again, before)

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

    def keep(self, tokens: Tokens, rank: IntArray) -> None:
        """Drop the n-grams of the order whose ``rank`` (G,) is negative."""
        token_rank = np.repeat(rank.astype(np.int32), tokens.numbers)
        self.rank[tokens.positions] = token_rank
        if (rank < 0).any():
            self._kept[tokens.positions[token_rank < 0]] = False
