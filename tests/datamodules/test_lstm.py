"""SeqGAN's oracle: what is read and what is refused, and the real file where it is at hand."""

import hashlib
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datamodules import LSTM, sources
from datamodules.lstm import (
    ENTROPY,
    ENTROPY_SE,
    FILE,
    LENGTH,
    SEEDS,
    SIZES,
    UNITS,
    WORDS,
    LSTMOracle,
    read_parameters,
)
from datamodules.sources import Source
from tests.datamodules.ready import ready
from tests.datamodules.test_revisions import few_sentences, made_up_arrays, write_arrays
from textgan_bench.cli.data import data
from textgan_bench.errors import UserError
from textgan_bench.tokens import TokenBatch

REAL = Path("../shared/data/lstm_oracle") / FILE


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a made-up oracle."""
    made = tmp_path_factory.mktemp("lstm")
    write_arrays(made / FILE, made_up_arrays())
    return made


@pytest.fixture(scope="module")
def real() -> LSTMOracle:
    if not REAL.exists():
        pytest.skip(f"{REAL} is not here")
    return LSTMOracle(REAL)


def test_gates_are_read_in_the_order_of_the_file(folder: Path) -> None:
    """Input, forget, output, candidate; of each the weights on input and state, and the bias."""
    arrays = made_up_arrays()
    lstm = read_parameters(folder / FILE)
    assert np.array_equal(lstm.embedding, arrays[0])
    for gate in range(4):
        columns = slice(gate * UNITS, (gate + 1) * UNITS)
        on_input, on_state, bias = arrays[1 + 3 * gate : 4 + 3 * gate]
        assert np.array_equal(lstm.inputs[:, columns], on_input)
        assert np.array_equal(lstm.recurrent[:, columns], on_state)
        assert np.array_equal(lstm.bias[columns], bias)
    assert np.array_equal(lstm.output, arrays[13])
    assert np.array_equal(lstm.output_bias, arrays[14])


def test_names_of_either_numpy_are_read(tmp_path: Path, folder: Path) -> None:
    new = (folder / FILE).read_bytes().replace(b"cnumpy.core.", b"cnumpy._core.")
    assert new != (folder / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(new)
    for ours, theirs in zip(
        read_parameters(tmp_path / FILE), read_parameters(folder / FILE), strict=True
    ):
        assert torch.equal(ours, theirs)


class Folder:
    """Would make a folder if its pickle were read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_that_asks_for_anything_else_is_refused_unread(tmp_path: Path) -> None:
    left = tmp_path / "left"
    for content, name in (
        (OrderedDict(a=1), "collections.OrderedDict"),
        ([np.array([OrderedDict(a=1)], dtype=object)], "collections.OrderedDict"),
        (Folder(left), ".mkdir"),
        (np.float32(1), "numpy._core.multiarray.scalar"),
    ):
        path = tmp_path / FILE
        path.write_bytes(pickle.dumps(content, protocol=2))
        with pytest.raises(UserError) as refused:
            read_parameters(path)
        line = str(refused.value)
        assert line.startswith(f"{path} is not the oracle of SeqGAN: it asks for ")
        assert name in line
        assert line.endswith("which no array needs")
        assert "\n" not in line
    assert not left.exists()


def one_less(arrays: list[np.ndarray]) -> list[np.ndarray]:
    return arrays[:-1]


