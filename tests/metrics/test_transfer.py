import pytest
import sacrebleu
from torchmetrics import MetricCollection

from textgan_bench.bootstrap import standard_errors
from textgan_bench.functional.ngram_classifier import NGramClassifier
from textgan_bench.metrics.transfer import SourceBLEU, TransferAccuracy
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


def judge() -> NGramClassifier:
    return NGramClassifier([["bad"], ["bad"], ["rude"], ["rude"]], [["good"], ["good"]] * 2)


def test_each_sample_has_a_style_to_reach() -> None:
    metric = TransferAccuracy(judge(), targets=[0, 1, 1])
    for sample in SAMPLES[:2]:  # piece by piece, as long files are read
        metric.update([sample])
    assert float(metric.compute()["transfer_accuracy"]) == 1
    metric.reset()
    metric.update(SOURCES[:2])
    assert float(metric.compute()["transfer_accuracy"]) == 0


def test_what_is_kept_is_sacrebleu_against_the_source() -> None:
    metric = SourceBLEU(SOURCES)
    metric.update(SAMPLES[:1])
    metric.update(SAMPLES[1:])
    lines = [[" ".join(words) for words in side] for side in (SAMPLES, SOURCES)]
    expected = sacrebleu.corpus_bleu(lines[0], [lines[1]], tokenize="none", force=True).score
    assert float(metric.compute()["source_bleu/4"]) == pytest.approx(expected / 100)
    metric.reset()
    metric.update(SOURCES)
    assert float(metric.compute()["source_bleu/4"]) == pytest.approx(1)


def test_more_samples_than_sources_are_refused() -> None:
    for metric in (TransferAccuracy(judge(), [0, 1, 1]), SourceBLEU(SOURCES)):
        metric.update(SAMPLES)
        with pytest.raises(ValueError, match="more than 3 samples"):
            metric.update([["good"]])


def test_parts_out_of_order_are_refused() -> None:
    for metric in (TransferAccuracy(judge(), [0, 1, 1]), SourceBLEU(SOURCES)):
        with pytest.raises(ValueError, match="whole and in order"):
            standard_errors(MetricCollection([metric]), SAMPLES, resamples=2)


def test_a_record_has_both() -> None:
    metrics = MetricCollection([TransferAccuracy(judge(), [0, 1, 1]), SourceBLEU(SOURCES)])
    assert score(metrics, SOURCES).keys() == {"transfer_accuracy", "source_bleu/4"}
