"""FED puts text in the order of its distance from real captions, whatever the split."""

import random
from itertools import pairwise
from pathlib import Path

import pytest

from tests.samplers import ngram_samples
from textgan_bench.metrics import FED
from textgan_bench.metrics.encoders import encoder

COCO = Path(__file__).parents[3] / "shared/data/coco"
SIZE = 5_000

pytestmark = [
    pytest.mark.skipif(not COCO.exists(), reason="needs the captions in ../shared/data/coco"),
    pytest.mark.slow,
]


@pytest.mark.parametrize("seed", range(5))
def test_real_then_four_grams_then_two_grams_then_shuffled_then_random(seed: int) -> None:
    generator = random.Random(seed)
    captions: list[list[str]] = []
    for name in ("texygen_train.tok.txt", "texygen_test.tok.txt"):
        text = (COCO / name).read_text(encoding="utf-8")
        captions += [line.split() for line in text.splitlines()]
    generator.shuffle(captions)  # the two files are different populations
    references, real, validation, train = (
        captions[start : start + SIZE] for start in range(0, 4 * SIZE, SIZE)
    )
    metric = FED(references, encoder("hash128", validation))

    def distance(samples: list[list[str]]) -> float:
        metric.reset()
        metric.update(samples)
        return float(metric.compute()["fed/hash128"])

    words = sorted({word for sentence in train for word in sentence})
    distances = [
        distance(samples)
        for samples in (
            real,
            ngram_samples(train, 4, SIZE, generator),
            ngram_samples(train, 2, SIZE, generator),
            [generator.sample(sentence, len(sentence)) for sentence in real],
            [generator.choices(words, k=len(sentence)) for sentence in real],
        )
    ]
    assert all(far > 1.2 * near for near, far in pairwise(distances))
    assert distance(train) < 1.15 * distances[0]