def transposed(arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [arrays[0].T, *arrays[1:]]


def whole_numbers(arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [array.astype(np.int64) for array in arrays]


@pytest.mark.parametrize("change", [one_less, transposed, whole_numbers])
def test_other_arrays_are_refused(
    change: Callable[[list[np.ndarray]], list[np.ndarray]], tmp_path: Path
) -> None:
    write_arrays(tmp_path / FILE, change(made_up_arrays()))
    with pytest.raises(UserError, match="is not the oracle of SeqGAN: its arrays are not those of"):
        LSTM(tmp_path).load()


@pytest.mark.parametrize("content", [b"", b"\x80\x02]", b"no pickle", b"I1\n."])
def test_what_holds_no_arrays_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(UserError, match=r"\A[^\n]* is not the oracle of SeqGAN: [^\n]*\Z"):
        LSTM(tmp_path).load()


def test_a_file_that_was_cut_is_refused(tmp_path: Path, folder: Path) -> None:
    (tmp_path / FILE).write_bytes((folder / FILE).read_bytes()[:700_000])
    with pytest.raises(UserError, match="is not the oracle of SeqGAN"):
        LSTM(tmp_path).load()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"lacks {FILE}; it must hold {FILE}"):
        LSTM(tmp_path).load()


def test_splits_are_samples_of_different_seeds(folder: Path) -> None:
    assert SIZES == {"train": 10_000, "validation": 5_000, "test": 10_000}
    assert len(set(SEEDS.values()) | {0}) == 4, "the entropy was measured with seed 0"
    with few_sentences():
        corpus = LSTM(folder)
        encoded = ready(corpus).encoded
        sizes = dict(SIZES)
    for split, seed in SEEDS.items():
        ids, lengths = encoded.splits[split][:2]
        assert torch.equal(ids, corpus.oracle.sample(sizes[split], seed).ids)
        assert ids.shape == (sizes[split], LENGTH)
        assert lengths.tolist() == [LENGTH] * sizes[split]
        assert 1 <= ids.min() <= ids.max() <= WORDS
    assert corpus.vocab_size == len(encoded.vocabulary) == WORDS + 1
    first = encoded.sentences("test")[0]
    assert [int(word) + 1 for word in first] == encoded.splits["test"].ids[0].tolist()


def test_words_are_numbered_from_one(folder: Path) -> None:
    oracle = LSTMOracle(folder / FILE)
    for word in (0, WORDS + 1):
        with pytest.raises(ValueError, match=r"the oracle's words are 1\.\.5000"):
            oracle.log_prob(TokenBatch(torch.tensor([[5, word]]), torch.tensor([2])))
    # The likelihood of a word, summed over all words, after one that the oracle calls 41.
    words = torch.arange(1, WORDS + 1)
    pairs = torch.stack([torch.full_like(words, 42), words], 1)
    before = oracle.log_prob(TokenBatch(pairs[:1, :1], torch.tensor([1])))
    after = oracle.log_prob(TokenBatch(pairs, torch.full((WORDS,), 2)))
    assert (after - before).exp().sum().item() == pytest.approx(1, rel=1e-5)
    padded = TokenBatch(torch.tensor([[42, 0], [0, 0]]), torch.tensor([1, 0]))
    assert oracle.log_prob(padded).tolist() == pytest.approx([before.item(), 0])


def test_likelihood_is_that_of_the_arrays_read_one_by_one(folder: Path) -> None:
    """The equations in numpy, from the arrays of the file."""
    embedding, *gates, output, output_bias = (x.astype(np.float64) for x in made_up_arrays())

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    total, before, h, c = 0.0, 0, np.zeros(UNITS), np.zeros(UNITS)
    sentence = [17, 4_999, 0, 0, 321]
    for word in sentence:
        i, f, o, g = (
            embedding[before] @ gates[k] + h @ gates[k + 1] + gates[k + 2] for k in (0, 3, 6, 9)
        )
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        scores = h @ output + output_bias
        total += scores[word] - np.log(np.exp(scores).sum())
        before = word
    batch = TokenBatch(torch.tensor([sentence]) + 1, torch.tensor([len(sentence)]))
    assert LSTMOracle(folder / FILE).log_prob(batch).item() == pytest.approx(total, rel=1e-5)


def test_data_prepares_it_from_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``make data DATA=lstm DATA_DIR=folder``."""
    with few_sentences():
        data("lstm", data_dir=str(folder))
    out = capsys.readouterr().out
    assert out.startswith("lstm: 300 samples of the LSTM oracle of SeqGAN")
    assert "scored on 100 generated sentences" in out


def test_it_is_downloaded_and_checked(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    url = (folder / FILE).absolute().as_uri()
    right = hashlib.sha256((folder / FILE).read_bytes()).hexdigest()
    monkeypatch.setattr(LSTM, "SOURCES", {FILE: Source(url, "0" * 64)})
    with few_sentences(), pytest.raises(UserError, match="is not the published file"):
        LSTM().prepare()
    assert not (tmp_path / LSTM.FOLDER / FILE).exists()
    monkeypatch.setattr(LSTM, "SOURCES", {FILE: Source(url, right)})
    with few_sentences():
        corpus = LSTM()
        corpus.prepare()
        assert corpus.loaded.revision == LSTM(folder).load().revision
    (tmp_path / LSTM.FOLDER / FILE).write_bytes(b"")
    with pytest.raises(UserError, match="is not what was downloaded"):
        LSTM().load()


def test_the_real_file_has_the_published_checksum(real: LSTMOracle) -> None:
    assert LSTM.SOURCES[FILE].checksum == hashlib.sha256(REAL.read_bytes()).hexdigest()
    weights = torch.cat([weight.flatten() for weight in real.lstm])
    assert weights.mean().item() == pytest.approx(0, abs=0.01)  # N(0, 1), section 5.1
    assert weights.std().item() == pytest.approx(1, abs=0.01)


def test_entropy_is_that_of_fresh_samples(real: LSTMOracle) -> None:
    nll = -real.log_prob(real.sample(1_000, seed=77)) / LENGTH
    error = (nll.std() / 1_000**0.5).item()
    assert error < 0.02
    assert nll.mean().item() == pytest.approx(ENTROPY, abs=3 * error)
    measured, of_measured = real.measure(1_000)
    assert of_measured == pytest.approx(ENTROPY_SE * 20**0.5, rel=0.1)  # of 20,000 samples
    assert measured == pytest.approx(ENTROPY, abs=3 * of_measured)


@pytest.mark.slow
def test_the_stored_entropy_is_that_of_20_000_samples(real: LSTMOracle) -> None:
    assert real.measure(20_000) == pytest.approx((ENTROPY, ENTROPY_SE), abs=6e-5)
