"""Mean similarity against the one of each sentence alone."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from textgan_bench.metrics import NearestEmbedding, NearestNGram, neighbours

TRAIN = [["a", "cat", "sat"], ["a", "dog", "ran"], ["birds", "sing"]]


class Letters:
    """Counts of the letters a, b and c."""

    name = "letters"

    def __call__(self, sentences: Sequence[Sequence[str]]) -> Tensor:
        return torch.tensor(
            [[float("".join(words).count(letter)) for letter in "abc"] for words in sentences]
        )


def test_mean_overlap() -> None:
    metric = NearestNGram(TRAIN, order=1)
    metric.update([["a", "cat", "ran"]])  # 2 of 4 words
    metric.update([["birds", "sing"], ["fish"], []])
    assert float(metric.compute()["nearest_ngram"]) == pytest.approx((2 / 4 + 1) / 4)


def test_mean_cosine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "CHUNK", 2)
    metric = NearestEmbedding([["a"], ["b"], ["a", "a", "b"]], Letters())
    metric.update([["a", "a"], ["a", "b"], ["c"]])
    expected = (1 + 3 / 10**0.5 + 0) / 3  # (1, 1) and (2, 1) have the cosine 3 / sqrt(10)
    assert float(metric.compute()["nearest/letters"]) == pytest.approx(expected, abs=1e-6)


def test_needs_sentences_on_both_sides() -> None:
    for make in (lambda text: NearestNGram(text), lambda text: NearestEmbedding(text, Letters())):
        with pytest.raises(ValueError, match="no sentence to search"):
            make([])
        metric = make(TRAIN)
        metric.update([])
        with pytest.raises(ValueError, match="at least one sample"):
            metric.compute()
