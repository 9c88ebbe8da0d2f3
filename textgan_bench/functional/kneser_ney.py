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
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path

import numpy as np

from textgan_bench.functional.ngrams import FloatArray, IntArray, bits, packed, sorted_pairs

MARKS = UNKNOWN, BEGIN, END = "<unk>", "<s>", "</s>"  # the first words of every model
FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)


@dataclass(frozen=True)
class NGramTable:
    """All n-grams of one order that have a probability of their own."""

    ngrams: IntArray
    """(N, n) indices of words."""
    log10_prob: FloatArray
    """(N,), of the last word given those before it."""
    log10_backoff: FloatArray
    """(N,), gamma of the n-gram as a context; 0 where it is none."""


@dataclass(frozen=True)
class NGramModel:
    """A back-off model: a word whose n-gram is not listed has the probability it has after the
    shorter context, times the back-off weight of the longer one.
    """

    words: tuple[str, ...]
    """``<unk>``, ``<s>``, ``</s>`` and the vocabulary; indices in the tables refer to it."""
    tables: tuple[NGramTable, ...]
    """One for each order; fewer than asked for where no sentence is that long."""
    fallback_orders: tuple[int, ...]
    """Orders whose counts determine no discounts, which are then .5, 1 and 1.5."""


def estimate(
    sentences: Iterable[Sequence[str]], vocabulary: Iterable[str], order: int = 4
) -> NGramModel:
    """Fit a model in which the words of ``vocabulary``, ``<unk>`` and ``</s>`` sum to one.

    A word outside the vocabulary counts as ``<unk>``, which is an ordinary word.

    Raises:
        ValueError: there are no sentences, or ``order`` is below 2.

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
    if order < 2:
        raise ValueError(f"an n-gram model has order 2 or more, not {order}")
    words = tuple(dict.fromkeys([*MARKS, *vocabulary]))
    levels = _count(*_tokens(sentences, words), len(words), order)
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
        ValueError: a word is empty or holds white space, which the format cannot write.
    """
    for word in model.words:
        if word.split() != [word]:
            raise ValueError(f"an ARPA file cannot hold the word {word!r}")
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\\data\\\n")
        file.writelines(f"ngram {n}={len(t.ngrams)}\n" for n, t in enumerate(model.tables, start=1))
        for n, table in enumerate(model.tables, start=1):
            file.write(f"\n\\{n}-grams:\n")
            rows = zip(
                table.log10_prob.tolist(),
                table.ngrams.tolist(),
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

    ngrams: IntArray  # (N, n)
    context: IntArray  # (N,), row of the first n - 1 words in the level below
    tail: IntArray  # (N,), row of the last n - 1 words in the level below
    count: IntArray  # (N,), a(.)


def _tokens(sentences: Iterable[Sequence[str]], words: Sequence[str]) -> tuple[IntArray, IntArray]:
    """Sentences with their marks laid end to end, and the place of each token in its sentence."""
    index = {word: i for i, word in enumerate(words)}
    unknown, begin, end = map(MARKS.index, MARKS)
    # A literal <s> or </s> in the text is no mark, but a word the vocabulary does not hold.
    index[BEGIN] = index[END] = unknown
    sentences = list(sentences)
    if not sentences:
        raise ValueError("an n-gram model needs at least one sentence")
    lengths = np.fromiter(map(len, sentences), np.int64, len(sentences)) + 2
    last = np.cumsum(lengths) - 1
    first = last - lengths + 1
    tokens = np.empty(int(last[-1]) + 1, dtype=np.int64)
    is_word = np.ones(len(tokens), dtype=bool)
    is_word[first] = is_word[last] = False
    tokens[first], tokens[last] = begin, end
    indices = map(index.get, chain.from_iterable(sentences), repeat(unknown))
    tokens[is_word] = np.fromiter(indices, np.int64, len(tokens) - 2 * len(sentences))
    place = np.arange(len(tokens)) - np.repeat(first, lengths)
    return tokens, place


def _count(tokens: IntArray, place: IntArray, vocab_size: int, order: int) -> list[_Level]:
    """The n-grams of each order up to the longest that occurs, with adjusted counts."""
    row = tokens  # of the n-gram that ends at each position, in the level of its order
    everything = np.arange(vocab_size)
    levels = [_Level(everything[:, None], everything * 0, everything * 0, everything * 0)]
    word_bits = bits(vocab_size - 1)
    for n in range(2, order + 1):
        ends = np.flatnonzero(place >= n - 1)
        if not len(ends):
            break
        # An n-gram is the row of its context and its last word.
        key, ends = sorted_pairs(packed(row[ends - 1], tokens[ends], word_bits), ends)
        start = np.flatnonzero(np.diff(key, prepend=-1))
        ngram, first, count = key[start], ends[start], np.diff(start, append=len(key))
        below, tail = levels[-1], row[first]
        left_neighbours = np.bincount(tail, minlength=len(below.ngrams))
        begins_sentence = left_neighbours == 0
        levels[-1] = _Level(
            below.ngrams,
            below.context,
            below.tail,
            np.where(begins_sentence, below.count, left_neighbours),
        )
        context = ngram >> word_bits
        ngrams = np.column_stack([below.ngrams[context], ngram & ((1 << word_bits) - 1)])
        levels.append(_Level(ngrams, context, tail, count))
        row = np.full(len(tokens), -1)
        row[ends] = np.repeat(np.arange(len(start)), count)
    return levels


def _discounts(count: IntArray) -> FloatArray | None:
    """(4,) discounts of counts 0, 1, 2 and 3 or more (Chen & Goodman, 1998, equation 26).

    None where the numbers of n-grams seen 1 to 4 times determine none in (0, count].
    """
    t1, t2, t3, t4 = np.bincount(count, minlength=5)[1:5].tolist()
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
        taken = discount[np.minimum(level.count, 3)]
        total = np.bincount(level.context, level.count, minlength=len(lower))
        reserved = np.bincount(level.context, taken, minlength=len(lower))
        gamma = np.divide(reserved, total, out=np.ones_like(total), where=total > 0)
        kept = (level.count - taken) / total[level.context]
        prob = kept + gamma[level.context] * lower[level.tail]
        if n == 1:
            prob[MARKS.index(BEGIN)] = 1.0  # it is given, never predicted
        else:
            below = tables[-1]
            tables[-1] = NGramTable(below.ngrams, below.log10_prob, np.log10(gamma))
        log10_prob = np.minimum(0.0, np.log10(prob))  # rounding must not exceed one
        tables.append(NGramTable(level.ngrams, log10_prob, np.zeros(len(prob))))
        lower = prob
    return tuple(tables)
