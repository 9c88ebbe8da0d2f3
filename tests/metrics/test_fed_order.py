"""FED puts text in the order of its distance from real captions, whatever the split."""

import random
from itertools import pairwise
from pathlib import Path
from statistics import mean

import pytest

from benchmarks.figures.embedding_scores import ngram_samples
from textgan_bench.metrics import FED
from textgan_bench.metrics.encoders import encoder

COCO = Path(__file__).parents[3] / "shared/data/coco"
SIZE = 5_000
SEEDS = range(5)

pytestmark = [
    pytest.mark.skipif(not COCO.exists(), reason="needs the captions in ../shared/data/coco"),
    pytest.mark.slow,
]


def distances(seed: int) -> dict[str, float]:
    """From 5,000 captions: to as many others, and to text made of a third set of captions."""
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
    words = sorted({word for sentence in train for word in sentence})
    texts = {
        "real": real,
        "4-gram": ngram_samples(train, 4, SIZE, generator),
        "2-gram": ngram_samples(train, 2, SIZE, generator),
        "shuffled": [generator.sample(sentence, len(sentence)) for sentence in real],
        "random": [generator.choices(words, k=len(sentence)) for sentence in real],
        "train": train,
    }
    result = {}
    for name, samples in texts.items():
        metric.reset()
        metric.update(samples)
        result[name] = float(metric.compute()["fed/hash128"])
    return result


@pytest.fixture(scope="module")
def seeds() -> list[dict[str, float]]:
    return [distances(seed) for seed in SEEDS]


@pytest.mark.parametrize("seed", SEEDS)
def test_worse_text_is_farther(seeds: list[dict[str, float]], seed: int) -> None:
    order = [seeds[seed][name] for name in ("real", "4-gram", "2-gram", "shuffled", "random")]
    assert all(far > 1.2 * near for near, far in pairwise(order))


def test_training_text_is_as_near_as_other_real_text(seeds: list[dict[str, float]]) -> None:
    """Over the splits together: at one of them the two differ by up to a quarter."""
    floor, train = (mean(result[name] for result in seeds) for name in ("real", "train"))
    assert floor / 1.15 < train < 1.15 * floor
