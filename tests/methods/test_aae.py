from typing import Any

import pytest
import torch
from torch import nn

from tests.methods.test_contract import corpus
from tests.trainer import fit
from textgan_bench.methods import AAE

VOCAB_SIZE, MAX_LENGTH = 6, 4


def small(**changes: Any) -> AAE:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"embedding": 8, "hidden": 12}
    return AAE(VOCAB_SIZE, MAX_LENGTH, **{**sizes, **changes})


def test_the_prior_is_uniform_on_the_sphere() -> None:
    codes = small().generate(5000)
    torch.testing.assert_close(codes.norm(dim=1), torch.ones(5000))
    torch.testing.assert_close(codes.mean(0), torch.zeros(12), atol=0.02, rtol=0)
    torch.testing.assert_close(codes.T.cov(), torch.eye(12) / 12, atol=0.01, rtol=0)


@pytest.mark.parametrize(
    ("rate", "players"),
    [("autoencoder_lr", {"encoder", "decoder"}), ("critic_lr", {"critic"})],
)
def test_each_player_is_moved_by_its_own_loss_alone(rate: str, players: set[str]) -> None:
    method = small(**{"autoencoder_lr": 0.0, "critic_lr": 0.0, rate: 0.1})
    before = {name: p.detach().clone() for name, p in method.named_parameters()}
    fit(method, [corpus(8)])
    moved = {
        name.split(".")[0] for name, p in method.named_parameters() if not p.equal(before[name])
    }
    assert moved == players


def test_encoder_and_critic_pull_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The critic raises the score of the codes of sentences, which the encoder then lowers."""
    method = small(penalty=0.0)
    critic = nn.Linear(12, 1, bias=False)
    critic.weight.data.fill_(2.0)
    monkeypatch.setattr(method, "critic", critic)
    losses: list[float] = []
    monkeypatch.setattr(method, "optimizers", lambda: [None] * 2)
    monkeypatch.setattr(method, "log_losses", lambda logged: None)
    monkeypatch.setattr(method, "descend", lambda loss, *_, **__: losses.append(loss.item()))
    codes = (torch.ones(8, 12) / 12).requires_grad_()
    monkeypatch.setattr(method.encoder, "forward", lambda _: codes)
    monkeypatch.setattr(method, "generate", lambda n: torch.zeros(n, 12))
    method.training_step(corpus(8), 0)
    assert losses[1:] == pytest.approx([-2.0] * 5 + [0.1 * 2.0])


def test_critic_and_encoder_see_codes_where_the_prior_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise on the codes alone would be a difference to the prior that no encoder can remove."""
    method = small(noise=0.3)
    norms: list[torch.Tensor] = []
    method.critic.register_forward_pre_hook(lambda _, seen: norms.append(seen[0].norm(dim=1)))
    monkeypatch.setattr("textgan_bench.methods.aae.gradient_penalty", lambda *_: torch.zeros(()))
    fit(method, [corpus(8)])
    assert len(norms) == 2 * 5 + 1, "five steps on codes and prior, one of the encoder"
    for norm in norms:
        torch.testing.assert_close(norm, torch.ones(8))
