import pytest
import sacrebleu
import torch
from sklearn.feature_extraction.text import CountVectorizer
from torchmetrics import MetricCollection

from textgan_bench.bootstrap import standard_errors
from textgan_bench.metrics.transfer import (
    SourceBLEU,
    TransferAccuracy,
    style_classifier,
    words_and_pairs,
)
from textgan_bench.scoring import score

SOURCES = [
    ["the", "food", "was", "very", "good"],
    ["the", "staff", "was", "rude", "to", "us"],
    ["i", "will", "not", "be", "back"],
]
SAMPLES = [
    ["the", "food", "was", "very", "bad"],
    ["the", "staff", "was", "good", "to", "us"],
    ["i", "will", "be", "back"],
]


def accuracy() -> TransferAccuracy:
    negative = [["bad"], ["bad"], ["rude"], ["rude"], ["not", "good"], ["not", "good"]]
    classifier = style_classifier(negative, [["good"]] * 4)
    return TransferAccuracy(classifier, targets=[0, 1, 1])


def test_each_sample_has_a_style_to_reach() -> None:
    metric = accuracy()
    for sample in SAMPLES[:2]:  # piece by piece, as long files are read
        metric.update([sample])
    assert float(metric.compute()["transfer_accuracy"]) == 1
    metric.reset()
    metric.update(SOURCES[:2])
    assert float(metric.compute()["transfer_accuracy"]) == 0
    metric.reset()
    metric.update([["not", "good"], ["not", "good"]])
    assert float(metric.compute()["transfer_accuracy"]) == 0.5, "pairs of words count"


def test_features_are_those_that_scikit_learn_splits_itself() -> None:
    theirs = CountVectorizer(ngram_range=(1, 2), token_pattern=r"\S+")
    theirs.fit([" ".join(words) for words in SOURCES])
    ours = {" ".join(feature) for words in SOURCES for feature in words_and_pairs(words)}
    assert ours == set(theirs.get_feature_names_out())


def test_what_is_kept_is_sacrebleu_against_the_source() -> None:
    metric = SourceBLEU()
    metric.update(SAMPLES[:1], SOURCES[:1])
    metric.update(SAMPLES[1:], SOURCES[1:])
    lines = [[" ".join(words) for words in side] for side in (SAMPLES, SOURCES)]
    expected = sacrebleu.corpus_bleu(lines[0], [lines[1]], tokenize="none", force=True).score
    assert float(metric.compute()["source_bleu/4"]) == pytest.approx(expected / 100)


def test_more_samples_than_sources_are_refused() -> None:
    metric = accuracy()
    metric.update(SAMPLES)
    with pytest.raises(ValueError, match="more than 3 samples"):
        metric.update([["good"]])


def test_parts_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="whole and in order"):
        standard_errors(MetricCollection([accuracy()]), SAMPLES, resamples=2)


@pytest.mark.parametrize("classes", [([["a"]], []), ([["a"]],)])
def test_two_classes_are_needed(classes: tuple[list[list[str]], ...]) -> None:
    with pytest.raises(ValueError, match="two classes"):
        style_classifier(*classes)


def test_a_record_has_both_where_the_sources_are_at_hand() -> None:
    metrics = MetricCollection([accuracy(), SourceBLEU()])
    with torch.inference_mode():  # as in a test run
        both = score(metrics, SAMPLES, aligned=SOURCES)
    assert both.keys() == {"transfer_accuracy", "source_bleu/4"}
    assert score(metrics, SAMPLES).keys() == {"transfer_accuracy"}
