"""The distance of lengths against scipy."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from textgan_bench.metrics import LengthDistance


def sentences(lengths: list[int]) -> list[list[str]]:
    return [["w"] * length for length in lengths]


@pytest.mark.parametrize(("low", "high"), [(0, 5), (3, 40), (7, 8)])
def test_equals_scipy(low: int, high: int) -> None:
    generator = np.random.default_rng(0)
    references = generator.integers(5, 21, size=300).tolist()
    samples = generator.integers(low, high, size=500).tolist()
    metric = LengthDistance(sentences(references))
    metric.update(sentences(samples[:20]))
    metric.update(sentences(samples[20:]))
    expected = wasserstein_distance(samples, references)
    assert float(metric.compute()["length_distance"]) == pytest.approx(expected, rel=1e-12)


def test_needs_sentences_on_both_sides() -> None:
    with pytest.raises(ValueError, match="one reference"):
        LengthDistance([])
    metric = LengthDistance([["a"]])
    metric.update([])
    with pytest.raises(ValueError, match="one sample"):
        metric.compute()
