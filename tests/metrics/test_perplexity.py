"""Perplexities against kenlm, asked as ARAE's program asks it, and against a known entropy."""

import math
import random
import warnings
from collections.abc import Iterator
from pathlib import Path

import kenlm
import pytest
import torch

from textgan_bench.functional.kneser_ney import estimate, write_arpa
from textgan_bench.metrics import Perplexity, ReversePerplexity, rnn_lm
from textgan_bench.metrics.language_models import RNN, KneserNey
from textgan_bench.tokens import Vocabulary

ANIMALS = Path(__file__).parents[1] / "golden/animals.txt"
TEXT = [line.split() for line in ANIMALS.read_text(encoding="utf-8").splitlines()]
VOCABULARY = Vocabulary(("<pad>", *sorted({word for words in TEXT for word in words})))
Text = list[list[str]]


@pytest.fixture
def quiet() -> Iterator[None]:
    with warnings.catch_warnings(action="ignore"):
        yield


def scores(metric: Perplexity | ReversePerplexity, samples: Text) -> dict[str, float]:
    metric.update(samples)
    return {key: float(value) for key, value in metric.compute().items()}


@pytest.mark.usefixtures("quiet")
def test_kn5_equals_kenlm_without_end_marks(tmp_path: Path) -> None:
    train, samples = TEXT[:250], [*TEXT[250:], ["an", "unheard", "word"], []]
    model = estimate(train, VOCABULARY.tokens[1:], order=5)
    write_arpa(model, tmp_path / "model.arpa")
    oracle = kenlm.Model(str(tmp_path / "model.arpa"))
    log10_prob = sum(oracle.score(" ".join(words), bos=True, eos=False) for words in samples)
    expected = 10 ** (-log10_prob / sum(map(len, samples)))
    forward = scores(Perplexity(train, VOCABULARY), samples)
    assert forward["perplexity/kn5"] == pytest.approx(expected, rel=1e-5)
    reverse = scores(ReversePerplexity(samples, VOCABULARY), train)
    assert reverse["reverse_perplexity/kn5"] == pytest.approx(expected, rel=1e-5)


def test_collapse_lowers_the_forward_figure_and_raises_the_reverse() -> None:
    real, references, train = TEXT[:100], TEXT[100:200], TEXT[200:]
    collapsed = [train[0]] * 100
    forward, reverse = Perplexity(train, VOCABULARY), ReversePerplexity(references, VOCABULARY)
    with warnings.catch_warnings(action="ignore"):
        honest = scores(forward, real) | scores(reverse, real)
    forward.reset()
    reverse.reset()
    with pytest.warns(UserWarning, match="too small or too uniform"):
        fake = scores(forward, collapsed) | scores(reverse, collapsed)
    assert fake["perplexity/kn5"] < honest["perplexity/kn5"]
    assert fake["reverse_perplexity/kn5"] > 2 * honest["reverse_perplexity/kn5"]
    assert fake["reverse_perplexity_fallback/kn5"] == 5


def coins(n: int, seed: int) -> Text:
    """Sentences of a and b, each symbol ended with a probability of .2 or followed by another."""
    generator = random.Random(seed)
    sentences = []
    for _ in range(n):
        words = []
        while generator.random() > 0.2:
            words.append("a" if generator.random() < 0.9 else "b")
        sentences.append(words)
    return sentences


def test_rnn_learns_the_entropy_of_a_known_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """End marks counted: each event is an end (.2), an a (.72) or a b (.08)."""
    monkeypatch.setattr(rnn_lm, "EPOCHS", 8)
    samples, references = coins(500, seed=0), coins(500, seed=1)
    probabilities = {"a": 0.8 * 0.9, "b": 0.8 * 0.1}
    nll = -sum(
        math.log(0.2) + sum(math.log(probabilities[word]) for word in words) for words in references
    )
    expected = math.exp(nll / sum(len(words) + 1 for words in references))
    state = torch.get_rng_state()
    with torch.inference_mode():  # as in a validation of Lightning
        value = scores(ReversePerplexity(references, estimator=RNN()), samples)
    assert value == {"reverse_perplexity/rnn": pytest.approx(expected, rel=0.05)}
    assert torch.equal(state, torch.get_rng_state())


def test_rnn_counts_every_word_and_end_mark() -> None:
    torch.manual_seed(0)
    model = rnn_lm.LSTMLanguageModel(vocab_size=4)
    sentences = [[1, 2, 3], [], [3]]
    expected = 0.0
    model.eval()
    with torch.no_grad():
        for words in sentences:
            hidden, _ = model.lstm(model.embedding(torch.tensor([[0, *words]])))
            log_prob = model.output(hidden[0]).log_softmax(-1)
            expected -= float(log_prob[range(len(words) + 1), [*words, 0]].sum())
    nll, count = rnn_lm.total_nll(model, sentences)
    assert nll == pytest.approx(expected, rel=1e-5)
    assert count == 7


def test_the_seed_decides_the_rnn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rnn_lm, "EPOCHS", 1)
    samples = coins(70, seed=0)
    values: list[float] = []
    for seed in (0, 0, 1):
        torch.manual_seed(len(values))
        values.append(scores(Perplexity(samples, estimator=RNN(seed)), samples)["perplexity/rnn"])
    assert values[0] == values[1] != values[2]


@pytest.mark.usefixtures("quiet")
def test_nothing_written() -> None:
    assert scores(Perplexity(TEXT, estimator=KneserNey(2)), [[], []])["perplexity/kn2"] == math.inf
    reverse = scores(ReversePerplexity(TEXT[:5], estimator=KneserNey(2)), [[], []])
    assert math.isfinite(reverse["reverse_perplexity/kn2"])
    with pytest.raises(ValueError, match="at least one word"):
        ReversePerplexity([[]])
    with pytest.raises(ValueError, match="at least one sentence to be trained on"):
        rnn_lm.fit([], 3, seed=0)
