"""The likeliest sentences against the enumeration of all sentences."""

import itertools
import warnings

import numpy as np
import pytest

from textgan_bench.errors import UserError
from textgan_bench.functional import likeliest
from textgan_bench.functional.kneser_ney import NGramModel, estimate
from textgan_bench.functional.likeliest import likeliest_sentences
from textgan_bench.functional.ngram_scores import NGramScorer

WORDS = ["a", "b", "c", "d"]


def made_up(order: int, seed: int) -> NGramModel:
    """A model of sentences of one to six words, some word pairs of which are frequent."""
    numbers = np.random.default_rng(seed)
    sentences = [
        [WORDS[i] for i in (start + numbers.geometric(0.6, size)) % len(WORDS)]
        for start, size in zip(
            numbers.integers(4, size=30), numbers.integers(1, 7, 30), strict=True
        )
    ]
    with warnings.catch_warnings(action="ignore"):
        return estimate(sentences, WORDS, order)


def by_enumeration(model: NGramModel, length: int) -> dict[tuple[str, ...], float]:
    """Log probability of every sentence of a length."""
    every = list(itertools.product(WORDS, repeat=length))
    words, ends = NGramScorer(model).log_prob(every)
    totals = words.reshape(len(every), length).sum(1) + ends
    return dict(zip(every, totals.tolist(), strict=True))


@pytest.mark.parametrize("candidates", [likeliest.CANDIDATES, 3])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("order", [2, 3, 4])
def test_the_likeliest_sentences_are_those_of_the_enumeration(
    order: int, seed: int, candidates: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likeliest, "CANDIDATES", candidates)
    model = made_up(order, seed)
    found = likeliest_sentences(model, {1: 2, 3: 10, 5: 40}, leave_out=["<unk>"])
    assert {length: len(sentences) for length, sentences in found.items()} == {1: 2, 3: 10, 5: 40}
    for length, sentences in found.items():
        known = by_enumeration(model, length)
        values = [known[tuple(sentence)] for sentence in sentences]
        assert len(set(map(tuple, sentences))) == len(sentences), "each comes once"
        assert values == pytest.approx(sorted(known.values(), reverse=True)[: len(values)])


def test_there_are_no_more_sentences_than_there_are() -> None:
    model = made_up(3, seed=0)
    found = likeliest_sentences(model, {1: 100, 2: 100}, leave_out=["<unk>", "d"])
    assert sorted(found[1]) == [["a"], ["b"], ["c"]]
    assert len(found[2]) == len(set(map(tuple, found[2]))) == 9


def test_a_number_below_one_is_refused() -> None:
    with pytest.raises(UserError, match="0 sentences of 3 words"):
        likeliest_sentences(made_up(2, seed=0), {3: 0})
