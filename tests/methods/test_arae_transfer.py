from typing import cast

import pytest
import torch
from torch.nn import functional as F

from tests.methods.test_contract import fit
from textgan_bench.methods import ARAETransfer
from textgan_bench.networks.sentence_codes import Decoder
from textgan_bench.tokens import LabelledBatch, TokenBatch, pad_sequences

VOCAB_SIZE, MAX_LENGTH = 8, 4
STYLED, CONTENT = (1, 2), (3, 4, 5, 6)


def small(**changes: float) -> ARAETransfer:
    torch.manual_seed(0)
    sizes = {"embedding": 16, "hidden": 32, "latent_dim": 8}
    return ARAETransfer(VOCAB_SIZE, MAX_LENGTH, **{**sizes, **changes})  # type: ignore[arg-type]


def corpus(n: int) -> LabelledBatch:
    """A word that tells the style, and two that do not."""
    labels = torch.randint(2, (n,))
    content = torch.tensor(CONTENT)[torch.randint(len(CONTENT), (n, 2))]
    ids = torch.cat([torch.tensor(STYLED)[labels][:, None], content, torch.zeros(n, 1).long()], 1)
    return LabelledBatch(ids, torch.full((n,), 3), labels)


@pytest.mark.slow
def test_the_style_is_changed_and_the_content_kept() -> None:
    # At the weight of the code, 1, content is lost from some first weights.
    method = small(classifier_weight=0.3, classifier_lr=3e-3)
    fit(method, [corpus(64) for _ in range(1000)])
    method.eval()
    batch = corpus(500)
    ids, lengths = method.transfer(batch)
    other = torch.tensor(STYLED)[1 - batch.labels]
    assert (ids[:, 0] == other).float().mean() > 0.95
    assert (ids[:, 1:3] == batch.ids[:, 1:3]).float().mean() > 0.5, "a quarter is chance"
    assert (lengths == 3).float().mean() > 0.9


def test_each_sentence_is_written_by_the_decoder_of_the_other_style() -> None:
    method = small().eval()
    for style, word in enumerate(STYLED):
        always = torch.nn.Linear(32, VOCAB_SIZE)
        always.bias.data.copy_(100 * F.one_hot(torch.tensor(word), VOCAB_SIZE))
        method.decoders[style].output = always
    ids, lengths = method.transfer(LabelledBatch(*pad_sequences([[3], [4]]), torch.tensor([0, 1])))
    assert ids.tolist() == [[2] * 4, [1] * 4]
    assert lengths.tolist() == [4, 4]


def test_a_sentence_costs_what_its_own_decoder_says() -> None:
    method = small()
    tokens = pad_sequences([[1, 3], [2, 4, 5]], MAX_LENGTH)
    codes = torch.randn(2, 32)
    both = method.reconstruction(codes, LabelledBatch(*tokens, torch.tensor([1, 0])))
    words = [TokenBatch(*(column[[row]] for column in tokens)) for row in range(2)]
    second, first = (
        cast(Decoder, decoder)(codes[[row]], words[row])
        for decoder, row in zip(method.decoders, (1, 0), strict=True)
    )
    torch.testing.assert_close(both, (first.sum() + second.sum()) / 5)


@pytest.mark.parametrize(
    ("rate", "players"),
    [
        ("autoencoder_lr", {"encoder", "decoders"}),
        ("generator_lr", {"generator"}),
        ("critic_lr", {"critic"}),
        ("classifier_lr", {"classifier"}),
    ],
)
def test_each_player_is_moved_by_its_own_loss_alone(rate: str, players: set[str]) -> None:
    rates = ("autoencoder_lr", "generator_lr", "critic_lr", "classifier_lr")
    method = small(**{**dict.fromkeys(rates, 0.0), rate: 0.1})
    before = {name: p.detach().clone() for name, p in method.named_parameters()}
    fit(method, [corpus(8)])
    moved = {
        name.split(".")[0] for name, p in method.named_parameters() if not p.equal(before[name])
    }
    assert moved == players


def test_the_encoder_hides_what_the_classifier_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    method = small(encoder_weight=0.0, classifier_weight=2.0)
    losses: list[float] = []
    monkeypatch.setattr(method, "optimizers", lambda: [None] * 4)
    monkeypatch.setattr(method, "log_losses", lambda logged: None)
    monkeypatch.setattr(method, "descend", lambda loss, *_, **__: losses.append(loss.item()))
    odds = torch.tensor([[3.0], [-1.0]])
    monkeypatch.setattr(method.classifier, "forward", lambda codes: odds)
    batch = LabelledBatch(*pad_sequences([[1], [2]], MAX_LENGTH), torch.tensor([1, 0]))
    method.training_step(batch, 0)
    right, wrong = (-(sign * torch.tensor([3.0, 1.0])).sigmoid().log().mean() for sign in (1, -1))
    assert losses[1] == pytest.approx(right.item())
    assert losses[-2] == pytest.approx(2 * wrong.item())
