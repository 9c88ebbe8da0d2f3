"""Corpus BLEU against sacrebleu and NLTK on the text itself, accuracy against NumPy."""

import random

import numpy as np
import pytest
from nltk.translate.bleu_score import corpus_bleu
from sacrebleu.metrics import bleu as sacrebleu_bleu

from textgan_bench.metrics import CorpusBLEU, TokenAccuracy

Text = list[list[str]]


def corrupted(rate: float, shortest: int) -> tuple[Text, Text]:
    """Sentences with a part of their words replaced, dropped or repeated, and the originals."""
    generator = random.Random(0)
    words = ["a", "the", "man", "dog", "rides", "sees", "on", "beach", "."]
    references = [generator.choices(words, k=generator.randrange(shortest, 20)) for _ in range(200)]
    samples = [
        [
            changed
            for word in reference
            for changed in (
                generator.choice([[], [word, word], generator.choices(words)])
                if generator.random() < rate
                else [word]
            )
        ]
        for reference in references
    ]
    return samples, references


def scores(metric: CorpusBLEU | TokenAccuracy, samples: Text, references: Text) -> float:
    metric.update(samples[:70], references[:70])
    metric.update(samples[70:], references[70:])
    (value,) = metric.compute().values()
    return float(value)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.6])
def test_corpus_bleu_equals_nltk(rate: float) -> None:
    samples, references = corrupted(rate, shortest=12)
    assert min(map(len, samples)) >= 4  # NLTK gives shorter ones an n-gram they do not have
    expected = corpus_bleu([[words] for words in references], samples)
    assert scores(CorpusBLEU(), samples, references) == pytest.approx(expected)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.6])
def test_corpus_bleu_equals_sacrebleu_on_the_whole_text(rate: float) -> None:
    samples, references = corrupted(rate, shortest=1)
    joined = [[" ".join(words) for words in side] for side in (samples, references)]
    expected = sacrebleu_bleu.BLEU(tokenize="none", force=True).corpus_score(joined[0], [joined[1]])
    value = scores(CorpusBLEU(), samples, references)
    assert value == pytest.approx(expected.score / 100)


def test_orders_without_a_match_are_smoothed_as_by_sacrebleu() -> None:
    samples, references = [["a", "b", "c", "d", "e"]], [["e", "d", "a", "b", "x"]]
    expected = sacrebleu_bleu.BLEU(tokenize="none").corpus_score(["a b c d e"], [["e d a b x"]])
    assert expected.counts[2:] == [0, 0]
    assert scores(CorpusBLEU(), samples, references) == pytest.approx(expected.score / 100)


@pytest.mark.filterwarnings("ignore::UserWarning:nltk")
def test_a_copy_without_a_sentence_of_four_words_has_no_bleu_as_elsewhere() -> None:
    short = [["a", "b", "c"], ["d"], []]
    lines = [" ".join(words) for words in short]
    theirs = sacrebleu_bleu.BLEU(tokenize="none", force=True).corpus_score(lines, [lines])
    assert scores(CorpusBLEU(), short, short) == theirs.score == 0
    assert corpus_bleu([[words] for words in short], short) == pytest.approx(0)
    assert scores(CorpusBLEU(order=3), short, short) == 1
    one = [*short, ["a", "b", "c", "d"]]
    assert scores(CorpusBLEU(), one, one) == 1


def test_accuracy_equals_numpy_where_lengths_agree() -> None:
    generator = np.random.default_rng(0)
    samples, references = generator.integers(0, 3, size=(2, 100, 7)).astype(str)
    value = scores(TokenAccuracy(), samples.tolist(), references.tolist())
    assert value == pytest.approx(np.mean(samples == references))


def test_missing_and_surplus_words_are_errors() -> None:
    samples, references = [["a", "b"], ["a"], [], []], [["a"], ["a", "b"], ["c"], []]
    assert scores(TokenAccuracy(), samples, references) == pytest.approx((1 / 2 + 1 / 2 + 0) / 3)


def test_accuracy_is_the_mean_of_those_of_sentences() -> None:
    assert scores(TokenAccuracy(), [["a"] * 9, ["b"]], [["a"] * 9, ["c"]]) == 1 / 2


def test_unknown_words_count_and_blanks_do_not_split() -> None:
    text = [["<unk>", "b c", "d", "e", "f"]] * 3
    assert scores(TokenAccuracy(), text, text) == 1
    assert scores(CorpusBLEU(), text, text) == pytest.approx(1)
    assert scores(CorpusBLEU(), [["b c"]] * 3, [["b", "c"]] * 3) == 0


def test_rejects_what_is_not_aligned_or_empty() -> None:
    for metric in (CorpusBLEU(), TokenAccuracy()):
        with pytest.raises(ValueError, match="2 samples and 1 references"):
            metric.update([["a"], ["b"]], [["a"]])
        metric.update([[]], [[]])
        with pytest.raises(ValueError, match="at least one word"):
            metric.compute()
