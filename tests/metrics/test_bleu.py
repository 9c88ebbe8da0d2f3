"""BLEU on words against NLTK, and on the published samples of Irl_gen."""

from collections.abc import Sequence
from pathlib import Path
from statistics import harmonic_mean, mean

import pytest
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from textgan_bench.metrics import BLEU

SHARED = Path(__file__).parents[3] / "shared/data"
CALIBRATION = {
    "irl_gen_0.65.txt": (0.31232, 0.23287, 0.26680),
    "irl_gen_0.75.txt": (0.25549, 0.23273, 0.24358),
}
REFERENCES = [
    ["a", "man", "rides", "a", "horse", "on", "the", "beach", "."],
    ["two", "dogs", "run", "on", "the", "beach", "."],
    ["a", "man", "with", "a", "hat", "and", "a", "dog"],
    [],
]
SAMPLES = [
    ["a", "man", "rides", "a", "dog", "on", "the", "beach", "."],
    ["a", "man", "rides", "a", "dog", "on", "the", "beach", "."],
    ["zebras", "everywhere"],
    ["the", "horse"],
    [],
]


def scores(metric: BLEU, samples: Sequence[Sequence[str]]) -> dict[str, float]:
    metric.update(samples)
    return {key: float(value) for key, value in metric.compute().items()}


def nltk_mean(hypotheses: list[list[str]], references: list[list[str]], order: int) -> float:
    method1 = SmoothingFunction().method1
    weights = (1 / order,) * order
    return mean(sentence_bleu(references, words, weights, method1) for words in hypotheses)


@pytest.mark.parametrize("order", [2, 5])
def test_equals_nltk(order: int) -> None:
    forward = nltk_mean(SAMPLES, REFERENCES, order)
    backward = nltk_mean(REFERENCES, SAMPLES, order)
    assert scores(BLEU(REFERENCES, order), SAMPLES) == pytest.approx(
        {
            f"bleu_f/{order}": forward,
            f"bleu_b/{order}": backward,
            f"bleu_ha/{order}": harmonic_mean([forward, backward]),
        },
        abs=1e-12,
    )


def test_unknown_words_match_nothing() -> None:
    marked = [["<unk>", "dog"]]
    renamed = scores(BLEU([["x", "dog"]]), [["y", "dog"]])
    assert scores(BLEU(marked), marked) == renamed
    assert scores(BLEU([["<unk>"]]), [["<unk>"]]) == dict.fromkeys(renamed, 0.0)


def test_reset_forgets_the_samples_only() -> None:
    metric = BLEU(REFERENCES)
    expected = scores(metric, SAMPLES)
    metric.reset()
    assert scores(metric, SAMPLES) == expected


def test_rejects_empty_sides() -> None:
    with pytest.raises(ValueError, match="0 references"):
        scores(BLEU([]), SAMPLES)
    with pytest.raises(ValueError, match="0 samples"):
        scores(BLEU(REFERENCES), [])
    with pytest.raises(ValueError, match="at least 1 word, not 0"):
        BLEU(REFERENCES, order=0)


@pytest.mark.skipif(not SHARED.exists(), reason="needs the captions in ../shared/data")
@pytest.mark.parametrize("name", CALIBRATION)
def test_irl_gen_samples(name: str) -> None:
    texts = []
    for path in ("coco/leakgan_test.txt", f"calibration/{name}"):
        lines = (SHARED / path).read_text(encoding="utf-8").splitlines()
        texts.append([line.split() for line in lines])
    result = scores(BLEU(texts[0]), texts[1])
    assert tuple(result.values()) == pytest.approx(CALIBRATION[name], abs=1e-5)
