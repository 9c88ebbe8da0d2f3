"""What every data module exported by ``datamodules`` keeps to."""

import inspect
import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args

import pytest
import torch

import datamodules
from datamodules.corpus import CorpusDataModule
from datamodules.in_memory import InMemoryDataModule
from textgan_bench.evaluation.scores import score
from textgan_bench.functional.hashed_ngrams import HashedNGrams
from textgan_bench.interfaces import Sentence, Split, TextDataModule
from textgan_bench.metrics import FED, ReverseLMScore
from textgan_bench.tokens import PAD, PAD_TOKEN, UNKNOWN_TOKEN, Batch, padding_mask

N = 1_500  # sentences scored: enough to tell the anchors apart
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
MODULES: list[type[InMemoryDataModule]] = [
    value
    for value in vars(datamodules).values()
    if inspect.isclass(value) and issubclass(value, InMemoryDataModule)
]
Build = Callable[..., TextDataModule]


QUICK = {"HMM", "COCO", "CFG", "Names"}
"""Data sets whose scores a default run computes; the others differ in their text alone."""


OTHER_TOPICS = {"COCOTexygen"}
"""Data sets whose training text is of other topics than their test text, which FED shows."""


LONG_TO_READ = {"COCO2014", "COCO2017"}
"""Data sets that take many seconds to split into words."""


def parameters(slow: Callable[[str], bool]) -> list[Any]:
    """The data sets, some of them left to the slow tests."""
    return [
        pytest.param(module, marks=[pytest.mark.slow] if slow(module.__name__) else [])
        for module in MODULES
    ]


def construct(module: type[TextDataModule], **arguments: int) -> TextDataModule:
    """The data set, on the neighbouring folder that holds its files."""
    if not issubclass(module, CorpusDataModule):
        return module(**arguments)
    folder = Path("../shared/data") / module.FOLDER.partition("-")[0]
    if module is datamodules.Text:
        folder = Path("../shared/data/coco/texygen_train.txt")
    if not folder.exists():
        pytest.skip(f"{folder} is not here")
    build: Any = module
    return cast(TextDataModule, build(data_dir=folder, **arguments))


@pytest.fixture(
    scope="module",
    params=parameters(lambda name: name in LONG_TO_READ),
    ids=lambda module: module.__name__,
)
def build(request: pytest.FixtureRequest) -> Build:
    return partial(construct, request.param)


def ready(build: Build, **arguments: int) -> TextDataModule:
    data = build(**arguments)
    data.prepare_data()
    data.setup("test")
    return data


@pytest.fixture(scope="module")
def data(build: Build) -> TextDataModule:
    return ready(build)


def loaded(data: TextDataModule, split: Split) -> Iterator[Batch]:
    loaders = {
        "train": data.train_dataloader,
        "validation": data.val_dataloader,
        "test": data.test_dataloader,
    }
    return iter(loaders[split]())


def test_sizes_are_known_at_construction(build: Build, data: TextDataModule) -> None:
    fresh = build()
    assert fresh.vocab_size == data.vocab_size == len(data.vocabulary)
    assert fresh.max_length == data.max_length
    assert data.vocabulary.tokens[PAD] == PAD_TOKEN


def test_exported_and_described(data: TextDataModule) -> None:
    assert type(data).__name__ in datamodules.__all__
    assert data.source
    assert "\n" not in data.source
    assert inspect.getdoc(type(data)) != inspect.getdoc(TextDataModule)


def test_what_is_written_is_read_back(data: TextDataModule) -> None:
    """Words in any order, as a model may write them, and the text itself."""
    words = " ".join(data.vocabulary.tokens[PAD + 1 :]).split()
    for sentence in (words[::-1], *data.sentences("test")[:500]):
        assert data.split_line(" ".join(sentence)) == sentence


@pytest.mark.parametrize("split", SPLITS)
def test_batches_are_well_formed(data: TextDataModule, split: Split) -> None:
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
def test_evaluation_batches_are_the_sentences_in_order(data: TextDataModule, split: Split) -> None:
    decoded = [
        " ".join(words)
        for batch in loaded(data, split)
        for words in data.vocabulary.decode_batch(batch)
    ]
    assert decoded == [" ".join(sentence) for sentence in data.sentences(split)]


def test_splits_share_nothing(data: InMemoryDataModule) -> None:
    if not data.DISJOINT:
        pytest.skip(f"{type(data).__name__} does not promise it, as its card says")
    texts = {split: set(map(tuple, data.sentences(split))) for split in SPLITS}
    assert texts["train"].isdisjoint(texts["validation"])
    assert texts["train"].isdisjoint(texts["test"])
    assert texts["validation"].isdisjoint(texts["test"])


def test_another_instance_reads_the_same_data(build: Build, data: TextDataModule) -> None:
    again = ready(build)
    assert again.revision == data.revision
    assert all(again.sentences(split) == data.sentences(split) for split in SPLITS[1:])


