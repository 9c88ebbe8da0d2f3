"""BLEU on words against NLTK, and on the published samples of Irl_gen."""

from collections.abc import Sequence
from functools import partial
from itertools import count
from pathlib import Path
from statistics import harmonic_mean, mean

import pytest
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from textgan_bench.metrics import BLEU, SelfBLEU

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


def scores(metric: BLEU | SelfBLEU, samples: Sequence[Sequence[str]]) -> dict[str, float]:
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
    assert scores(BLEU(REFERENCES, [order]), SAMPLES) == pytest.approx(
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
    with pytest.raises(ValueError, match="at least one reference"):
        BLEU([])
    with pytest.raises(ValueError, match="at least one sample"):
        scores(BLEU(REFERENCES), [])
    with pytest.raises(ValueError, match="at least two sentences, not 1"):
        scores(SelfBLEU(), SAMPLES[:1])
    for metric in (partial(BLEU, REFERENCES), SelfBLEU):
        with pytest.raises(ValueError, match=r"at least 1 word, not \[2, 0\]"):
            metric(orders=[2, 0])
        with pytest.raises(ValueError, match="at least 1 word"):
            metric(orders=[])


@pytest.mark.parametrize("metric", [BLEU(REFERENCES), SelfBLEU()])
def test_pieces_of_a_text_score_as_the_whole(metric: BLEU | SelfBLEU) -> None:
    renamed = [["<unk>" if word == "dog" else word for word in words] for words in SAMPLES]
    expected = scores(metric, SAMPLES + renamed)
    metric.reset()
    for piece in (SAMPLES[:1], [], SAMPLES[1:], renamed[::2][:1]):
        metric.update(piece)
    assert scores(metric, renamed[1:]) == pytest.approx(expected, abs=1e-15)


def test_orders_of_one_metric_are_those_of_many() -> None:
    together = scores(BLEU(REFERENCES), SAMPLES) | scores(SelfBLEU(), SAMPLES)
    apart: dict[str, float] = {}
    for order in (2, 3, 4, 5):
        apart |= scores(BLEU(REFERENCES, [order]), SAMPLES)
        apart |= scores(SelfBLEU([order]), SAMPLES)
    assert together == apart
    assert len(together) == 16


def test_self_bleu_equals_nltk_with_each_sample_left_out() -> None:
    words = {"on": "<unk>"}
    samples = [[words.get(word, word) for word in sentence] for sentence in SAMPLES]
    fresh = count()
    unique = [[f"{w}{next(fresh)}" if w == "<unk>" else w for w in s] for s in samples]
    for order in (2, 5):
        expected = mean(
            nltk_mean([left_out], unique[:i] + unique[i + 1 :], order)
            for i, left_out in enumerate(unique)
        )
        result = scores(SelfBLEU([order]), samples)
        assert result == pytest.approx({f"self_bleu/{order}": expected}, abs=1e-12)
    assert scores(SelfBLEU([2]), [[], []]) == {"self_bleu/2": 0.0}


def test_skip_leaves_out_what_does_not_match() -> None:
    """ "the horse" has one of one bigrams, and no trigram: NLTK before 3.3 gives it the same."""
    floor = scores(BLEU([["the", "horse"]], [2, 5]), [["the", "horse"]])
    skip = scores(BLEU([["the", "horse"]], [2, 5], "skip"), [["the", "horse"]])
    assert floor["bleu_f/2"] == pytest.approx(1)
    assert floor["bleu_f/5"] == pytest.approx(0.1 ** (3 / 5))
    assert skip == pytest.approx(dict.fromkeys(skip, 1.0))
    assert scores(SelfBLEU([5], "skip"), [["the", "horse"]] * 2)["self_bleu/5"] == pytest.approx(1)


@pytest.mark.skipif(not SHARED.exists(), reason="needs the captions in ../shared/data")
@pytest.mark.parametrize("name", CALIBRATION)
def test_irl_gen_samples(name: str) -> None:
    texts = []
    for path in ("coco/leakgan_test.txt", f"calibration/{name}"):
        lines = (SHARED / path).read_text(encoding="utf-8").splitlines()
        texts.append([line.split() for line in lines])
    result = scores(BLEU(texts[0], [5]), texts[1])
    assert tuple(result.values()) == pytest.approx(CALIBRATION[name], abs=1e-5)
