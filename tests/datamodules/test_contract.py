"""What every corpus exported by ``datamodules`` keeps to."""

import inspect
import math
import random
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import get_args

import pytest
import torch

import datamodules
from datamodules import TextData
from datamodules.corpus import Corpus
from datamodules.judging import WithOracle
from tests.datamodules.ready import Texts, construct, parameters, ready
from textgan_bench.evaluation.scores import score
from textgan_bench.functional.hashed_ngrams import HashedNGrams
from textgan_bench.interfaces import Split
from textgan_bench.metrics import FED, ReverseLMScore
from textgan_bench.tokens import PAD, PAD_TOKEN, UNKNOWN_TOKEN, Batch, Sentence, padding_mask

N = 1_500  # sentences scored: enough to tell the anchors apart
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
QUICK = {"HMM", "COCO", "CFG", "Names"}
"""Data sets whose scores a default run computes; the others differ in their text alone."""


OTHER_TOPICS = {"COCOTexygen"}
"""Data sets whose training text is of other topics than their test text, which FED shows."""


def loaded(data: TextData, split: Split) -> Iterator[Batch]:
    loaders: dict[Split, Callable[[], Iterable[Batch]]] = {
        "train": data.train_dataloader,
        "validation": data.val_dataloader,
        "test": data.test_dataloader,
    }
    return iter(loaders[split]())


def test_sizes_are_known_at_construction(kind: type[Corpus], data: TextData) -> None:
    fresh = TextData(construct(kind))
    assert fresh.vocab_size == data.vocab_size == len(data.vocabulary)
    assert fresh.max_length == data.max_length
    assert data.vocabulary.tokens[PAD] == PAD_TOKEN


def test_exported_and_described(data: TextData) -> None:
    assert type(data.corpus).__name__ in datamodules.__all__
    assert data.source
    assert "\n" not in data.source
    assert inspect.getdoc(type(data.corpus)) != inspect.getdoc(Corpus)


def test_what_is_written_is_read_back(data: TextData) -> None:
    """Words in any order, as a model may write them, and the text itself."""
    words = " ".join(data.vocabulary.tokens[PAD + 1 :]).split()
    for sentence in (words[::-1], *data.sentences("test")[:500]):
        assert data.split_line(" ".join(sentence)) == sentence


@pytest.mark.parametrize("split", SPLITS)
def test_batches_are_well_formed(data: TextData, split: Split) -> None:
    batches = list(loaded(data, split))
    for batch in batches:
        assert isinstance(batch, get_args(Batch))
        assert all(column.dtype == torch.int64 for column in batch)
        assert batch.ids.shape == (len(batch.lengths), data.max_length)
        assert 1 <= batch.lengths.min() <= batch.lengths.max() <= data.max_length
        mask = padding_mask(batch)
        assert (batch.ids[mask] != PAD).all()
        assert (batch.ids[~mask] == PAD).all()
        assert batch.ids.max() < data.vocab_size
    if split == "train":
        assert len({len(batch.ids) for batch in batches}) == 1


@pytest.mark.parametrize("split", ["validation", "test"])
def test_evaluation_batches_are_the_sentences_in_order(data: TextData, split: Split) -> None:
    decoded = [
        " ".join(words)
        for batch in loaded(data, split)
        for words in data.vocabulary.decode_batch(batch)
    ]
    assert decoded == [" ".join(sentence) for sentence in data.sentences(split)]


def test_splits_share_nothing(data: TextData, texts: Texts) -> None:
    if not data.corpus.DISJOINT:
        pytest.skip(f"{type(data.corpus).__name__} does not promise it, as its card says")
    train, validation, test = (set(texts[split]) for split in SPLITS)
    assert train.isdisjoint(validation)
    assert train.isdisjoint(test)
    assert validation.isdisjoint(test)


def test_another_instance_reads_the_same_data(kind: type[Corpus], data: TextData) -> None:
    again = ready(construct(kind))
    assert again.revision == data.revision
    assert all(again.sentences(split) == data.sentences(split) for split in SPLITS[1:])


def test_text_in_the_vocabulary_is_decoded_to_itself(data: TextData) -> None:
    known = set(data.vocabulary.tokens[1:]) - {UNKNOWN_TOKEN}
    for sentence in data.sentences("validation"):
        if known.issuperset(sentence):
            assert data.vocabulary.decode(data.vocabulary.encode(sentence)) == sentence


def test_training_order_follows_the_seed(data: TextData) -> None:
    def first_batch(seed: int) -> list[list[int]]:
        torch.manual_seed(seed)
        ids: list[list[int]] = next(loaded(data, "train")).ids.tolist()
        return ids

    assert first_batch(0) == first_batch(0)
    assert first_batch(0) != first_batch(1)


def test_an_epoch_may_be_a_number_of_batches(kind: type[Corpus]) -> None:
    data = ready(construct(kind), batch_size=6, batches_per_epoch=3)
    batches = list(loaded(data, "train"))
    assert [len(batch.ids) for batch in batches] == [6, 6, 6]


@pytest.fixture(scope="module")
def anchors(data: TextData) -> dict[str, list[Sentence]]:
    return data.anchors(N)


