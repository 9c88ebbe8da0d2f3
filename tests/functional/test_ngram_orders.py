"""The n-grams of a text order by order, against tuples of words."""

from collections import Counter
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgan_bench.functional import ngram_orders
from textgan_bench.functional.ngram_orders import NGramOrders
from textgan_bench.functional.ngrams import IndexedText

WORDS = 4
TEXTS = st.lists(st.lists(st.integers(-1, WORDS - 1), max_size=9), max_size=7)


def ngrams_at(text: list[list[int]], n: int) -> list[tuple[int, ...] | None]:
    """The n-gram that begins at each word; None where the sentence ends or a word is unknown."""
    windows = (tuple(words[start : start + n]) for words in text for start in range(len(words)))
    return [w if len(w) == n and min(w) >= 0 else None for w in windows]


@given(text=TEXTS)
def test_ranks_are_those_of_the_sorted_ngrams(text: list[list[int]]) -> None:
    words = np.array(list(chain.from_iterable(text)), dtype=np.int32)
    lengths = np.array(list(map(len, text)), dtype=np.int64)
    sentence = np.repeat(np.arange(len(text)), lengths).tolist()
    orders = NGramOrders(IndexedText(words, lengths), WORDS, 2)
    for n in range(1, 5):
        at = ngrams_at(text, n)
        known = sorted({ngram for ngram in at if ngram is not None})
        assert orders.go_on() == bool(known)
        if not known:
            break
        found = orders.ranks(np.empty(len(words), dtype=np.int32))

        none = len(known)
        assert found.rank.tolist() == [none if w is None else known.index(w) for w in at]
        seen: Counter[tuple[int, tuple[int, ...]]] = Counter()
        repeated: dict[int, int] = {}
        for position, ngram in enumerate(at):
            if ngram is not None:
                if before := seen[sentence[position], ngram]:
                    repeated[position] = before
                seen[sentence[position], ngram] += 1
        again = dict(zip(found.again.tolist(), found.before.tolist(), strict=True))
        assert again == repeated
        most = [max(count for (_, w), count in seen.items() if w == ngram) for ngram in known]
        assert found.largest.tolist() == most


def test_parts_are_of_about_one_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words of a text, like its longer n-grams, spread over all parts: one bounds memory."""
    monkeypatch.setattr(ngram_orders, "PART", 2**10)
    words = np.random.default_rng(0).integers(0, 5_000, 48 * 2**10).astype(np.int32)
    orders = NGramOrders(IndexedText(words, np.full(3 * 2**10, 16)), 5_000, 13)
    for _ in range(2):
        assert orders.go_on()
        sizes = [len(part.positions) for part in orders.parts()]
        assert sum(sizes) == len(orders.positions())
        assert len(sizes) == 48
        assert max(sizes) < 2 * 2**10
