"""Interpolated modified Kneser-Ney n-gram model over a closed vocabulary, and its ARPA file.

Chen & Goodman (1998), "An empirical study of smoothing techniques for language modeling", with the
conventions of the lmplz program of Heafield et al. (2013). For a context h and its tail h',

    p(w | h) = (a(h w) - D(a(h w))) / sum_v a(h v) + gamma(h) p(w | h'),

where a(.) counts n-grams at the highest order and distinct left neighbours below it (n-grams that
begin a sentence have none: they keep their count), D is one of three discounts per order, gamma(h)
is what the discounts took, and the recursion ends at the uniform distribution over the vocabulary.
"""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from textgan_bench.errors import UserError
from textgan_bench.functional.integer_sorts import IntArray, bits, changes, gaps, sorted_pairs
from textgan_bench.functional.ngrams import FloatArray, IndexedText, Indices, packed
from textgan_bench.functional.threads import in_order
from textgan_bench.functional.windows import IntArray32, distinct_windows

MARKS = UNKNOWN, BEGIN, END = "<unk>", "<s>", "</s>"  # the first words of every model
FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)
PART = 2**20
"""N-grams sorted at once, except those of a single context, which are never parted."""


@dataclass(frozen=True)
class NGramTable:
    """All n-grams of one order that have a probability of their own, in increasing order."""

    context: Indices
    """(N,) row of the first n - 1 words in the table of the order below."""
    word: Indices
    """(N,) index of the last word."""
    log10_prob: FloatArray
    """(N,) log10 probability of the last word given those before it."""
    log10_backoff: FloatArray
    """(N,) log10 gamma of the n-gram as a context; 0 where it is none."""


@dataclass(frozen=True)
class NGramModel:
    """A back-off model: a word whose n-gram is not listed has the probability it has after the
    shorter context, times the back-off weight of the longer one.
    """

    words: tuple[str, ...]
    """``<unk>``, ``<s>``, ``</s>`` and the vocabulary; indices in the tables refer to it."""
    tables: tuple[NGramTable, ...]
    """One table for each order; fewer than asked for if no sentence is that long."""
    fallback_orders: tuple[int, ...]
    """Orders whose counts determine no discounts; theirs are .5, 1 and 1.5."""

    def ngrams(self, order: int) -> IntArray:
        """(N, order) indices of the words of each n-gram of an order."""
        table = self.tables[order - 1]
        words, context = [table.word], table.context
        for below in reversed(self.tables[: order - 1]):
            words.append(below.word[context])
            context = below.context[context]
        return np.column_stack(words[::-1]).astype(np.int64)


def estimate(
    sentences: Iterable[Sequence[str]], vocabulary: Iterable[str], order: int = 4
) -> NGramModel:
    """Fit a model in which the words of ``vocabulary``, ``<unk>`` and ``</s>`` sum to one.

    A word outside the vocabulary counts as ``<unk>``, which is an ordinary word.

    Raises:
        UserError: there are no sentences, or ``order`` is below 2.

    >>> sentences = [["a", "cat"], ["a", "dog"]]
    >>> with warnings.catch_warnings(action="ignore"):
    ...     model = estimate(sentences, ["a", "cat", "dog", "bird"], order=2)
    >>> model.words
    ('<unk>', '<s>', '</s>', 'a', 'cat', 'dog', 'bird')
    >>> (10 ** model.tables[0].log10_prob).round(3).tolist()  # <s> is never predicted
    [0.083, 1.0, 0.283, 0.183, 0.183, 0.183, 0.083]
    >>> model.fallback_orders
    (1, 2)
    """
    words = model_words(vocabulary)
    index = _Index(word_index(words))
    sentences = list(sentences)
    lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
    indices = map(index.__getitem__, chain.from_iterable(sentences))
    text = IndexedText(np.fromiter(indices, np.int32, int(lengths.sum())), lengths)
    return estimate_indexed(text, words, order)


class _Index(dict[str, int]):
    """A ``word_index`` to be asked for any word: faster than ``get`` with what stands in."""

    def __missing__(self, word: str) -> int:
        return MARKS.index(UNKNOWN)


def model_words(vocabulary: Iterable[str]) -> tuple[str, ...]:
    """The words of a model: the marks, then those of the vocabulary."""
    return tuple(dict.fromkeys([*MARKS, *vocabulary]))


def word_index(words: Sequence[str]) -> dict[str, int]:
    """The index of each of ``model_words`` that a text may hold; a missing word is ``<unk>``.

    A literal <s> or </s> in the text is not a mark but a word outside the vocabulary.
    """
    return {word: i for i, word in enumerate(words) if word not in (BEGIN, END)}


