"""CipherGAN's losses, gradients and networks by hand, and keys that it can hold."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datamodules.keys import Key, substitution, vigenere
from tests.methods.ciphers import MAX_LENGTH as LONG
from tests.methods.ciphers import chain, paired, token_accuracy
from tests.trainer import fit
from textgan_bench.methods import CipherGAN
from textgan_bench.methods.ciphergan import (
    Block,
    Convolution,
    Discriminator,
    Normalisation,
    Past,
    Translator,
)
from textgan_bench.tokens import CipherBatch, TokenBatch, length_mask, pad_sequences

VOCAB_SIZE, MAX_LENGTH = 5, 6
TINY: dict[str, Any] = {"embedding": 3, "filters": 4, "discriminator_filters": 2, "blocks": 1}


def small(**changes: Any) -> CipherGAN:
    torch.manual_seed(0)
    return CipherGAN(VOCAB_SIZE, MAX_LENGTH, **{**TINY, **changes})


@pytest.fixture
def batch() -> CipherBatch:
    plain = pad_sequences([[1, 2, 3], [4], [2, 2, 1, 4, 3, 1]], MAX_LENGTH)
    cipher = pad_sequences([[3, 3], [1, 4, 4, 2], [2]], MAX_LENGTH)
    return CipherBatch(*plain, *cipher)


def one_hots(ids: Tensor) -> Tensor:
    return F.one_hot(ids, VOCAB_SIZE).double()


def losses_by_hand(
    method: CipherGAN, batch: CipherBatch, pasts: list[Tensor], shares: list[Tensor]
) -> dict[str, Tensor]:
    """The paper's losses on one-hots, sentence by sentence, with F, G, D and W as functions."""
    table = method.words.weight
    x, y = one_hots(batch.ids), one_hots(batch.cipher_ids)
    f: Callable[[Tensor], Tensor] = lambda p: method.to_cipher((p @ table)[None])[0]  # noqa: E731
    g: Callable[[Tensor], Tensor] = lambda p: method.to_plain((p @ table)[None])[0]  # noqa: E731
    adversarial = cycle = loss = penalty = torch.zeros(()).double()
    for own, other, there, back, judge, past, share in (
        (x, y, g, f, method.discriminators[0], pasts[0], shares[0]),
        (y, x, f, g, method.discriminators[1], pasts[1], shares[1]),
    ):
        n = len(own)
        for one, two, u in zip(own, other, share, strict=True):
            written = there(two)
            adversarial = adversarial + (judge((written @ table)[None]) - 1).square().mean() / n
            cycle = cycle + (back(written) - two).abs().sum() / (n * MAX_LENGTH)
            loss = loss + (judge((one @ table)[None]) - 1).square().mean() / (2 * n)
            point = ((1 - u) * one + u * written.detach()) @ table
            (slope,) = torch.autograd.grad(judge(point[None]).sum(), point, create_graph=True)
            penalty = penalty + (slope.square().sum().sqrt() - 1).square() / n
        for fake in past:
            loss = loss + judge((fake @ table)[None]).square().mean() / (2 * len(past))
    return {
        "generator/adversarial": adversarial,
        "generator/cycle": cycle,
        "discriminator/loss": loss,
        "discriminator/penalty": penalty,
    }


