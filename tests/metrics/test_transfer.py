import pytest
import sacrebleu
import torch
from scipy import stats
from sklearn.feature_extraction.text import CountVectorizer
from torchmetrics import MetricCollection

from textgan_bench.evaluation.bootstrap import standard_errors
from textgan_bench.evaluation.scores import score
from textgan_bench.metrics.transfer import TransferScores, style_classifier, words_and_pairs

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


def transfer() -> TransferScores:
    negative = [["bad"], ["bad"], ["rude"], ["rude"], ["not", "good"], ["not", "good"]]
    classifier = style_classifier(negative, [["good"]] * 4)
    return TransferScores(classifier, targets=[0, 1, 1])


def scores(samples: list[list[str]], sources: list[list[str]]) -> dict[str, float]:
    metric = transfer()
    for sample, source in zip(samples, sources, strict=True):  # as long files are read, in pieces
        metric.update([sample], [source])
    return {key: float(value) for key, value in metric.compute().items()}


def test_each_sample_has_a_style_to_reach() -> None:
    assert scores(SAMPLES[:2], SOURCES[:2])["transfer_accuracy"] == 1
    assert scores(SOURCES[:2], SOURCES[:2])["transfer_accuracy"] == 0
    pairs = [["not", "good"], ["not", "good"]]
    assert scores(pairs, SOURCES[:2])["transfer_accuracy"] == 0.5, "pairs of words count"


def test_features_are_those_that_scikit_learn_splits_itself() -> None:
    theirs = CountVectorizer(ngram_range=(1, 2), token_pattern=r"\S+")
    theirs.fit([" ".join(words) for words in SOURCES])
    ours = {" ".join(feature) for words in SOURCES for feature in words_and_pairs(words)}
    assert ours == set(theirs.get_feature_names_out())


def test_what_is_kept_is_sacrebleu_against_the_source() -> None:
    lines = [[" ".join(words) for words in side] for side in (SAMPLES, SOURCES)]
    expected = sacrebleu.corpus_bleu(lines[0], [lines[1]], tokenize="none", force=True).score
    assert scores(SAMPLES, SOURCES)["source_bleu/4"] == pytest.approx(expected / 100)


def test_joint_scores_are_the_means_of_scipy_and_zero_where_one_part_is() -> None:
    found = scores(SAMPLES, SOURCES)
    parts = [found["transfer_accuracy"], found["source_bleu/4"]]
    assert found["source_g2/4"] == pytest.approx(stats.gmean(parts))
    assert found["source_h2/4"] == pytest.approx(stats.hmean(parts))
    copy = scores(SOURCES[:2], SOURCES[:2])
    assert (copy["transfer_accuracy"], copy["source_bleu/4"]) == (0, 1)
    assert copy["source_g2/4"] == copy["source_h2/4"] == 0
    nothing = scores([["good"]], [["bad"]])
    assert nothing["source_g2/4"] == nothing["source_h2/4"] == 0


def test_more_samples_than_sources_are_refused() -> None:
    metric = transfer()
    metric.update(SAMPLES, SOURCES)
    with pytest.raises(ValueError, match="more than 3 samples"):
        metric.update([["good"]], [["bad"]])


def test_parts_out_of_order_have_no_standard_error() -> None:
    with pytest.warns(UserWarning, match="whole and in order"):
        errors = standard_errors(
            MetricCollection([transfer()]), SAMPLES, resamples=2, aligned=SOURCES
        )
    assert errors == {}


@pytest.mark.parametrize("classes", [([["a"]], []), ([["a"]],)])
def test_two_classes_are_needed(classes: tuple[list[list[str]], ...]) -> None:
    with pytest.raises(ValueError, match="two classes"):
        style_classifier(*classes)


def test_text_without_sources_has_no_scores_of_a_transfer() -> None:
    metrics = MetricCollection([transfer()])
    with torch.inference_mode():  # as in a test run
        found = score(metrics, SAMPLES, aligned=SOURCES)
    assert found.keys() == {"transfer_accuracy", "source_bleu/4", "source_g2/4", "source_h2/4"}
    assert score(metrics, SAMPLES) == {}
