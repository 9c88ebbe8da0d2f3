from collections.abc import Callable, Iterable
from typing import cast
from unittest.mock import Mock

import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Tensor
from torch.func import functional_call

from textgan_bench.kernels.dropout import NO_DROPOUT, Dropout
from textgan_bench.methods.nagan.ablations import (
    AutoregressiveTransformer,
    GeneratorKind,
    SoftAutoregressiveTransformer,
    build_generator,
)
from textgan_bench.methods.nagan.generator import LatentTransformer
from textgan_bench.methods.nagan.start import calibrate
from textgan_bench.networks.packing import Padded
from textgan_bench.networks.transformer import LatentDecoderBlock, Shape
from textgan_bench.tokens import length_mask

VOCAB_SIZE, MAX_LENGTH, DIMENSION, LATENT = 7, 4, 3, 2
SHAPE = Shape(width=4, blocks=2, heads=2, feed_forward=6)
MASK = length_mask(torch.tensor([4, 2]), MAX_LENGTH)

every_kind = pytest.mark.parametrize(
    "kind", [AutoregressiveTransformer, SoftAutoregressiveTransformer]
)


def small(kind: type[AutoregressiveTransformer]) -> AutoregressiveTransformer:
    torch.manual_seed(0)
    return kind(
        VOCAB_SIZE,
        MAX_LENGTH,
        SHAPE,
        latent_dim=LATENT,
        temperature=0.7,
        embedding_dim=DIMENSION,
        table=table,
    ).double()


def table() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(VOCAB_SIZE - 1, DIMENSION, dtype=torch.float64, generator=generator)


def latents(n: int) -> Tensor:
    torch.manual_seed(2)
    return torch.randn(n, LATENT, dtype=torch.float64)


def built(kind: GeneratorKind) -> LatentTransformer:
    """At the sizes of Table 9 and the vocabulary of Table 12."""
    return build_generator(
        kind,
        4839,
        32,
        Shape(width=128, blocks=5, heads=4, feed_forward=256),
        latent_dim=64,
        temperature=1.0,
        embedding_dim=300,
        table=table,
    )


def test_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="generator=lstm: choose one of non_autoregressive"):
        built(cast(GeneratorKind, "lstm"))


def test_the_generators_are_of_the_same_size() -> None:
    """4.2."""
    kinds: tuple[GeneratorKind, ...] = ("non_autoregressive", "autoregressive_soft")
    sizes = [sum(weights.numel() for weights in built(kind).parameters()) for kind in kinds]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.03)
    assert sizes[1] == pytest.approx(2.0e6, rel=0.03)


class Causal(Padded):
    """A word attends to itself and to those before."""

    def attend(self, attention: Callable[..., Tensor], *states: Tensor) -> Tensor:
        padded = [x.expand(*self.mask.shape, -1) if x.dim() == 3 else self.pad(x) for x in states]
        return self.rows(attention(None, *padded, causal=True, others=False))


@every_kind
def test_it_is_the_decoder_under_a_causal_mask(kind: type[AutoregressiveTransformer]) -> None:
    """Word by word as all at once, when what was written is known."""
    generator, z, words = small(kind), latents(2), table()
    everywhere = torch.ones(2, MAX_LENGTH, dtype=torch.bool)
    torch.manual_seed(3)
    scores = generator(z, everywhere, 0.0, training=False).view(2, MAX_LENGTH, -1)
    read = F.pad(words[scores.argmax(-1)][:, :-1], (0, 0, 1, 0))  # (B, T, E)
    inputs = torch.cat([read, z[:, None].expand(-1, MAX_LENGTH, -1)], -1)
    states = generator.latents(SHAPE.width**0.5 * inputs) + generator.positions
    words_so_far = Causal(everywhere)
    hidden = states = words_so_far.rows(states)
    for block in cast("Iterable[LatentDecoderBlock]", generator.blocks):
        hidden = block(hidden, states, generator.positions, words_so_far, NO_DROPOUT)
    hidden = words_so_far.pad(hidden)
    torch.manual_seed(3)
    noise = torch.zeros_like(scores)
    if generator.noisy:
        uniform = [torch.rand(2, VOCAB_SIZE - 1, dtype=torch.float64) for _ in range(MAX_LENGTH)]
        noise = -(-torch.stack(uniform, 1).log()).log()
    torch.testing.assert_close(scores, generator.scores(hidden) + noise, rtol=0, atol=1e-12)


