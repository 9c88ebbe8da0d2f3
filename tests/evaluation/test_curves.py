"""A curve over a generator whose knob is known to trade one score for the other."""

import random

import pytest
from torchmetrics import MetricCollection

from textgan_bench.evaluation.curves import knob_curve
from textgan_bench.metrics import BLEU, Diversity


def test_more_noise_lowers_quality_and_raises_diversity() -> None:
    generator = random.Random(0)
    references = [generator.choices("abcd", k=6) for _ in range(60)]

    def sample(noise: float) -> list[list[str]]:
        return [
            [generator.choice("vwxyz") if generator.random() < noise else word for word in words]
            for words in references
        ]

    metrics = MetricCollection([BLEU(references), Diversity()])
    points = list(knob_curve(sample, [0.0, 0.3, 0.9], metrics))
    assert [point["knob"] for point in points] == [0.0, 0.3, 0.9]
    bleu, words = ([point[key] for point in points] for key in ("bleu_f/5", "distinct_words"))
    assert bleu[0] == pytest.approx(1)
    assert bleu == sorted(bleu, reverse=True)
    assert words[0] == 4 < words[1]
