"""LM scores against the back-off recursion in float64, and on the published samples of Irl_gen."""

import copy
import math
import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from textgan_bench.functional.kneser_ney import NGramModel, estimate
from textgan_bench.metrics import LMScore, ReverseLMScore
from textgan_bench.tokens import Vocabulary

SHARED = Path(__file__).parents[3] / "shared/data"
ANIMALS = Path(__file__).parents[1] / "golden/animals.txt"
Text = list[list[str]]


@pytest.fixture
def animals() -> Text:
    return [line.split() for line in ANIMALS.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def quiet() -> Iterator[None]:
    with warnings.catch_warnings(action="ignore"):
        yield


def scores(metric: LMScore | ReverseLMScore, samples: Text) -> dict[str, float]:
    metric.update(samples)
    return {key: float(value) for key, value in metric.compute().items()}


def nll(model: NGramModel, sentences: Text) -> float:
    """Nats of words and end marks by the definition of a back-off model."""
    entries = {
        tuple(model.words[index] for index in ngram): (prob, backoff)
        for n, table in enumerate(model.tables, start=1)
        for ngram, prob, backoff in zip(
            model.ngrams(n).tolist(), table.log10_prob, table.log10_backoff, strict=True
        )
    }

    def log10_prob(context: tuple[str, ...], word: str) -> float:
        if (*context, word) in entries:
            return float(entries[(*context, word)][0])
        return float(entries.get(context, (0.0, 0.0))[1]) + log10_prob(context[1:], word)

    total = 0.0
    for sentence in sentences:
        marked = ["<s>", *(w if (w,) in entries else "<unk>" for w in sentence), "</s>"]
        for end in range(1, len(marked)):
            total -= log10_prob(tuple(marked[max(0, end - 3) : end]), marked[end])
    return total * math.log(10)


def test_equals_the_recursion(animals: Text) -> None:
    references, samples = animals[:300], [*animals[300:], ["a", "zebra", "<unk>", "sees"], []]
    vocabulary = Vocabulary(("<pad>", *sorted({word for words in animals for word in words})))
    result = scores(LMScore(references, vocabulary), samples)
    total = nll(estimate(references, vocabulary.tokens[1:]), samples)
    words = sum(map(len, samples))
    seen = {word for sentence in references for word in sentence}
    unseen = sum(word not in seen for sentence in samples for word in sentence)
    assert unseen > 2
    assert result == pytest.approx(
        {
            "lm_score/kn4": total / words,
            "lm_score_event/kn4": total / (words + len(samples)),
            "oov_rate": unseen / words,
        },
        rel=1e-6,
    )


def test_reverse_exchanges_the_roles(animals: Text) -> None:
    references, samples = animals[:150], animals[150:]
    vocabulary = Vocabulary(("<pad>", *sorted({word for words in animals for word in words})))
    forward = scores(LMScore(samples, vocabulary), references)["lm_score/kn4"]
    reverse = scores(ReverseLMScore(references, vocabulary), samples)
    assert reverse == pytest.approx({"reverse_lm/kn4": forward}, rel=1e-12)


def test_without_a_vocabulary_the_references_give_it(animals: Text) -> None:
    references = animals[:150]
    given = Vocabulary(("<pad>", *sorted({word for words in references for word in words})))
    samples = [*animals[150:], ["zebra"]]
    for metric in (LMScore, ReverseLMScore):
        expected = scores(metric(references, given), samples)
        assert scores(metric(references), samples) == pytest.approx(expected, rel=1e-12)


def test_collapse_lowers_the_forward_score_and_raises_the_reverse(animals: Text) -> None:
    references, other, collapsed = animals[:200], animals[200:], [animals[0]] * 200
    key, reverse_key = "lm_score/kn4", "reverse_lm/kn4"
    metric = LMScore(references)
    reverse = ReverseLMScore(references)
    honest = scores(metric, other)[key], scores(reverse, other)[reverse_key]
    metric.reset()
    reverse.reset()
    assert scores(metric, collapsed)[key] < honest[0]
    with pytest.warns(UserWarning, match="too small or too uniform"):
        result = scores(reverse, collapsed)
    assert result[reverse_key] > honest[1]
    assert result["reverse_lm_fallback/kn4"] == 4


def test_few_references_are_said_to_be_few() -> None:
    with pytest.warns(UserWarning, match="order 1, 2, 3, 4:"):
        metric = LMScore([["a", "cat", "sat"], ["a", "dog"]])
    assert scores(metric, [["a", "cat"]])["lm_fallback/kn4"] == 4


@pytest.mark.usefixtures("quiet")
def test_words_with_blanks_and_literal_marks() -> None:
    """A word that holds a blank stays one word, and a literal mark is an unknown word."""
    blank = Vocabulary(("<pad>", "a", ', "', "b"))
    plain = Vocabulary(("<pad>", "a", "x", "b"))
    text: Text = [["a", ', "', "b"], ["b", "a"], ["b", ', "']]
    renamed = [["x" if word == ', "' else word for word in sentence] for sentence in text]
    assert scores(LMScore(text, blank), text) == scores(LMScore(renamed, plain), renamed)
    literal = scores(LMScore(renamed, plain), [["<s>", "a", "</s>"]])
    assert literal == scores(LMScore(renamed, plain), [["<unk>", "a", "zebra"]])


@pytest.mark.usefixtures("quiet")
def test_empty_sentences() -> None:
    references: Text = [["a", "b"], ["b"], []]
    result = scores(LMScore(references), [[], []])
    assert result["lm_score/kn4"] == math.inf
    assert 0 < result["lm_score_event/kn4"] < math.inf
    assert result["oov_rate"] == 0
    assert math.isfinite(scores(ReverseLMScore(references), [[], []])["reverse_lm/kn4"])
    with pytest.raises(ValueError, match="at least one sample"):
        scores(LMScore(references), [])
    with pytest.raises(ValueError, match="at least one sentence"):
        scores(ReverseLMScore(references), [])
    with pytest.raises(ValueError, match="at least one word of reference"):
        ReverseLMScore([[]])


@pytest.mark.usefixtures("quiet")
def test_survives_copying_and_pickling(animals: Text) -> None:
    metric = LMScore(animals[:50])
    expected = scores(metric, animals[50:60])
    metric.reset()
    for copied in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        assert scores(copied, animals[50:60]) == expected


@pytest.mark.skipif(not SHARED.exists(), reason="needs the captions in ../shared/data")
def test_irl_gen_samples() -> None:
    texts = []
    for path in ("coco/leakgan_test.txt", "calibration/irl_gen_0.65.txt"):
        lines = (SHARED / path).read_text(encoding="utf-8").splitlines()
        texts.append([line.split() for line in lines])
    result = scores(LMScore(texts[0]), texts[1])
    # 3.709 and 3.410 nats are what lmplz and kenlm's query program gave.
    assert result["lm_score/kn4"] == pytest.approx(3.709, abs=1e-3)
    assert result["lm_score_event/kn4"] == pytest.approx(3.410, abs=1e-3)