@every_kind
def test_only_the_words_of_the_mask_are_returned(kind: type[AutoregressiveTransformer]) -> None:
    generator, z = small(kind), latents(2)
    torch.manual_seed(3)
    every = generator(z, torch.ones_like(MASK), 0.0, training=True)
    torch.manual_seed(3)
    some = generator(z, MASK, 0.0, training=True)
    assert torch.equal(some, every.view(2, MAX_LENGTH, -1)[MASK])


def test_soft_words_have_the_gradient_of_finite_differences() -> None:
    """Through all words read on the way, in the latents and in the layer that reads."""
    generator = small(SoftAutoregressiveTransformer)

    def scores(z: Tensor, weight: Tensor) -> Tensor:
        return functional_call(generator, {"latents.weight": weight}, (z, MASK, 0.0, True))

    weight = generator.latents.weight.detach().clone().requires_grad_()
    z = latents(2).requires_grad_()
    assert torch.autograd.gradcheck(scores, (z, weight))
    (first,) = torch.autograd.grad(scores(z, weight)[3].square().sum(), weight)
    assert first[:, :DIMENSION].abs().max() > 1e-6, "what is read takes part"


class WrittenOut(AutoregressiveTransformer):
    """Eq. 22-24 as they stand."""

    def relax(self, scores: Tensor, table: Tensor) -> Tensor:
        hard = F.one_hot(scores.argmax(-1), VOCAB_SIZE - 1).double()
        soft = torch.softmax(scores / self.temperature, -1)
        return ((hard - soft).detach() + soft) @ table


def test_drawn_words_have_the_straight_through_gradient() -> None:
    gradients = []
    for kind in (AutoregressiveTransformer, WrittenOut):
        generator, words = small(kind), table()
        torch.manual_seed(3)
        scores = generator(latents(2), MASK, 0.0, training=True)
        fake = generator.relax(scores, words)  # (N, E)
        fake.square().sum().backward()
        gradients.append({name: p.grad for name, p in generator.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], msg=name)


def test_words_are_drawn_from_the_softmax_at_inference_too() -> None:
    """Eq. 29; the soft generator has the same scores, and no noise."""
    z, mask = latents(1).expand(5000, -1), torch.ones(5000, 1, dtype=torch.bool)
    scores = small(SoftAutoregressiveTransformer)(z[:1], mask[:1], 0.0, training=False)
    drawn = small(AutoregressiveTransformer)(z, mask, 0.0, training=False).argmax(-1)
    counts = torch.bincount(drawn, minlength=VOCAB_SIZE - 1)
    expected = 5000 * torch.softmax(scores[0], -1).detach()
    assert stats.chisquare(counts.numpy(), expected.numpy()).pvalue > 1e-3


@every_kind
def test_first_words_have_about_the_frequencies_of_the_text(
    kind: type[AutoregressiveTransformer], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = torch.tensor([100.0, 50, 20, 10, 5, 0])
    generator = small(kind)
    calibrate(generator, counts, MASK, 0.1, score_std=6.0)
    monkeypatch.setattr(generator, "noisy", False)
    scores = generator(latents(200), torch.ones(200, 4, dtype=torch.bool), 0.0, True)
    law = counts / counts.sum()
    mean = torch.softmax(scores, -1).mean(0)
    assert (mean - law).abs().sum() < 0.5 * (law - 1 / 6).abs().sum()
    assert mean.min() > 0


@every_kind
def test_what_is_added_to_the_state_is_dropped(
    kind: type[AutoregressiveTransformer], monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped = Mock(side_effect=lambda self, x: torch.ones_like(x))
    monkeypatch.setattr(Dropout, "_factors", lambda *arguments: dropped(*arguments))
    small(kind)(latents(2), MASK, 0.5, training=False)
    sums = 1 + (4 + 3) * SHAPE.blocks  # three attentions drop probabilities
    assert [call.args[0].rate for call in dropped.call_args_list] == [0.5] * MAX_LENGTH * sums
