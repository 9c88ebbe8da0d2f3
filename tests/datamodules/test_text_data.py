"""Batches, epochs and anchors of a data set of a few sentences, worked out by hand."""

from collections import Counter
from dataclasses import dataclass

import pytest
import torch

from datamodules import TextData
from datamodules.arrow import Encoded
from datamodules.corpus import Corpus, Loaded
from datamodules.judging import Judging, frequency_anchors
from tests.datamodules.ready import ready
from textgan_bench.interfaces import Split
from textgan_bench.metrics import Diversity, Perplexity, ReversePerplexity
from textgan_bench.metrics.profiles import DIVERSITY
from textgan_bench.tokens import Batch, Sentence, Vocabulary, pad_sequences

SENTENCES = [[1, 2], [3], [2, 2, 1], [1], [3, 1]]


@dataclass(frozen=True)
class Few(Corpus):
    vocab_size = 4
    max_length = 4

    @property
    def judging(self) -> Judging:
        return Judging((DIVERSITY,))

    def load(self) -> Loaded:
        tokens = pad_sequences(SENTENCES, self.max_length)
        vocabulary = Vocabulary(("<pad>", "a", ', "', "man"))
        splits: dict[Split, Batch] = {"train": tokens, "validation": tokens, "test": tokens}
        return Loaded("r1", Encoded(vocabulary, splits, "five sentences"))


def few(batch_size: int = 2, batches_per_epoch: int | None = None) -> TextData:
    return ready(Few(), batch_size, batches_per_epoch)


def rows(batch: Batch) -> list[list[int]]:
    return [
        ids[:length] for ids, length in zip(batch.ids.tolist(), batch.lengths.tolist(), strict=True)
    ]


def test_extra_scores_are_those_of_the_test_alone() -> None:
    data = few()
    assert {type(metric) for metric in data.metrics("test").values()} == {Diversity}
    data.judge_by(extras=["perplexity"])
    assert {type(metric) for metric in data.metrics("test").values()} == {
        Diversity,
        Perplexity,
        ReversePerplexity,
    }
    assert {type(metric) for metric in data.metrics("validation").values()} == {Diversity}
    with pytest.raises(ValueError, match="no extra score nearest_; there are nearest, perplexity"):
        data.judge_by(extras=["nearest_"])


def test_training_batches_are_a_shuffled_pass_without_the_incomplete_one() -> None:
    torch.manual_seed(0)
    batches = list(few().train_dataloader())
    assert [len(batch.ids) for batch in batches] == [2, 2]
    seen = Counter(tuple(row) for batch in batches for row in rows(batch))
    assert max(seen.values()) == 1
    assert set(seen) <= {tuple(row) for row in SENTENCES}


def test_evaluation_batches_are_all_sentences_in_order() -> None:
    for loader in (few().val_dataloader(), few().test_dataloader()):
        assert [row for batch in loader for row in rows(batch)] == SENTENCES


@pytest.mark.parametrize("batches", [1, 2, 6])
def test_an_epoch_may_be_a_number_of_batches(batches: int) -> None:
    loader = few(batches_per_epoch=batches).train_dataloader()
    assert len(loader) == len(list(loader)) == batches


def test_decoded_text_is_what_a_file_would_hold() -> None:
    assert few().sentences("test")[2] == [",", '"', ",", '"', "a"]


def test_frequency_anchors_follow_words_and_lengths() -> None:
    n = 9_000

    def anchors(n: int, seed: int = 0) -> dict[str, list[Sentence]]:
        return frequency_anchors(few().encoded, n, torch.Generator().manual_seed(seed))

    drawn = anchors(n)
    # As many as 2.5 standard deviations of a count of about n are allowed.
    slack = 2.5 * n**0.5
    for sentences in drawn.values():
        # ', "' is one word of the vocabulary and two of the text
        lengths = Counter(len(sentence) - sentence.count('"') for sentence in sentences)
        assert lengths == pytest.approx({1: n * 2 / 5, 2: n * 2 / 5, 3: n / 5}, abs=slack)
    words = Counter(word for sentence in drawn["unigram"] for word in sentence)
    expected = {"a": 4, '"': 3, ",": 3, "man": 2}
    total = n * 9 / 5
    assert words == pytest.approx({w: total * c / 9 for w, c in expected.items()}, abs=2 * slack)
    words = Counter(word for sentence in drawn["uniform"] for word in sentence)
    assert words == pytest.approx(dict.fromkeys(words, total / 3), abs=2 * slack)
    assert anchors(50, seed=3) == anchors(50, seed=3) != anchors(50, seed=4)


def test_metrics_are_built_once_and_returned_empty() -> None:
    data = few()
    metrics = data.metrics("test")
    metrics.update(samples=[["a"], ["a"]])
    again = data.metrics("test")
    assert again is metrics
    again.update(samples=[["a"], ["man"]])
    assert again.compute()["distinct_words"] == 2
    assert data.metrics("validation") is not metrics


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "batch_size is at least 1, not 0"),
        ({"batches_per_epoch": -1}, "batches_per_epoch is at least 1, not -1"),
        ({"batch_size": 6}, "batch_size=6 exceeds the 5 training sentences"),
    ],
)
def test_impossible_sizes_are_refused(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        few(**arguments).train_dataloader()
