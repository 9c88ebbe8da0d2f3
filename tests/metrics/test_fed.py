"""FED against moments taken at once and scipy's matrix square root."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import Tensor

from textgan_bench.metrics import FED

DIM = 12


class FarFromZero:
    """Each sentence is one number, the seed of its vector; the vectors lie far from the origin."""

    name = "far"

    def __call__(self, sentences: Sequence[Sequence[str]]) -> Tensor:
        vectors = [
            torch.randn(DIM, generator=torch.Generator().manual_seed(int(sentence[0])))
            for sentence in sentences
        ]
        return 1000 + torch.stack(vectors)


def numbered(start: int, stop: int) -> list[list[str]]:
    return [[str(number)] for number in range(start, stop)]


def test_equals_scipy() -> None:
    references, samples = numbered(0, 80), numbered(80, 140)
    encoder = FarFromZero()
    metric = FED(references, encoder)
    metric.update(samples[:50])
    metric.update(samples[50:])
    result = metric.compute()

    x, y = (encoder(text).double().numpy() for text in (references, samples))
    root = sqrtm(np.cov(x.T) @ np.cov(y.T)).real
    expected = np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2) + np.trace(
        np.cov(x.T) + np.cov(y.T) - 2 * root
    )
    assert list(result) == ["fed/far"]
    assert float(result["fed/far"]) == pytest.approx(expected, rel=1e-8)


def test_a_text_is_at_no_distance_from_itself() -> None:
    references = numbered(0, 80)
    metric = FED(references, FarFromZero())
    metric.update(references[::-1])
    assert 0 <= float(metric.compute()["fed/far"]) < 1e-9


def test_needs_two_sentences_on_each_side() -> None:
    with pytest.raises(ValueError, match="2 references, not 1"):
        FED(numbered(0, 1), FarFromZero())
    metric = FED(numbered(0, 2), FarFromZero())
    metric.update(numbered(2, 3))
    with pytest.raises(ValueError, match="2 samples, not 1"):
        metric.compute()
