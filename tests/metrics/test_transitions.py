"""Transition errors against enumeration of all strings, and what likelihood does not see."""

import itertools
import math
from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from textgan_bench.functional.distance import total_variation
from textgan_bench.functional.hmm import forward_log_likelihood, sample_sequences
from textgan_bench.metrics import TransitionError
from textgan_bench.tokens import Sentence, Vocabulary

WORDS = ("a", "b", "c", "d")
VOCABULARY = Vocabulary(("<pad>", *WORDS))
LENGTH = 6


def model(seed: int = 0) -> SimpleNamespace:
    generator = torch.Generator().manual_seed(seed)

    def rows(n: int, m: int) -> Tensor:
        drawn = torch.rand(n, m, generator=generator, dtype=torch.float64) ** 3
        return drawn / drawn.sum(1, keepdim=True)

    around = torch.eye(3, dtype=torch.float64).roll(1, 1)  # 0 to 1 to 2 to 0
    transition = 0.8 * around + 0.2 * rows(3, 3)
    return SimpleNamespace(start=rows(1, 3)[0], transition=transition, emission=rows(3, 4))


MODEL = model()


def drawn(n: int, of: SimpleNamespace = MODEL, seed: int = 0) -> list[Sentence]:
    generator = torch.Generator().manual_seed(seed)
    ids = sample_sequences(n, LENGTH, of.start, of.transition, of.emission, generator=generator)
    return [[WORDS[i] for i in row] for row in ids.tolist()]


def scores(samples: list[Sentence]) -> dict[str, float]:
    metric = TransitionError(MODEL, VOCABULARY)
    for start in range(0, len(samples), 700):
        metric.update(samples[start : start + 700])
    return {key: float(value) for key, value in metric.compute().items()}


def test_bigrams_are_compared_with_those_of_all_strings() -> None:
    """The model's distribution by enumeration, of sentences of three words and of two."""
    samples = [["a", "b", "c"], ["c", "c"], ["d"]]
    expected: Counter[tuple[int, int]] = Counter()
    for length in (3, 2):
        strings = list(itertools.product(range(4), repeat=length))
        probabilities = forward_log_likelihood(
            torch.tensor(strings),
            torch.full((len(strings),), length),
            MODEL.start,
            MODEL.transition,
            MODEL.emission,
        ).exp()
        for string, probability in zip(strings, probabilities.tolist(), strict=True):
            for pair in itertools.pairwise(string):
                expected[pair] += probability
    total = sum(expected.values())
    assert total == pytest.approx(3)
    seen = Counter({(0, 1): 1, (1, 2): 1, (2, 2): 1})
    distance = sum(abs(seen[pair] / 3 - expected[pair] / total) for pair in expected) / 2
    assert scores(samples)["bigram_tv"] == pytest.approx(distance, rel=1e-12)


def test_samples_of_the_model_come_to_the_floor_that_chance_allows() -> None:
    n = 4_000
    floor = scores(drawn(n))
    emission, occupancy = MODEL.emission, torch.zeros(3, dtype=torch.float64)
    state = MODEL.start
    for _ in range(LENGTH - 1):
        occupancy, state = occupancy + state, state @ MODEL.transition
    p = emission.T @ (occupancy[:, None] * MODEL.transition / (LENGTH - 1)) @ emission
    expected = float((p * (1 - p) / (2 * math.pi * n * (LENGTH - 1))).sqrt().sum())
    assert floor["bigram_tv"] == pytest.approx(expected, rel=0.6)  # of one set of samples
    assert floor["transition_tv"] < 2 * floor["bigram_tv"]
    wrong = scores(drawn(n, model(1)))
    assert all(wrong[key] > 8 * floor[key] for key in floor)


def test_order_is_seen_where_words_are_right() -> None:
    honest = drawn(2_000)
    backwards = [words[::-1] for words in honest]
    assert scores(backwards)["bigram_tv"] > 5 * scores(honest)["bigram_tv"]


def test_sentences_without_a_pair_have_no_transition() -> None:
    metric = TransitionError(MODEL, VOCABULARY)
    metric.update([["a"], []])
    with pytest.raises(ValueError, match="a sample of two words"):
        metric.compute()
    with pytest.raises(ValueError, match="'z' is not a word"):
        metric.update([["z", "a"]])


def test_total_variation_is_half_of_the_differences() -> None:
    p, q = torch.tensor([2.0, 2.0]), torch.tensor([0.0, 5.0])
    assert float(total_variation(p, q)) == 0.5
    assert float(total_variation(q, 3 * q)) == 0
