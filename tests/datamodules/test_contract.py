"""What every data module exported by ``datamodules`` keeps to."""

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

import datamodules
from textgan_bench.interfaces import Sentence, Split, TextDataModule
from textgan_bench.tokens import PAD, PAD_TOKEN, TokenBatch, padding_mask

N = 1_500  # sentences scored: enough to tell the anchors apart
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
MODULES = [
    value
    for value in vars(datamodules).values()
    if inspect.isclass(value) and issubclass(value, TextDataModule)
]
Build = Callable[..., TextDataModule]


@pytest.fixture(scope="module", params=MODULES, ids=lambda module: module.__name__)
def build(request: pytest.FixtureRequest) -> Build:
    """The constructor, with a data folder where the module reads one."""
    module = request.param
    folder = Path("../shared/data") / module.__name__.lower()
    needs_folder = "data_dir" in inspect.signature(module).parameters
    if needs_folder and not folder.is_dir():
        pytest.skip(f"{folder} is not here")

    def construct(**arguments: int) -> TextDataModule:
        if needs_folder:
            return module(data_dir=folder, **arguments)
        return module(**arguments)

    return construct


def ready(build: Build, **arguments: int) -> TextDataModule:
    data = build(**arguments)
    data.prepare_data()
    data.setup("test")
    return data


@pytest.fixture(scope="module")
def data(build: Build) -> TextDataModule:
    return ready(build)


def loaded(data: TextDataModule, split: Split) -> Iterator[TokenBatch]:
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


@pytest.mark.parametrize("split", SPLITS)
def test_batches_are_well_formed(data: TextDataModule, split: Split) -> None:
    batches = list(loaded(data, split))
    for batch in batches:
        assert isinstance(batch, TokenBatch)
        assert batch.ids.dtype == batch.lengths.dtype == torch.int64
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
    assert len(decoded) == 5_000  # what every published score is computed on


def test_splits_share_nothing(data: TextDataModule) -> None:
    texts = {split: set(map(tuple, data.sentences(split))) for split in SPLITS}
    assert texts["train"].isdisjoint(texts["validation"])
    assert texts["train"].isdisjoint(texts["test"])
    assert texts["validation"].isdisjoint(texts["test"])


def test_another_instance_reads_the_same_data(build: Build, data: TextDataModule) -> None:
    again = ready(build)
    assert again.revision == data.revision
    assert all(again.sentences(split) == data.sentences(split) for split in SPLITS[1:])


def test_training_order_follows_the_seed(data: TextDataModule) -> None:
    def first_batch(seed: int) -> list[list[int]]:
        torch.manual_seed(seed)
        ids: list[list[int]] = next(loaded(data, "train")).ids.tolist()
        return ids

    assert first_batch(0) == first_batch(0)
    assert first_batch(0) != first_batch(1)


def test_an_epoch_may_be_a_number_of_batches(build: Build) -> None:
    data = ready(build, batch_size=7, batches_per_epoch=3)
    batches = list(loaded(data, "train"))
    assert [len(batch.ids) for batch in batches] == [7, 7, 7]


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


@pytest.fixture(scope="module")
def scores(data: TextDataModule, anchors: dict[str, list[Sentence]]) -> dict[str, dict[str, float]]:
    metrics = data.metrics("test")
    results = {}
    for name, sentences in anchors.items():
        metrics.reset()
        metrics.update(samples=sentences)
        results[name] = {key: float(value) for key, value in metrics.compute().items()}
    return results


def test_real_text_beats_the_other_anchors(scores: dict[str, dict[str, float]]) -> None:
    real = scores.get("oracle") or scores["real"]
    for other in ("unigram", "uniform"):
        for key in ("reverse_lm/kn4", "lm_score/kn4", "fed/hash128"):
            assert real[key] < scores[other][key], key
        for key in ("bleu_f/5", "bleu_b/5", "bleu_ha/5"):
            assert real[key] > scores[other][key], key
    assert scores["unigram"]["reverse_lm/kn4"] < scores["uniform"]["reverse_lm/kn4"]
    assert real["distinct_sentences"] > 0.95


def test_validation_reports_a_reverse_figure_and_the_diversity(
    data: TextDataModule, anchors: dict[str, list[Sentence]]
) -> None:
    metrics = data.metrics("validation")
    metrics.update(samples=anchors["unigram"])
    computed = metrics.compute()
    assert {"reverse_lm/kn4", "distinct_words", "distinct_sentences", "bleu_ha/5"} <= set(computed)
    assert all(torch.as_tensor(value).isfinite() for value in computed.values())
    metrics.reset()


def test_a_collapsed_sampler_is_given_away(
    data: TextDataModule, scores: dict[str, dict[str, float]]
) -> None:
    metrics = data.metrics("test")
    metrics.update(samples=[data.sentences("test")[0]] * N)
    collapsed = {key: float(value) for key, value in metrics.compute().items()}
    metrics.reset()
    real = scores.get("oracle") or scores["real"]
    assert collapsed["lm_score/kn4"] < real["lm_score/kn4"]  # a forward figure rewards it
    assert collapsed["reverse_lm/kn4"] > scores["unigram"]["reverse_lm/kn4"]
    assert collapsed["distinct_sentences"] == pytest.approx(1 / N)