def test_text_in_the_vocabulary_is_decoded_to_itself(data: TextDataModule) -> None:
    known = set(data.vocabulary.tokens[1:]) - {UNKNOWN_TOKEN}
    for sentence in data.sentences("validation"):
        if known.issuperset(sentence):
            assert data.vocabulary.decode(data.vocabulary.encode(sentence)) == sentence


def test_training_order_follows_the_seed(data: TextDataModule) -> None:
    def first_batch(seed: int) -> list[list[int]]:
        torch.manual_seed(seed)
        ids: list[list[int]] = next(loaded(data, "train")).ids.tolist()
        return ids

    assert first_batch(0) == first_batch(0)
    assert first_batch(0) != first_batch(1)


def test_an_epoch_may_be_a_number_of_batches(build: Build) -> None:
    data = ready(build, batch_size=8, batches_per_epoch=3)
    batches = list(loaded(data, "train"))
    assert [len(batch.ids) for batch in batches] == [8, 8, 8]


@pytest.fixture(scope="module")
def anchors(data: TextDataModule) -> dict[str, list[Sentence]]:
    return data.anchors(N)


def test_anchors_are_written_in_the_vocabulary(
    data: TextDataModule, anchors: dict[str, list[Sentence]]
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
    data: TextDataModule, anchors: dict[str, list[Sentence]]
) -> None:
    train = Counter(word for sentence in data.sentences("train") for word in sentence)
    drawn = Counter(word for sentence in anchors["unigram"] for word in sentence)
    for word, count in train.most_common(20):
        expected = drawn.total() * count / train.total()
        assert abs(drawn[word] - expected) < 5 * expected**0.5


@pytest.fixture(
    scope="module",
    params=parameters(lambda name: name not in QUICK),
    ids=lambda module: module.__name__,
)
def scored(request: pytest.FixtureRequest) -> TextDataModule:
    return ready(partial(construct, request.param))


@pytest.fixture(scope="module")
def drawn(scored: TextDataModule) -> dict[str, list[Sentence]]:
    return scored.anchors(N)


@pytest.fixture(scope="module")
def scores(scored: TextDataModule, drawn: dict[str, list[Sentence]]) -> dict[str, dict[str, float]]:
    return {name: score(scored.metrics("test"), sentences) for name, sentences in drawn.items()}


def test_real_text_beats_the_other_anchors(
    scored: TextDataModule, scores: dict[str, dict[str, float]]
) -> None:
    real = scores.get("oracle") or scores["real"]
    for other in ("unigram", "uniform"):
        for key in ("reverse_lm/kn4", "lm_score/kn4"):
            assert real[key] < scores[other][key], key
        if type(scored).__name__ not in OTHER_TOPICS:
            assert real["fed/hash128"] < scores[other]["fed/hash128"]
        for key in ("bleu_f/5", "bleu_b/5", "bleu_ha/5"):
            assert real[key] > scores[other][key], key
    assert scores["unigram"]["reverse_lm/kn4"] < scores["uniform"]["reverse_lm/kn4"]
    sentences = scored.sentences("test")[:N]
    assert real["distinct_sentences"] > 0.9 * len(set(map(tuple, sentences))) / len(sentences)


def test_validation_reports_a_reverse_figure_and_the_diversity(
    scored: TextDataModule, drawn: dict[str, list[Sentence]]
) -> None:
    computed = score(scored.metrics("validation"), drawn["unigram"])
    assert {"reverse_lm/kn4", "distinct_words", "distinct_sentences", "bleu_ha/5"} <= set(computed)
    assert all(map(math.isfinite, computed.values()))


def test_no_encoder_is_fitted_on_the_text_it_judges_by(
    scored: TextDataModule, drawn: dict[str, list[Sentence]]
) -> None:
    validation, test = scored.sentences("validation"), scored.sentences("test")
    samples, fit = drawn["unigram"], HashedNGrams.fit
    cases: list[tuple[Split, FED]] = [
        ("validation", FED(validation[1::2], fit(validation[0::2]))),
        ("test", FED(test, fit(validation))),
    ]
    for split, expected in cases:
        (fed,) = [metric for metric in scored.metrics(split).values() if isinstance(metric, FED)]
        for metric in (fed, expected):
            metric.update(samples)
        assert fed.compute() == expected.compute()


def test_a_half_of_the_test_text_is_judged_by_the_other(scored: TextDataModule) -> None:
    halves = scored.halves()
    assert (halves is None) == hasattr(scored, "oracle")
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
    scored: TextDataModule, scores: dict[str, dict[str, float]]
) -> None:
    collapsed = score(scored.metrics("test"), [scored.sentences("test")[0]] * N)
    real = scores.get("oracle") or scores["real"]
    assert collapsed["lm_score/kn4"] < real["lm_score/kn4"]  # a forward figure rewards it
    assert collapsed["reverse_lm/kn4"] > scores["unigram"]["reverse_lm/kn4"]
    assert collapsed["distinct_sentences"] == pytest.approx(1 / N)
