from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from textgan_bench.methods import GumbelSoftmaxGAN
from textgan_bench.methods.gumbel import gumbel_softmax, softened
from textgan_bench.tokens import PAD, TokenBatch

VOCAB_SIZE, MAX_LENGTH = 6, 5


def small(**changes: Any) -> GumbelSoftmaxGAN:
    torch.manual_seed(0)
    return GumbelSoftmaxGAN(VOCAB_SIZE, MAX_LENGTH, **{"hidden": 8, **changes})


def test_softened_symbols_have_the_stated_probability() -> None:
    p = softened(torch.tensor([[3, 0]]), VOCAB_SIZE, 0.9).softmax(-1)
    expected = torch.full((1, 2, VOCAB_SIZE), 0.02)
    expected[0, 0, 3] = expected[0, 1, 0] = 0.9
    torch.testing.assert_close(p, expected)


@pytest.mark.parametrize("temperature", [0.5, 5.0])
def test_the_largest_entry_is_drawn_from_the_softmax_at_any_temperature(temperature: float) -> None:
    torch.manual_seed(0)
    scores = torch.tensor([0.3, -1.0, 1.2, 0.0])
    y = gumbel_softmax(scores.expand(20_000, -1), temperature)
    torch.testing.assert_close(y.sum(-1), torch.ones(20_000))
    counts = torch.bincount(y.argmax(-1), minlength=4)
    expected = scores.double().softmax(-1) * 20_000
    assert stats.chisquare(counts.numpy(), expected.numpy()).pvalue > 1e-3


def test_relaxed_symbols_tend_to_corners_and_to_the_centre() -> None:
    scores = torch.randn(500, 4)
    assert gumbel_softmax(scores, 0.01).amax(-1).mean() > 0.98
    torch.testing.assert_close(
        gumbel_softmax(scores, 1e4), torch.full((500, 4), 0.25), rtol=0, atol=0.01
    )


def test_the_temperature_is_linear_over_half_of_the_training_and_then_one() -> None:
    method = GumbelSoftmaxGAN(VOCAB_SIZE, MAX_LENGTH)
    for updates, temperature in ((0, 5.0), (5_000, 3.0), (10_000, 1.0), (15_000, 1.0)):
        method.updates.fill_(updates)
        assert method.relaxation() == temperature


def losses(
    method: GumbelSoftmaxGAN, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[Tensor, nn.Module]]:
    recorded = []
    monkeypatch.setattr(method, "optimizers", lambda: [method.generator, method.discriminator])
    monkeypatch.setattr(method, "descend", lambda loss, player: recorded.append((loss, player)))
    monkeypatch.setattr(method, "log_losses", lambda logged: None)
    method.training_step(
        TokenBatch(torch.randint(VOCAB_SIZE, (4, MAX_LENGTH)), torch.tensor([5] * 4)), 0
    )
    return recorded


def test_the_generator_minimises_the_log_odds(monkeypatch: pytest.MonkeyPatch) -> None:
    """-log(D / (1 - D)) of algorithm 1, from the probabilities."""
    method = small()
    method.discriminator.score.weight.data.zero_()
    method.discriminator.score.bias.data.fill_(0.8)
    (discriminator_loss, first), (generator_loss, second) = losses(method, monkeypatch)
    assert (first, second) == (method.discriminator, method.generator)
    d = torch.tensor(0.8).sigmoid()
    torch.testing.assert_close(generator_loss, -(d / (1 - d)).log())
    torch.testing.assert_close(discriminator_loss, -d.log() - (1 - d).log())


def calls(method: GumbelSoftmaxGAN, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    made = []
    write = method.generator.forward

    def recorded(n: int, temperature: float, sharpness: float = 1.0) -> Tensor:
        made.append((n, temperature))
        return write(n, temperature, sharpness)

    monkeypatch.setattr(method.generator, "forward", recorded)
    losses(method, monkeypatch)
    return made


@pytest.mark.parametrize(
    ("variant", "call"),
    [
        ({}, (4, 5.0)),
        ({"samples": 1000}, (1000, 5.0)),
        ({"anneal_generator": False}, (4, 1.0)),
        ({"learnt_cell": True}, (4, 5.0)),
    ],
    ids=["a", "b", "c", "d"],
)
def test_variants(
    variant: dict[str, object], call: tuple[int, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    method = small(**variant)
    assert calls(method, monkeypatch) == [call]
    names = [name for name, _ in method.generator.named_parameters()]
    assert ("cell" in names) == ("learnt_cell" in variant)


def test_gradients_pass_through_every_symbol(monkeypatch: pytest.MonkeyPatch) -> None:
    method = small(learnt_cell=True)
    _, (loss, _) = losses(method, monkeypatch)
    gradients = torch.autograd.grad(loss, list(method.generator.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_a_sample_ends_at_its_first_padding_and_keeps_what_was_written_behind_it() -> None:
    torch.manual_seed(1)
    ids, lengths = small().sample(200)
    assert any(PAD in row and any(row[row.index(PAD) :]) for row in ids.tolist())
    for row, length in zip(ids.tolist(), lengths.tolist(), strict=True):
        assert length == (row.index(PAD) if PAD in row else MAX_LENGTH)
