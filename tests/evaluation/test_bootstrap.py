"""Standard errors against closed forms, and against fresh samples of a known distribution."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection

from datamodules import HMM, TextData
from textgan_bench.evaluation.bootstrap import standard_errors
from textgan_bench.evaluation.scores import score
from textgan_bench.metrics import (
    BLEU,
    FED,
    Diversity,
    LengthDistance,
    LMScore,
    ParseRate,
    ReverseLMScore,
)
from textgan_bench.metrics.encoders import encoder


class Mean(Metric):
    """Mean of sentences that are numbers."""

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), "sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), "sum")

    def update(self, samples: Sequence[Sequence[str]]) -> None:
        self.total += sum(float(words[0]) for words in samples)
        self.count += len(samples)

    def compute(self) -> dict[str, Tensor]:
        return {"mean": self.total / self.count}


@pytest.mark.parametrize("n", [20, 1000])
def test_a_mean_has_its_standard_error(n: int) -> None:
    values = np.random.default_rng(0).normal(3, 2, size=n)
    errors = standard_errors(MetricCollection([Mean()]), [[str(x)] for x in values], 800, seed=1)
    expected = values.std(ddof=1) / math.sqrt(n)
    # Groups of ten estimate the variance with 99 degrees of freedom: a deviation of 7 %.
    assert errors == {"mean": pytest.approx(expected, rel=0.08 if n == 20 else 0.2)}


def words(generator: np.random.Generator, n: int) -> list[list[str]]:
    lengths = generator.poisson(5, size=n)
    return [[f"w{int(30 * x**2)}" for x in generator.random(length)] for length in lengths]


def test_set_scores_vary_as_over_fresh_samples() -> None:
    """Nonlinear scores, and one of distinct sentences that copies would bias."""
    generator = np.random.default_rng(0)
    metrics = MetricCollection([BLEU(words(generator, 300), orders=[2]), Diversity()])
    fresh: list[dict[str, float]] = []
    for _ in range(100):
        metrics.reset()
        metrics.update(samples=words(generator, 300))
        fresh.append({key: float(value) for key, value in metrics.compute().items()})
    estimates = [standard_errors(metrics, words(generator, 300), 60, seed) for seed in range(6)]
    for key in ("bleu_f/2", "bleu_b/2", "bleu_ha/2", "distinct_sentences"):
        expected = np.std([scores[key] for scores in fresh])
        found = np.mean([errors[key] for errors in estimates])
        assert 0.7 < found / expected < 1.4, key


def test_the_seed_decides_and_nothing_is_left_behind() -> None:
    text = words(np.random.default_rng(0), 40)
    metrics = MetricCollection([LengthDistance(text[:20]), ParseRate(lambda words: len(words) > 4)])
    metrics.update(samples=text)  # groups of metrics are formed here
    state = torch.get_rng_state()
    first, second, third = (standard_errors(metrics, text, 10, seed) for seed in (0, 0, 1))
    assert first == second != third
    assert torch.equal(state, torch.get_rng_state())
    metrics.update(samples=text[:5])
    rate = sum(len(sentence) > 4 for sentence in text[:5]) / 5
    assert float(metrics.compute()["parse_rate"]) == pytest.approx(rate)


def test_too_little_to_resample() -> None:
    metrics = MetricCollection([Mean()])
    assert standard_errors(metrics, [["1"], ["1"]], 2) == {"mean": 0}
    with pytest.raises(ValueError, match="at least 2 sentences and 2 resamples, not 1 and 5"):
        standard_errors(metrics, [["1"]], 5)
    with pytest.raises(ValueError, match="not 2 and 1"):
        standard_errors(metrics, [["1"], ["2"]], 1)


def test_what_a_resample_does_not_determine_has_no_error() -> None:
    """An infinite score, or a metric that refuses so few sentences; the others have theirs."""
    captions = [["a", "man"], ["two", "dogs"]]
    nothing = [*captions, [], []]
    errors = standard_errors(MetricCollection([LMScore(captions), Diversity()]), nothing, 20)
    assert "lm_score/kn4" not in errors
    assert errors["distinct_words"] > 0
    metrics = MetricCollection([FED(nothing, encoder("hash2", nothing)), Diversity()])
    with pytest.warns(UserWarning, match="FED has no standard error: .* at least 2 samples"):
        errors = standard_errors(metrics, captions, 5)
    assert errors.keys() >= {"distinct_words"}
    assert "fed/hash2" not in errors


@pytest.mark.slow
def test_scores_of_the_oracle_vary_as_over_disjoint_samples() -> None:
    """Twelve sets of 5,000 sentences; the deviation of so few is itself known to 21 %."""
    corpus = HMM()
    data = TextData(corpus)
    data.setup()
    references = data.sentences("test")
    metrics = MetricCollection(
        [
            BLEU(references),
            FED(references, data.encoder),
            LMScore(references, data.vocabulary),
            ReverseLMScore(references, data.vocabulary),
        ]
    )
    sets = [data.encoded.decode(corpus.oracle.sample(5_000, seed)) for seed in range(100, 112)]
    scores = [score(metrics, sentences) for sentences in sets]
    errors = standard_errors(metrics, sets[0], 25)
    for key in ("bleu_f/5", "bleu_b/5", "lm_score/kn4", "reverse_lm/kn4", "fed/hash128"):
        expected = np.std([result[key] for result in scores], ddof=1)
        assert 0.5 < errors[key] / expected < 2, key
