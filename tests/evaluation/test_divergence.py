"""Divergences by samples against those by enumeration of every sentence."""

from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torchmetrics import MetricCollection

from textgan_bench.evaluation.divergence import Divergence, divergence_of
from textgan_bench.functional.hmm import forward_log_likelihood, sample_sequences
from textgan_bench.methods import MLE
from textgan_bench.metrics import Diversity, OracleNLL
from textgan_bench.tokens import TokenBatch, Vocabulary, pad_sequences

WORDS, LENGTH = 3, 3
START = torch.tensor([0.7, 0.3], dtype=torch.float64)
TRANSITION = torch.tensor([[0.8, 0.2], [0.3, 0.7]], dtype=torch.float64)
EMISSION = torch.tensor([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7]], dtype=torch.float64)
EVERY = pad_sequences(
    [list(s) for n in range(LENGTH + 1) for s in product(range(1, WORDS + 1), repeat=n)]
)


class Model:
    """Log probabilities given the length, or of sentences of one to three words alike often."""

    entropy_se = 0.0

    def __init__(self, knows_lengths: bool) -> None:
        self.knows_lengths = knows_lengths
        whole = EVERY.lengths == LENGTH
        log_p = self.log_prob(EVERY)
        weights = log_p.exp() if knows_lengths else log_p.exp() * whole
        self.weights = weights / weights.sum()
        words = (self.weights * EVERY.lengths).sum()
        self.entropy = float(-(self.weights * log_p.where(self.weights > 0, 0.0)).sum() / words)

    def log_prob(self, batch: TokenBatch) -> Tensor:
        words = forward_log_likelihood(batch.ids - 1, batch.lengths, START, TRANSITION, EMISSION)
        return words - torch.tensor(LENGTH + 1.0).log() * self.knows_lengths


@pytest.fixture(scope="module")
def method() -> MLE:
    torch.manual_seed(0)
    method = MLE(WORDS + 1, LENGTH, embedding=4, hidden=4).double().eval()
    for weight in method.parameters():
        weight.data *= 3
    return method


@torch.no_grad()
@pytest.mark.parametrize("temperature", [0.6, 1.0])
@pytest.mark.parametrize("knows_lengths", [False, True])
def test_the_mean_over_samples_is_the_divergence_over_all_sentences(
    method: MLE, knows_lengths: bool, temperature: float
) -> None:
    oracle = Model(knows_lengths)
    log_q = method.log_prob(EVERY, temperature=temperature)
    q = log_q.exp()
    assert float(q.sum()) == pytest.approx(1, abs=1e-9)
    log_p = oracle.log_prob(EVERY)
    if not knows_lengths:  # the lengths of q, the words of p
        of_length = torch.zeros(LENGTH + 1, dtype=torch.float64).index_add_(0, EVERY.lengths, q)
        log_p = log_p + of_length.log()[EVERY.lengths]
    words = float((q * EVERY.lengths).sum())
    expected = float((q * (log_q - log_p)).sum()) / words
    forward = oracle.weights * -log_q
    cross = float(forward.sum() / (oracle.weights * EVERY.lengths).sum())

    torch.manual_seed(1)
    divergence = Divergence(oracle)
    for _ in range(4):
        samples = method.sample(5_000, temperature=temperature)
        divergence.add_samples(samples, method.log_prob(samples, temperature=temperature))
    rows = torch.multinomial(oracle.weights, 20_000, replacement=True)
    text = TokenBatch(EVERY.ids[rows], EVERY.lengths[rows])
    divergence.add_text(text, method.log_prob(text, temperature=temperature))
    found = divergence.compute()
    assert 0 < found["kl_se"] < expected / 10
    assert found["kl"] == pytest.approx(expected, abs=4 * found["kl_se"])
    assert found["model_entropy"] == pytest.approx(-float((q * log_q).sum()) / words, rel=0.03)
    assert found["kl_forward"] == pytest.approx(cross - oracle.entropy, abs=0.05)


@torch.no_grad()
def test_an_oracle_has_no_divergence_from_itself() -> None:
    oracle = Model(knows_lengths=False)
    ids = 1 + sample_sequences(500, LENGTH, START, TRANSITION, EMISSION)
    batch = TokenBatch(ids, torch.full((500,), LENGTH))
    divergence = Divergence(oracle)
    divergence.add_samples(batch, oracle.log_prob(batch))
    found = divergence.compute()
    assert found["kl"] == found["kl_se"] == 0
    assert found["model_entropy"] == pytest.approx(oracle.entropy, rel=0.1)
    assert "kl_forward" not in found


def test_empty_samples_have_no_divergence_a_word() -> None:
    divergence = Divergence(Model(knows_lengths=True))
    divergence.add_samples(pad_sequences([[], []]), torch.zeros(2))
    assert divergence.compute() == {}


def test_the_oracle_is_that_of_the_metrics() -> None:
    oracle: Any = SimpleNamespace(entropy=1.0)
    metric = OracleNLL(oracle, Vocabulary(("<pad>", "a")))
    found = divergence_of(MetricCollection([Diversity(), metric]))
    assert found is not None
    assert found.oracle is oracle
    assert divergence_of(MetricCollection([Diversity()])) is None