def estimate_indexed(text: IndexedText, words: tuple[str, ...], order: int = 4) -> NGramModel:
    """``estimate`` of a text that is encoded already; n-grams are counted a part at a time.

    Memory grows by about 30 bytes a word of text and 60 a distinct n-gram.

    Args:
        text: indices by ``word_index``, without marks.
        words: words of the model, by ``model_words``.
        order: longest n-gram.

    Raises:
        UserError: there are no sentences, or ``order`` is below 2.
    """
    if order < 2:
        raise UserError(f"an n-gram model has order 2 or more, not {order}")
    levels = _count(_tokens(text), len(words), order)
    discounts, fallback_orders = [], []
    for n, level in enumerate(levels, start=1):
        discount = _discounts(level.count)
        if discount is None:
            discount = np.array([0.0, *FALLBACK_DISCOUNTS])
            fallback_orders.append(n)
        discounts.append(discount)
    if fallback_orders:
        warnings.warn(
            f"the text is too small or too uniform for Kneser-Ney discounts of order"
            f" {', '.join(map(str, fallback_orders))}: {FALLBACK_DISCOUNTS} are used",
            stacklevel=2,
        )
    tables = _interpolate(levels, discounts, len(words))
    return NGramModel(words, tables, tuple(fallback_orders))


def write_arpa(model: NGramModel, path: Path) -> None:
    """Write a model in the ARPA format that kenlm and SRILM read.

    Raises:
        UserError: a word is empty or holds white space, which the format cannot write.
    """
    for word in model.words:
        if word.split() != [word]:
            raise UserError(f"an ARPA file cannot hold the word {word!r}")
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\\data\\\n")
        file.writelines(f"ngram {n}={len(t.word)}\n" for n, t in enumerate(model.tables, start=1))
        for n, table in enumerate(model.tables, start=1):
            file.write(f"\n\\{n}-grams:\n")
            rows = zip(
                table.log10_prob.tolist(),
                model.ngrams(n).tolist(),
                table.log10_backoff.tolist(),
                strict=True,
            )
            for log10_prob, ngram, log10_backoff in rows:
                text = " ".join([model.words[index] for index in ngram])
                weight = f"\t{log10_backoff:.9g}" if n < len(model.tables) else ""
                file.write(f"{log10_prob:.9g}\t{text}{weight}\n")
        file.write("\n\\end\\\n")


@dataclass(frozen=True)
class _Level:
    """The N n-grams of one order and what they share with the order below."""

    context: IntArray32  # (N,), row of the first n - 1 words in the level below
    word: IntArray32  # (N,), the last one
    tail: IntArray32  # (N,), row of the last n - 1 words in the level below
    count: IntArray32  # (N,), a(.)


def _tokens(text: IndexedText) -> IntArray32:
    """Sentences with their marks laid end to end."""
    if not len(text.lengths):
        raise UserError("an n-gram model needs at least one sentence")
    last = np.cumsum(text.lengths, dtype=np.int64) + 2 * np.arange(1, len(text.lengths) + 1) - 1
    first = np.append(0, last[:-1] + 1)
    if last[-1] >= np.iinfo(np.int32).max:
        raise UserError(f"{last[-1] + 1} tokens exceed the 31 bits of a row")
    tokens = np.empty(int(last[-1]) + 1, dtype=np.int32)
    is_word = np.ones(len(tokens), dtype=bool)
    is_word[first] = is_word[last] = False
    tokens[first], tokens[last] = MARKS.index(BEGIN), MARKS.index(END)
    tokens[is_word] = text.words
    return tokens


def _count(tokens: IntArray32, vocab_size: int, order: int) -> list[_Level]:
    """The n-grams of each order up to the longest that occurs, with adjusted counts."""
    everything = np.arange(vocab_size, dtype=np.int32)
    levels = [_Level(everything * 0, everything, everything * 0, everything * 0)]
    found = _ngrams(tokens, order)
    followed = np.flatnonzero(np.bincount(found[0].word))  # rows that do not begin a sentence
    for ngrams in found:
        # Each row of the level below that does not begin a sentence is the tail of an n-gram. So
        # the tails in order are these rows in order, each as often as it has left neighbours.
        below = levels[-1]
        key = packed(below.tail[ngrams.context], ngrams.word, bits(vocab_size - 1))
        key, place = sorted_pairs(key, np.arange(len(key)))
        left_neighbours = gaps(np.flatnonzero(changes(key)), len(key))
        tail = np.empty(len(key), dtype=np.int32)
        tail[place] = np.repeat(followed.astype(np.int32), left_neighbours)
        below.count[followed] = left_neighbours
        levels.append(_Level(ngrams.context, ngrams.word, tail, ngrams.counts))
        followed = np.flatnonzero(~ngrams.begins_sentence)
    return levels


