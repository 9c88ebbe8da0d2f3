from collections import Counter
from itertools import product
from typing import Any

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from tests.trainer import fit
from textgan_bench.methods import ImportanceSampledGAN
from textgan_bench.tokens import TokenBatch, pad_sequences

VOCAB_SIZE, MAX_LENGTH = 3, 2
SENTENCES = [s for n in range(MAX_LENGTH + 1) for s in product((1, 2), repeat=n)]  # 7 of them


def small(runs: int = 1, **changes: Any) -> ImportanceSampledGAN:
    torch.manual_seed(0)
    method = ImportanceSampledGAN(VOCAB_SIZE, MAX_LENGTH, runs=runs, **changes)
    for parameter in method.parameters():  # far from uniform, so that prefixes matter
        parameter.data.mul_(4)
    return method


def stacked(batch: TokenBatch, runs: int) -> TokenBatch:
    return TokenBatch(*(torch.stack([column] * runs) for column in batch))


def test_likelihood_of_each_run_is_a_distribution_over_sentences() -> None:
    method = small(runs=2).double()
    log_p = method.generator(*stacked(pad_sequences(SENTENCES), 2))  # (R, 7)
    torch.testing.assert_close(log_p.exp().sum(1), torch.ones(2, dtype=torch.float64))
    assert not torch.allclose(log_p[0], log_p[1])


def test_samples_follow_the_likelihood() -> None:
    method, n = small(), 20_000
    ids, lengths = method.sample(n)
    counts = Counter(tuple(r[:k]) for r, k in zip(ids.tolist(), lengths.tolist(), strict=True))
    p = method.generator(*stacked(pad_sequences(SENTENCES), 1))[0].double().exp()
    expected = (n * p / p.sum()).tolist()
    assert min(expected) > 5  # or the chi-square law would not hold
    assert chisquare([counts[s] for s in SENTENCES], expected).pvalue > 1e-3


def test_the_discriminator_reads_nothing_after_the_end_symbol() -> None:
    method = ImportanceSampledGAN(4, 5)
    short, long = torch.tensor([[[1, 2, 0]]]), torch.tensor([[[1, 2, 0, 0, 0]]])
    lengths = torch.tensor([[2]])
    torch.testing.assert_close(
        method.discriminator(short, lengths), method.discriminator(long, lengths)
    )
    scores = method.discriminator(torch.tensor([[[1, 2, 0], [1, 0, 0]]]), torch.tensor([[2, 1]]))
    assert scores[0, 0] != scores[0, 1]


def test_runs_are_trained_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run beside another is the one it would be alone, given its start, samples and data."""
    pair, alone = small(runs=2), small(runs=1)
    alone.load_state_dict({k: v[:1] for k, v in pair.state_dict().items()})
    fake = pair.generator.sample(4, temperature=1.0, min_length=0)

    def replay(method: ImportanceSampledGAN) -> None:
        drawn = TokenBatch(*(column[: method.runs] for column in fake))
        monkeypatch.setattr(method.generator, "sample", lambda *args, **kwargs: drawn)

    batch = pad_sequences([[1], [1, 2], [2], [2, 2], [1], [2, 1], [], [1, 1]], MAX_LENGTH)
    for method in (pair, alone):
        replay(method)
        fit(method, [TokenBatch(*(column[: 4 * method.runs] for column in batch))])
    for name, value in alone.state_dict().items():
        torch.testing.assert_close(pair.state_dict()[name][:1], value)


def test_unique_sentences_are_learnt() -> None:
    """Equation 5 holds for a data set that lists each sentence once: here 12 out of 155."""
    torch.manual_seed(0)
    language = [s for s in product(range(1, 6), repeat=3) if sum(s) % 10 == 7]
    corpus = pad_sequences(language, 4)

    def batch() -> TokenBatch:
        return TokenBatch(*(column[torch.randperm(len(language))] for column in corpus))

    method = ImportanceSampledGAN(6, 4, hidden=16, lr=5e-3)
    fit(method, [batch() for _ in range(400)])
    torch.manual_seed(1)
    ids, lengths = method.sample(1000)
    written = [tuple(r[:k]) for r, k in zip(ids.tolist(), lengths.tolist(), strict=True)]
    right = [sentence for sentence in written if sentence in set(language)]
    assert len(right) > 500
    assert len(set(right)) > len(language) / 3


def test_forced_length_suppresses_the_end_symbol() -> None:
    method = ImportanceSampledGAN(5, 6)
    assert (method.sample(200).lengths < 6).any()
    assert (method.sample(200, min_length=6).lengths == 6).all()


def test_the_rate_falls_after_its_milestone() -> None:
    optimizers, schedulers = ImportanceSampledGAN(5, 6).configure_optimizers()
    rates: list[float] = []
    for _ in range(7):
        rates.append(optimizers[0].param_groups[0]["lr"])
        optimizers[0].step()
        schedulers[0].step()
    assert rates == pytest.approx([0.02] * 5 + [0.002] * 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"temperature": 0.0}, "0.0"), ({"min_length": 3}, "0 to 2, not 3")],
    ids=["temperature", "length"],
)
def test_impossible_settings_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small().sample(1, **arguments)


def test_a_batch_that_cannot_be_divided_is_refused() -> None:
    method: ImportanceSampledGAN = small(runs=2)
    with pytest.raises(ValueError, match="3 cannot be divided among 2"):
        method.training_step(pad_sequences([[1], [2], [1]], MAX_LENGTH), 0)


def test_the_band_holds_the_means_of_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    method, steps = small(runs=3), 4
    summed: list[float] = []  # over the runs: discriminator, generator, in turn
    descend = method.descend

    def record(loss: Tensor, *arguments: Any) -> None:
        summed.append(loss.item())
        descend(loss, *arguments)

    monkeypatch.setattr(method, "descend", record)
    batch = pad_sequences([[1], [1, 2], [2], [2, 2], [1], [2, 1]], MAX_LENGTH)
    logged = fit(method, [batch] * steps).callback_metrics
    for player, losses in (("discriminator", summed[::2]), ("generator", summed[1::2])):
        mean, low, high = (logged[f"{player}/epoch_loss{end}"] for end in ("", "_min", "_max"))
        torch.testing.assert_close(float(mean), sum(losses) / (3 * steps), rtol=1e-5, atol=0)
        assert low < mean < high
    assert not method.epoch_losses.any(), "the next epoch starts anew"
