from typing import Any

import pytest
import torch
from torch import nn

from tests.methods.test_contract import corpus
from tests.trainer import fit
from textgan_bench.methods import ARAE

VOCAB_SIZE, MAX_LENGTH = 6, 4


def small(**changes: Any) -> ARAE:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"embedding": 8, "hidden": 12, "latent_dim": 4}
    return ARAE(VOCAB_SIZE, MAX_LENGTH, **{**sizes, **changes})


def test_each_player_is_moved_by_its_own_loss_alone() -> None:
    still = {"autoencoder_lr": 0.0, "generator_lr": 0.0, "critic_lr": 0.0}
    players = {
        "autoencoder_lr": ("encoder", "decoder"),
        "generator_lr": ("generator",),
        "critic_lr": ("critic",),
    }
    for rate, names in players.items():
        method = small(**{**still, rate: 0.1})
        before = {name: p.detach().clone() for name, p in method.named_parameters()}
        fit(method, [corpus(8)])
        moved = {
            name.split(".")[0] for name, p in method.named_parameters() if not p.equal(before[name])
        }
        assert moved == set(names)


def test_encoder_and_critic_pull_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The critic raises the score of real codes that the encoder then lowers."""
    method = small(penalty=0.0)
    critic = nn.Linear(12, 1, bias=False)
    critic.weight.data.fill_(2.0)
    monkeypatch.setattr(method, "critic", critic)
    losses: list[float] = []
    batch = corpus(8)

    monkeypatch.setattr(method, "optimizers", lambda: [None] * 3)
    monkeypatch.setattr(method, "log_losses", lambda logged: None)
    monkeypatch.setattr(method, "descend", lambda loss, *_, **__: losses.append(loss.item()))
    codes, fakes = (torch.ones(8, 12) / 12).requires_grad_(), torch.zeros(8, 12)
    monkeypatch.setattr(method.encoder, "forward", lambda _: codes)
    monkeypatch.setattr(method, "generate", lambda n: fakes)
    monkeypatch.setattr(method.decoder, "forward", lambda *_: codes.clone().requires_grad_())
    method.training_step(batch, 0)
    assert losses[1:6] == pytest.approx([-2.0] * 5)  # the critic, f(real) - f(fake) = 2
    assert losses[6:] == pytest.approx([0.1 * 2.0, 0.0], abs=1e-6)  # encoder, generator


def test_one_pass_through_the_encoder_gives_the_gradients_of_two() -> None:
    """The critic's steps leave the encoder as it is, and their codes may serve its own step."""
    method, batch = small(), corpus(8)
    codes = method.encode(batch)
    for parameter in method.critic.parameters():
        parameter.data.add_(0.1)  # as steps of the critic do between the two
    parameters = list(method.encoder.parameters())
    kept, fresh = (
        torch.autograd.grad(method.critic(c).mean(), parameters)
        for c in (codes, method.encode(batch))
    )
    for ours, plain in zip(kept, fresh, strict=True):
        assert torch.equal(ours, plain)


def test_a_training_step_encodes_its_batch_twice() -> None:
    method = small()
    encoded: list[int] = []
    method.encoder.register_forward_hook(lambda *_: encoded.append(1))
    fit(method, [corpus(8)])
    assert len(encoded) == 2


def test_critic_and_encoder_see_codes_without_noise() -> None:
    method, batch = small(noise=0.3, autoencoder_lr=0.0), corpus(8)
    codes = method.encode(batch).detach()
    seen: list[torch.Tensor] = []
    method.critic.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    fit(method, [batch])
    assert sum(torch.equal(inputs, codes) for inputs in seen) == 5 + 1
