"""Log probabilities of words under a back-off n-gram model, all sentences at once.

The definition of the ARPA format: the longest n-gram of the model that ends at a word gives its
probability, times the back-off weight of each longer context that the model has. An n-gram is
looked up as the row of its first n - 1 words and its last word, packed into one integer.
"""

import math
from collections.abc import Callable, Sequence
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from textgan_bench.functional.integer_sorts import IntArray
from textgan_bench.functional.key_rows import finder
from textgan_bench.functional.kneser_ney import MARKS, NGramModel, word_index
from textgan_bench.functional.word_numbers import word_numbers

FloatArray = NDArray[np.float64]


class NGramScorer:
    """A model made ready to score text.

    >>> import warnings
    >>> from textgan_bench.functional.kneser_ney import estimate
    >>> with warnings.catch_warnings(action="ignore"):
    ...     scorer = NGramScorer(estimate([["a", "cat"], ["a", "dog"]], ["a", "cat", "dog"], 2))
    >>> words, ends = scorer.log_prob([["a", "cat"], []])
    >>> np.exp(words).round(3).tolist(), np.exp(ends).round(3).tolist()
    ([0.6, 0.35], [0.65, 0.15])
    """

    def __init__(self, model: NGramModel) -> None:
        self._tables = model.tables
        self._vocab_size = len(model.words)
        self._index = word_index(model.words)
        self._rows: list[Callable[[IntArray], NDArray[np.int32]]] = []
        """Of each order from the second on."""
        for table in model.tables[1:]:
            keys = table.context.astype(np.int64) * self._vocab_size + table.word
            self._rows.append(finder(keys))

    def log_prob(self, sentences: Sequence[Sequence[str]]) -> tuple[FloatArray, FloatArray]:
        """Log probabilities in nats, each given its sentence's begin mark and all words before.

        Returns:
            (number of words,) of the words of all sentences, and (number of sentences,) of their
            end marks.
        """
        unknown, begin, end = range(len(MARKS))
        words, lengths, types = word_numbers(sentences)
        index = np.fromiter(map(self._index.get, types, repeat(unknown)), np.int64, len(types))
        first = np.cumsum(lengths + 2) - (lengths + 2)
        tokens = np.full(len(words) + 2 * len(lengths), -1, dtype=np.int64)
        tokens[first], tokens[first + lengths + 1] = begin, end
        tokens[tokens < 0] = index[words]
        place = np.arange(len(tokens)) - np.repeat(first, lengths + 2)
        row = tokens  # of the n-gram that ends at each position
        log10_prob = self._tables[0].log10_prob[tokens]
        for n, table in enumerate(self._tables[1:], start=1):
            position = np.flatnonzero(place >= n)
            context = row[position - 1]
            # A context that is missing makes a key below 0, as no n-gram has.
            found = self._rows[n - 1](context * self._vocab_size + tokens[position])
            backoff = np.where(context >= 0, self._tables[n - 1].log10_backoff[context], 0.0)
            log10_prob[position] = np.where(
                found >= 0, table.log10_prob[found], log10_prob[position] + backoff
            )
            row = np.full(len(tokens), -1)
            row[position] = found
        is_end = np.zeros(len(tokens), dtype=bool)
        is_end[first + lengths + 1] = True
        log_prob = math.log(10) * log10_prob
        return log_prob[(place > 0) & ~is_end], log_prob[is_end]