def test_anchors_are_written_in_the_vocabulary(
    data: TextData, anchors: dict[str, list[Sentence]]
) -> None:
    words = {word for token in data.vocabulary.tokens[1:] for word in token.split()}
    for name, sentences in anchors.items():
        assert len(sentences) == N, name
        assert all(sentences), name
        assert words.issuperset(word for sentence in sentences for word in sentence), name
    assert data.anchors(9, seed=4) == data.anchors(9, seed=4)
    other = data.anchors(9, seed=5)
    assert all(other[name] != sentences for name, sentences in data.anchors(9, seed=4).items())


def test_unigram_anchor_has_the_training_frequencies(
    texts: Texts, anchors: dict[str, list[Sentence]]
) -> None:
    train = Counter(word for sentence in texts["train"] for word in sentence)
    drawn = Counter(word for sentence in anchors["unigram"] for word in sentence)
    for word, count in train.most_common(20):
        expected = drawn.total() * count / train.total()
        assert abs(drawn[word] - expected) < 5 * expected**0.5


@pytest.fixture(
    scope="module",
    params=parameters(lambda name: name not in QUICK),
    ids=lambda kind: kind.__name__,
)
def scored(request: pytest.FixtureRequest) -> TextData:
    return ready(construct(request.param))


@pytest.fixture(scope="module")
def drawn(scored: TextData) -> dict[str, list[Sentence]]:
    return scored.anchors(N)


@pytest.fixture(scope="module")
def scores(scored: TextData, drawn: dict[str, list[Sentence]]) -> dict[str, dict[str, float]]:
    return {name: score(scored.metrics("test"), sentences) for name, sentences in drawn.items()}


def test_real_text_beats_the_other_anchors(
    scored: TextData, scores: dict[str, dict[str, float]]
) -> None:
    real = scores.get("oracle") or scores["real"]
    for other in ("unigram", "uniform"):
        for key in ("reverse_lm/kn4", "lm_score/kn4"):
            assert real[key] < scores[other][key], key
        if type(scored.corpus).__name__ not in OTHER_TOPICS:
            assert real["fed/hash128"] < scores[other]["fed/hash128"]
        for key in ("bleu_f/5", "bleu_b/5", "bleu_ha/5"):
            assert real[key] > scores[other][key], key
    assert scores["unigram"]["reverse_lm/kn4"] < scores["uniform"]["reverse_lm/kn4"]
    test = scored.sentences("test")
    sentences = random.Random(0).sample(test, min(N, len(test)))
    assert real["distinct_sentences"] > 0.9 * len(set(map(tuple, sentences))) / len(sentences)


def test_validation_reports_a_reverse_figure_and_the_diversity(
    scored: TextData, drawn: dict[str, list[Sentence]]
) -> None:
    computed = score(scored.metrics("validation"), drawn["unigram"])
    assert {"reverse_lm/kn4", "distinct_words", "distinct_sentences", "bleu_ha/5"} <= set(computed)
    assert all(map(math.isfinite, computed.values()))


def test_no_encoder_is_fitted_on_the_text_it_judges_by(
    scored: TextData, drawn: dict[str, list[Sentence]]
) -> None:
    validation, test = scored.sentences("validation"), scored.sentences("test")
    samples, fit = drawn["unigram"], HashedNGrams.fit
    order = torch.randperm(len(validation), generator=torch.Generator().manual_seed(0)).tolist()
    half = -(-len(order) // 2)
    fitted, judging = (
        [validation[row] for row in sorted(rows)] for rows in (order[:half], order[half:])
    )
    cases: list[tuple[Split, FED]] = [
        ("validation", FED(judging, fit(fitted))),
        ("test", FED(test, fit(validation))),
    ]
    for split, expected in cases:
        (fed,) = [metric for metric in scored.metrics(split).values() if isinstance(metric, FED)]
        for metric in (fed, expected):
            metric.update(samples)
        assert fed.compute() == expected.compute()


def test_a_half_of_the_test_text_is_judged_by_the_other(scored: TextData) -> None:
    halves = scored.halves()
    assert (halves is None) == isinstance(scored.corpus.judging, WithOracle)
    if halves is None:
        return
    assert len(halves.samples) == len(halves.references) == len(scored.sentences("test")) // 2
    together = Counter(map(tuple, [*halves.samples, *halves.references]))
    assert together <= Counter(map(tuple, scored.sentences("test")))
    few = halves.samples[:50]
    (reverse,) = [m for m in halves.metrics.values() if isinstance(m, ReverseLMScore)]
    expected = ReverseLMScore(halves.references, scored.vocabulary)
    for metric in (reverse, expected):
        metric.update(few)
    with warnings.catch_warnings(action="ignore"):
        assert reverse.compute() == expected.compute()


def test_a_collapsed_sampler_is_given_away(
    scored: TextData, scores: dict[str, dict[str, float]]
) -> None:
    collapsed = score(scored.metrics("test"), [scored.sentences("test")[0]] * N)
    real = scores.get("oracle") or scores["real"]
    assert collapsed["lm_score/kn4"] < real["lm_score/kn4"]  # a forward figure rewards it
    assert collapsed["reverse_lm/kn4"] > scores["unigram"]["reverse_lm/kn4"]
    assert collapsed["distinct_sentences"] == pytest.approx(1 / N)