def test_each_network_descends_the_losses_of_its_own(
    batch: CipherBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W those of the discriminators and the cycle, without that of the translators alone."""
    method = small(dropout=0.0, cycle=0.7, penalty=3.0).double()
    pasts = [torch.rand(4, MAX_LENGTH, VOCAB_SIZE).double().softmax(-1) for _ in range(2)]
    for past, translations in zip(method._past(), pasts, strict=True):
        past.keep(translations)
        past.kept[0], past.count = past.kept[1], torch.tensor(5)  # the zeros are gone
    pasts = [past.translations.clone() for past in method._past()]
    shares = [torch.rand(3, 1, 1).double() for _ in range(2)]
    drawn = iter([shares[0], shares[1]])
    monkeypatch.setattr(torch, "rand", lambda *_, **__: next(drawn))
    gradients: dict[str, Tensor] = {}
    logged: dict[str, Tensor] = {}

    def descend(loss: Tensor, optimizer: Any) -> None:
        loss.backward()
        gradients.update(
            {n: p.grad.clone() for n, p in method.named_parameters() if p.grad is not None}
        )
        method.zero_grad()

    monkeypatch.setattr(method, "descend", descend)
    monkeypatch.setattr(method, "log_losses", logged.update)
    monkeypatch.setattr(method, "optimizers", lambda: torch.optim.Adam(method.parameters()))
    monkeypatch.setattr(CipherGAN, "batches_done", 0)
    method.training_step(batch, 0)

    by_hand = losses_by_hand(method, batch, pasts, shares)
    for name, loss in by_hand.items():
        torch.testing.assert_close(logged[name], loss, rtol=1e-12, atol=1e-12)
    of_cycle = 0.7 * by_hand["generator/cycle"]
    of_judges = by_hand["discriminator/loss"] + 3.0 * by_hand["discriminator/penalty"]
    own = {
        "to_": by_hand["generator/adversarial"] + of_cycle,
        "discriminators": of_judges,
        "words": of_judges + of_cycle,
    }
    assert {name.split(".")[0] for name in gradients} == {
        "to_cipher",
        "to_plain",
        "discriminators",
        "words",
    }
    for start, loss in own.items():
        named = [(n, p) for n, p in method.named_parameters() if n.startswith(start)]
        expected = torch.autograd.grad(loss, [p for _, p in named], retain_graph=True)
        for (name, _), gradient in zip(named, expected, strict=True):
            torch.testing.assert_close(gradients[name], gradient, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("part", ["adversarial", "cycle", "loss", "penalty"])
def test_slopes_are_finite_differences(part: str, batch: CipherBatch) -> None:
    """Of the discriminators' losses, which have a second derivative, too."""
    method = small(dropout=0.0).double()
    sides = method.sides(batch)
    constant = tuple(side.detach() for side in method.translate(sides))
    assert len(constant) == 2

    def value() -> Tensor:
        if part == "adversarial":
            return method.adversarial_loss(method.translate(sides))
        if part == "cycle":
            return method.cycle_loss(sides)
        torch.manual_seed(3)
        losses = method.discriminator_losses(sides, constant)
        return losses[part == "penalty"]

    network = method.discriminators if part in ("loss", "penalty") else method.to_plain
    assert isinstance(network, nn.Module)
    for weight in (next(network.parameters()), [*network.parameters()][-2], method.words.weight):
        (slope,) = torch.autograd.grad(value(), [weight])
        flat = weight.detach().view(-1)  # shares the memory of the weight
        for place in range(0, len(flat), max(1, len(flat) // 5)):
            step, old = 1e-6, float(flat[place])
            flat[place] = old + step
            high = float(value().detach())
            flat[place] = old - step
            low = float(value().detach())
            flat[place] = old
            expected = (high - low) / (2 * step)
            assert float(slope.view(-1)[place]) == pytest.approx(expected, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize(("steps", "span", "stride"), [(7, 15, 2), (8, 15, 2), (5, 3, 1)])
def test_a_convolution_is_that_of_tensorflow(steps: int, span: int, stride: int) -> None:
    """``SAME`` by its documentation: ceil(T / stride) places, the odd zero at the end."""
    torch.manual_seed(0)
    convolution = Convolution(3, 2, span, stride)
    x = torch.randn(4, steps, 3)
    out = math.ceil(steps / stride)
    missing = max((out - 1) * stride + span - steps, 0)
    padded = F.pad(x.transpose(1, 2), (missing // 2, missing - missing // 2))
    weight = convolution.weight.view(2, 3, span)
    expected = F.conv1d(padded, weight, convolution.bias, stride)
    assert expected.shape[2] == out
    torch.testing.assert_close(convolution(x), expected.transpose(1, 2))


def test_normalisation_is_group_norm_of_one_group() -> None:
    torch.manual_seed(0)
    ours, theirs = Normalisation(4), nn.GroupNorm(1, 4)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        one.data.normal_()
        other.data.copy_(one)
    x = torch.randn(3, 5, 4)
    torch.testing.assert_close(ours(x), theirs(x.transpose(1, 2)).transpose(1, 2))


def test_the_published_networks_have_the_layers_of_the_code() -> None:
    translator, judge = Translator(202, 100, 256, 32, 5), Discriminator(100, 256, 32, 0.5)
    sizes = [
        (layer.in_features // layer.span, layer.out_features, layer.span, layer.stride)
        for layer in translator.layers
        if isinstance(layer, Convolution)
    ]
    assert sizes == [(512, 32, 1, 1), (32, 64, 1, 1), (64, 128, 1, 1), (128, 202, 1, 1)]
    assert sum(isinstance(layer, Block) for layer in translator.layers) == 5
    sizes = [
        (layer.in_features // layer.span, layer.out_features, layer.span, layer.stride)
        for layer in judge.layers
        if isinstance(layer, Convolution)
    ]
    widths = [512, 32, 64, 128, 256, 512, 1024]
    down = [(a, b, 15, 2) for a, b in pairwise(widths)]
    assert sizes == [*down, (1024, 1, 15, 1)]
    assert judge(torch.randn(2, 100, 256)).shape == (2, 2)  # 100, 50, 25, 13, 7, 4, 2


def test_past_translations_are_the_latest() -> None:
    """Ten are kept; of a batch of more the first ten; the first batch finds zeros."""
    past = Past(10, 1, 1)
    assert past.translations.tolist() == [[[0.0]]]
    numbers = torch.arange(1.0, 41.0)[:, None, None]
    past.keep(numbers[:4])
    assert past.translations.flatten().tolist() == [0, 1, 2, 3, 4]
    past.keep(numbers[4:12])
    assert past.translations.flatten().tolist() == [*range(3, 13)]
    past.keep(numbers[12:])
    assert past.translations.flatten().tolist() == [*range(13, 23)]


def test_the_rate_rises_by_a_factor_to_the_warm_up(
    batch: CipherBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = small(warm_up=4, lr=1e-3)
    rates: list[float] = []
    descend = method.descend

    def seen(loss: Tensor, optimizer: Any) -> None:
        rates.append(optimizer.param_groups[0]["lr"])
        descend(loss, optimizer)

    monkeypatch.setattr(method, "descend", seen)
    fit(method, [batch] * 6)
    assert rates == pytest.approx([1e-5, 1e-5 * 10**0.5, 1e-4, 1e-4 * 10**0.5, 1e-3, 1e-3])
    again = CipherGAN(VOCAB_SIZE, MAX_LENGTH, **TINY)
    again.load_state_dict(method.state_dict())  # the past comes back, too
    for one, other in zip(method._past(), again._past(), strict=True):
        assert torch.equal(one.translations, other.translations)
        assert len(one.translations) == 1 + 3 * 6


def hold(method: CipherGAN, key: Key, wrong: int = 0) -> None:
    """Make G write the plain text of a key.

    A channel of its first layer for each symbol in each alphabet is positive where both meet, and
    negative elsewhere. From there on channels only stay. ``wrong`` plain symbols are taken for the
    one after them.
    """
    period, symbols = key.table.shape
    translator = method.to_plain
    alphabets = torch.arange(LONG) % period
    method.words.weight.data.copy_(torch.eye(symbols, method.words.embedding_dim))
    translator.places.vectors.data.copy_(torch.eye(period, method.words.embedding_dim)[alphabets])
    convolutions = [layer for layer in translator.layers if isinstance(layer, Convolution)]
    for layer in translator.modules():
        if isinstance(layer, Convolution):
            layer.weight.data.zero_()
            layer.bias.data.zero_()
        if isinstance(layer, Normalisation):
            layer.weight.data.fill_(1.0)
            layer.bias.data.zero_()
        if isinstance(layer, Block):
            layer.layers[4].weight.data.zero_()  # type: ignore[operator]
    size = method.words.embedding_dim
    for p in range(period):
        for s in range(symbols):
            convolutions[0].weight.data[p * symbols + s, [s, size + p]] = 1.0
    convolutions[0].bias.data.fill_(-1.5)  # of a symbol, an alphabet and both: -.5, -.5, .5
    # What is positive stays so: a sentence has one such channel a place, whatever it says.
    values = torch.full((period * symbols,), -1.5)
    values[:symbols] += 1
    values[::symbols] += 1
    mean, deviation = values.mean(), values.std(correction=0)
    first = translator.layers[1]
    assert isinstance(first, Normalisation)
    first.weight.data.fill_(float(deviation))
    first.bias.data.fill_(float(mean))
    for layer in convolutions[1:3]:
        layer.weight.data[: period * symbols, : period * symbols] = torch.eye(period * symbols)
    plain = key.table.argsort(1)
    for p in range(period):
        for s in range(symbols):
            symbol = int(plain[p, s])
            meant = 1 + symbol % (symbols - 1) if 0 < symbol <= wrong else symbol
            convolutions[3].weight.data[meant, p * symbols + s] = 1.0


@pytest.mark.parametrize("key", [substitution(9), vigenere((1, 3), 9)], ids=["one", "two"])
def test_the_exact_key_scores_one_and_a_key_with_errors_what_they_cost(key: Key) -> None:
    """Through the networks, the test step and the score of the tables, at all lengths."""
    period = len(key.table)
    method = CipherGAN(9, LONG, embedding=9, filters=9 * period, discriminator_filters=2).eval()
    test = paired(300, chain(8), key)
    hold(method, key)
    deciphered = method.test_step(test, 0)["samples"]
    assert torch.equal(deciphered.lengths, test.cipher_lengths)
    assert torch.equal(deciphered.ids, test.ids)
    assert token_accuracy(deciphered, test.plain) == 1.0

    hold(method, key, wrong=4)
    right = (test.ids > 4).sum(1) / test.lengths
    accuracy = token_accuracy(method.test_step(test, 0)["samples"], test.plain)
    assert accuracy == pytest.approx(float(right.mean()), abs=1e-6)
    assert 0.05 < accuracy < 0.95


def test_a_decipherment_hangs_on_its_own_sentence_alone(batch: CipherBatch) -> None:
    method = small().eval()
    together = method.test_step(batch, 0)["samples"]
    assert torch.equal(together.lengths, batch.cipher_lengths)
    assert torch.equal(together.ids != 0, length_mask(together.lengths, MAX_LENGTH))
    for row, length in enumerate(batch.cipher_lengths.tolist()):
        alone = TokenBatch(batch.cipher_ids[[row], :length], batch.cipher_lengths[[row]])
        assert torch.equal(method.decipher(alone).ids[0], together.ids[row, :length])


def test_sentences_of_other_rows_do_not_change_a_score(batch: CipherBatch) -> None:
    """Neither of a discriminator nor of a translator, in training, either."""
    method = small(dropout=0.0)
    words = method.words(batch.ids)
    for network in (*method.discriminators, method.to_plain, method.to_cipher):
        together = network(words)
        for row in range(len(words)):
            torch.testing.assert_close(network(words[[row]])[0], together[row])


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="the data have no cipher text"):
        fit(small(), [pad_sequences([[1, 2, 3]])])
    with pytest.raises(ValueError, match="learn from 1 past translation or more, not 0"):
        small(past=0)
    with pytest.raises(ValueError, match="the warm-up takes at least 1 batch, not 0"):
        small(warm_up=0)
