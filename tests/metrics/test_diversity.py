"""Distinct words and sentences against Python's sets, which hash differently in each process."""

import random

import pytest

from textgan_bench.metrics import Diversity


def test_equals_counting() -> None:
    generator = random.Random(0)
    samples = [
        [f"w{generator.randrange(400)}" for _ in range(generator.randrange(4))] for _ in range(900)
    ]
    metric = Diversity()
    for start in range(0, 900, 250):
        metric.update(samples[start : start + 250])
    result = {key: float(value) for key, value in metric.compute().items()}
    assert result == {
        "distinct_words": len({word for words in samples for word in words}),
        "distinct_sentences": len({tuple(words) for words in samples}) / 900,
    }


def test_blanks_do_not_join_words() -> None:
    metric = Diversity()
    metric.update([["a b"], ["a", "b"]])
    assert float(metric.compute()["distinct_sentences"]) == 1


def test_no_samples() -> None:
    metric = Diversity()
    metric.update([])
    with pytest.raises(ValueError, match="at least one sample"):
        metric.compute()
