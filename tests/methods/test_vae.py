"""The bound that a VAE maximises, beside torch's distributions and beside what it bounds."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from tests.trainer import fit
from textgan_bench.methods import VAE
from textgan_bench.networks.sentence_codes import Decoder
from textgan_bench.tokens import TokenBatch, pad_sequences

VOCAB_SIZE, MAX_LENGTH = 6, 4


def small(**changes: Any) -> VAE:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"embedding": 8, "hidden": 12, "latent_dim": 2}
    method = VAE(
        VOCAB_SIZE, MAX_LENGTH, **{**sizes, "word_dropout": 0.0, "annealing": 10, **changes}
    )
    method.posterior.weight.data.mul_(20)  # sentences far apart
    return method.double()


def sentences() -> TokenBatch:
    return TokenBatch(*pad_sequences([[1, 2], [3], [4, 5, 1]], MAX_LENGTH))


def test_the_loss_is_the_bound_of_torch_distributions(monkeypatch: pytest.MonkeyPatch) -> None:
    method, batch = small(), sentences()
    losses: list[Tensor] = []
    monkeypatch.setattr(method, "optimizers", lambda: None)
    monkeypatch.setattr(method, "log_losses", lambda logged: None)
    monkeypatch.setattr(method, "descend", lambda loss, *_, **__: losses.append(loss))
    for step in range(3):
        torch.manual_seed(1)
        method.training_step(batch, step)
        mean, log_variance = method.moments(batch)
        posterior = Normal(mean, (log_variance / 2).exp())
        torch.manual_seed(1)
        nll = method.decoder(posterior.rsample(), batch).sum()
        divergence = kl_divergence(posterior, Normal(0.0, 1.0)).sum()
        beta = 1 / (1 + math.exp(6 - 12 * step / 10))
        assert losses[-1].item() == pytest.approx(float(nll + beta * divergence) / 6, rel=1e-5)


def test_the_weight_rises_from_nothing_to_one() -> None:
    method = small(annealing=4)
    found = []
    for updates in (0, 2, 4, 400):
        method.updates.fill_(updates)
        found.append(float(method.beta()))
    assert found == pytest.approx([0.00247, 0.5, 0.99753, 1.0], abs=1e-4)


@torch.no_grad()
def test_the_bound_is_below_the_likelihood_on_a_grid() -> None:
    """log p(x) = log of the integral of p(x | z) N(z; 0, I) over two latents, by the midpoints."""
    method, batch = small().eval(), sentences()
    axis = torch.arange(-6, 6, 0.1, dtype=torch.float64) + 0.05
    z = torch.cartesian_prod(axis, axis)  # (G, 2)
    prior = Normal(0.0, 1.0).log_prob(z).sum(1) + 2 * math.log(0.1)
    mean, log_variance = method.moments(batch)
    for row in range(3):
        one = TokenBatch(batch.ids[row : row + 1], batch.lengths[row : row + 1])
        many = TokenBatch(one.ids.expand(len(z), -1), one.lengths.expand(len(z)))
        log_p = -method.decoder(z, many).sum(1)  # (G,)
        likelihood = (log_p + prior).logsumexp(0)
        posterior = Normal(mean[row], (log_variance[row] / 2).exp())
        weight = (posterior.log_prob(z).sum(1) + 2 * math.log(0.1)).exp()
        divergence = kl_divergence(posterior, Normal(0.0, 1.0)).sum()
        bound = (weight * log_p).sum() - divergence
        assert float(weight.sum()) == pytest.approx(1, abs=1e-3)
        assert float(bound) < float(likelihood)


def test_words_are_dropped_in_training_alone() -> None:
    torch.manual_seed(0)
    decoder = Decoder(VOCAB_SIZE, MAX_LENGTH, 8, 12, code=2, word_dropout=0.5)
    codes, batch = torch.randn(1, 2), TokenBatch(*pad_sequences([[1, 2, 3, 4]]))
    with torch.no_grad():
        shown = [decoder(codes, batch) for _ in range(200)]
        whole = [decoder.eval()(codes, batch) for _ in range(2)]
    assert whole[0].equal(whole[1])
    assert len({tuple(nll[0].tolist()) for nll in shown}) == 2**4, "of four symbols that are read"
    first = torch.stack([nll[0, 0] for nll in shown])
    assert first.unique().numel() == 2, "before the first word one symbol is read, or zeros"


@pytest.mark.slow
def test_without_annealing_and_dropout_the_latent_is_ignored() -> None:
    """Bowman et al., figure 2: the divergence of a plain VAE falls to nothing."""
    torch.manual_seed(0)
    batches = []
    for _ in range(400):
        lengths = torch.full((64,), 3)
        ids = torch.randint(1, VOCAB_SIZE, (64, MAX_LENGTH)) * (torch.arange(MAX_LENGTH) < 3)
        batches.append(TokenBatch(ids, lengths))
    kl = {}
    kinds: dict[str, dict[str, Any]] = {
        "plain": {"annealing": 1},
        "annealed": {"annealing": 800, "word_dropout": 0.5},
    }
    for name, changes in kinds.items():
        torch.manual_seed(0)
        method = VAE(
            VOCAB_SIZE, MAX_LENGTH, embedding=16, hidden=32, latent_dim=8, lr=1e-2, **changes
        )
        fit(method, batches)
        mean, log_variance = method.moments(batches[0])
        posterior = Normal(mean, (log_variance / 2).exp())
        kl[name] = float(kl_divergence(posterior, Normal(0.0, 1.0)).sum(1).mean())
    assert kl["plain"] < 0.05
    assert kl["annealed"] > 1