class _NGrams(NamedTuple):
    """The N n-grams of one order in increasing order."""

    context: IntArray32  # (N,), row of the first n - 1 words in the order below, or the word
    word: IntArray32  # (N,), the last one
    counts: IntArray32  # (N,), how often it occurs
    begins_sentence: NDArray[np.bool_]  # (N,)


def _ngrams(tokens: IntArray32, order: int) -> list[_NGrams]:
    """The n-grams of two words and more up to the longest, which are beginnings of windows."""
    begin = MARKS.index(BEGIN)
    windows = distinct_windows(tokens, begin, order)  # no n-gram reaches back over a begin mark
    row = windows.symbols(0)  # of the first n - 1 words of each; -1 where they are no n-gram
    begins_sentence = row == begin
    new = changes(row)
    found = []
    for n in range(2, order + 1):
        word = windows.symbols(n - 1)
        new |= changes(word)
        first = np.flatnonzero(new)
        kept = np.flatnonzero((row[first] >= 0) & (word[first] != begin))
        if not len(kept):
            break
        counts = np.add.reduceat(windows.counts, first, dtype=np.int32)
        size, first = gaps(first, len(row)), first[kept]
        found.append(_NGrams(row[first], word[first], counts[kept], begins_sentence[first]))
        if n < order:
            row_of_group = np.full(len(size), -1, dtype=np.int32)
            row_of_group[kept] = np.arange(len(kept), dtype=np.int32)
            row = np.repeat(row_of_group, size)
    return found


def _discounts(count: IntArray32) -> FloatArray | None:
    """(4,) discounts of counts 0, 1, 2 and 3 or more (Chen & Goodman, 1998, equation 26).

    None where the numbers of n-grams seen 1 to 4 times determine none in (0, count].
    """
    t1, t2, t3, t4 = (int(np.count_nonzero(count == times)) for times in (1, 2, 3, 4))
    if not (t1 and t2 and t3):
        return None
    y = t1 / (t1 + 2 * t2)
    discounts = np.array([0.0, 1 - 2 * y * t2 / t1, 2 - 3 * y * t3 / t2, 3 - 4 * y * t4 / t3])
    # A discount of 0 would leave nothing for the words that were not seen.
    return discounts if np.all(discounts[1:] > 0) else None


def _interpolate(
    levels: Sequence[_Level], discounts: Sequence[FloatArray], vocab_size: int
) -> tuple[NGramTable, ...]:
    """Probabilities from the unigrams upwards, each level resting on the one below."""
    lower = np.array([1 / (vocab_size - 1)])  # uniform over all words but <s>
    tables: list[NGramTable] = []
    for n, (level, discount) in enumerate(zip(levels, discounts, strict=True), start=1):
        taken = discount.take(level.count, mode="clip")  # 3 and more have the last one
        context = level.context.astype(np.intp)  # once, as each use as an index would do
        sums = np.bincount(context, level.count, minlength=len(lower))
        total = np.asarray(sums, dtype=np.float64)
        reserved = np.bincount(context, taken, minlength=len(lower))
        gamma = np.divide(reserved, total, out=np.ones_like(total), where=total > 0)
        prob = taken  # in the same memory, a part at a time: there may be millions
        log10_prob = np.empty(len(prob))
        fill = partial(_fill, level, context, total, gamma, lower, prob, log10_prob)
        for _ in in_order(fill, range(0, len(prob), PART)):
            pass
        if n == 1:
            prob[MARKS.index(BEGIN)] = 1.0  # it is given, never predicted
            log10_prob[MARKS.index(BEGIN)] = 0.0
        else:
            below = tables[-1]
            tables[-1] = replace(below, log10_backoff=np.log10(gamma))
        tables.append(NGramTable(level.context, level.word, log10_prob, np.zeros(len(prob))))
        lower = prob
    return tuple(tables)


def _fill(
    level: _Level,
    context: NDArray[np.intp],
    total: FloatArray,
    gamma: FloatArray,
    lower: FloatArray,
    prob: FloatArray,
    log10_prob: FloatArray,
    start: int,
) -> None:
    """Put probabilities from a row on, a ``PART`` of them, in the place of what was discounted."""
    part = slice(start, start + PART)
    prob, log10_prob, context = prob[part], log10_prob[part], context[part]
    np.subtract(level.count[part], prob, out=prob)
    prob /= total[context]
    prob += gamma[context] * lower[level.tail[part]]
    np.minimum(0.0, np.log10(prob, out=log10_prob), out=log10_prob)  # rounding must not exceed one
