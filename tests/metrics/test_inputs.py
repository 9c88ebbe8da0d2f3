"""What a metric is given: sentences as lists of words, never as strings."""

import inspect
from typing import Any

import pytest

from textgan_bench import metrics
from textgan_bench.metrics.inputs import PairedMetric, TextMetric

METRICS: list[Any] = [getattr(metrics, name) for name in metrics.__all__]
STRINGS, WORDS = ["a man sleeps"], [["a", "man", "sleeps"]]


@pytest.mark.parametrize("metric", METRICS)
def test_a_string_is_no_sentence(metric: Any) -> None:
    refused = pytest.raises(TypeError, match="a list of words, not the string 'a man sleeps'")
    assert issubclass(metric, TextMetric)
    needed = [
        argument
        for argument in inspect.signature(metric).parameters.values()
        if argument.default is argument.empty
    ]
    if needed and needed[0].name in ("references", "train"):
        with refused:
            metric(STRINGS, *[None for _ in needed[1:]])
    with refused:
        metric.update(None, samples=STRINGS, **_references(metric, WORDS))
    if issubclass(metric, PairedMetric):
        with refused:
            metric.update(None, WORDS, STRINGS)


def _references(metric: Any, text: Any) -> dict[str, Any]:
    return {"references": text} if issubclass(metric, PairedMetric) else {}


def test_a_copy_refuses_strings_too() -> None:
    with pytest.raises(TypeError, match="a list of words"):
        metrics.BLEU(WORDS).clone().update(STRINGS)
