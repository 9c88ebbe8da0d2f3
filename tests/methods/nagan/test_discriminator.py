from typing import cast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from textgan_bench.losses.adversarial import max_gradient_penalty
from textgan_bench.methods.nagan.ablations import (
    CNNDiscriminator,
    DilatedBlock,
    DiscriminatorKind,
    build_discriminator,
)
from textgan_bench.methods.nagan.discriminator import Discriminator
from textgan_bench.networks.packing import Packed
from textgan_bench.networks.transformer import Shape
from textgan_bench.tokens import length_mask

VOCAB_SIZE, MAX_LENGTH, DIMENSION = 7, 5, 4
LENGTHS = torch.tensor([3, 5, 1])
SHAPE = Shape(width=8, blocks=2, heads=2, feed_forward=8)

KINDS = ("transformer", "cnn", "cnn_layer_norm", "rnn")

every_kind = pytest.mark.parametrize("kind", KINDS)
every_kind_of_one_sentence = pytest.mark.parametrize("kind", [k for k in KINDS if k != "cnn"])
"""Without statistics over a batch."""


def small(kind: DiscriminatorKind) -> Discriminator:
    torch.manual_seed(0)
    network = build_discriminator(kind, VOCAB_SIZE, MAX_LENGTH, SHAPE, embedding_dim=DIMENSION)
    return network.double()


def points() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(3, MAX_LENGTH, DIMENSION, dtype=torch.float64)


def test_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=f"discriminator=lstm: choose one of {', '.join(KINDS)}"):
        small(cast(DiscriminatorKind, "lstm"))


def test_words_start_as_the_columns_of_a_linear_layer_over_one_hots() -> None:
    torch.manual_seed(0)
    table = build_discriminator("transformer", 400, 5, SHAPE, embedding_dim=64).embedding.weight
    torch.manual_seed(0)
    layer = nn.Linear(400, 64, bias=False)
    assert float(table.abs().max()) == pytest.approx(float(layer.weight.abs().max()), rel=1e-3)
    assert float(table.std()) == pytest.approx(float(layer.weight.std()), rel=0.02)


@every_kind
def test_the_penalty_is_measured_at_the_one_hots(kind: DiscriminatorKind) -> None:
    discriminator, lengths = small(kind), torch.tensor([3, 2])
    one_hots = torch.rand(2, 3, VOCAB_SIZE - 1, dtype=torch.float64).requires_grad_()
    embedded = one_hots @ discriminator.words
    with sdpa_kernel(SDPBackend.MATH):
        score = discriminator(embedded, lengths).sum()
        (slope,) = torch.autograd.grad(score, one_hots, create_graph=True)
    plain = slope.square().sum((1, 2)).max()
    ours = discriminator.penalty(one_hots.detach() @ discriminator.words, lengths)
    torch.testing.assert_close(ours, plain, rtol=1e-10, atol=0)
    names = [name for name, _ in discriminator.named_parameters()]
    gradients = (
        torch.autograd.grad(penalty, list(discriminator.parameters()), allow_unused=True)
        for penalty in (ours, plain)
    )
    for name, one, other in zip(names, *gradients, strict=True):
        one, other = (torch.zeros(()) if x is None else x for x in (one, other))
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-12, msg=name)


@every_kind_of_one_sentence
def test_a_sentence_is_scored_by_its_words_alone(kind: DiscriminatorKind) -> None:
    """Neither padding nor the other sentences of the batch change a score."""
    discriminator, embedded = small(kind), points()
    scores = discriminator(embedded, LENGTHS)
    assert scores.shape == (3,)
    for i, length in enumerate(LENGTHS.tolist()):
        alone = discriminator(embedded[i, None, :length], LENGTHS[i, None])
        torch.testing.assert_close(scores[i, None], alone, rtol=0, atol=1e-12)


@every_kind
def test_the_order_of_words_matters(kind: DiscriminatorKind) -> None:
    discriminator, embedded, length = small(kind), points()[:1], torch.tensor([5])
    turned = discriminator(embedded.flip(1), length)
    assert (discriminator(embedded, length) - turned).abs() > 1e-4


@every_kind
def test_second_derivatives_are_those_of_finite_differences(kind: DiscriminatorKind) -> None:
    discriminator, lengths = small(kind), torch.tensor([3, 2])
    embedded = points()[:2, :3].requires_grad_()
    with sdpa_kernel(SDPBackend.MATH):  # as the penalty does
        assert torch.autograd.gradgradcheck(lambda x: discriminator(x, lengths), embedded)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("cnn_layer_norm", "blocks.0.conv.weight"),
        ("cnn_layer_norm", "blocks.3.norm.weight"),
        ("cnn_layer_norm", "score.0.weight"),
        ("rnn", "gru.weight_ih_l0"),
        ("rnn", "gru.weight_hh_l0_reverse"),
        ("rnn", "score.0.weight"),
    ],
)
def test_the_penalty_moves_parameters_as_finite_differences_say(
    kind: DiscriminatorKind, name: str
) -> None:
    discriminator, embedded = small(kind), points()
    parameter = discriminator.get_parameter(name)
    product = torch.eye(DIMENSION, dtype=torch.float64)
    penalty = max_gradient_penalty(discriminator, embedded, LENGTHS, product)
    (gradient,) = torch.autograd.grad(penalty, parameter)
    index = int(gradient.abs().argmax())
    flat, values = parameter.data.view(-1), []
    for shift in (1e-6, -2e-6):
        flat[index] += shift
        values.append(max_gradient_penalty(discriminator, embedded, LENGTHS, product).item())
    slope = (values[0] - values[1]) / 2e-6
    assert gradient.flatten()[index].item() == pytest.approx(slope, rel=1e-5)


def test_a_dilated_block_adds_the_convolution_of_its_words() -> None:
    torch.manual_seed(0)
    block = DilatedBlock(nn.LayerNorm(DIMENSION), DIMENSION, 2).double()
    x, layout = points()[:1], Packed(torch.tensor([[True, True, True, True, False]]))
    normed = (x - x.mean(-1, keepdim=True)) / (
        x.var(-1, keepdim=True, unbiased=False) + 1e-5
    ).sqrt()
    rows = F.relu(normed)[0]
    expected = x[0].clone()
    for t in range(MAX_LENGTH):
        expected[t] += cast(Tensor, block.conv.bias)
        for tap, source in enumerate((t - 2, t, t + 2)):
            if 0 <= source < 4:
                expected[t] += block.conv.weight[:, :, tap] @ rows[source]
    torch.testing.assert_close(block(x, layout)[0], expected)


def test_the_convolutions_reach_21_words_to_each_side() -> None:
    """(1 + 1 + 2 + 3) * 3, by the dilations of A.4.4."""
    torch.manual_seed(0)
    discriminator = CNNDiscriminator(VOCAB_SIZE, embedding_dim=DIMENSION).double()
    hidden = embedded = torch.randn(1, 64, DIMENSION, dtype=torch.float64, requires_grad=True)
    for block in discriminator.blocks:
        hidden = block(hidden, Packed(torch.ones(1, 64, dtype=torch.bool)))
    (gradient,) = torch.autograd.grad(hidden[0, 30].sum(), embedded)
    reached = gradient[0].abs().sum(-1).nonzero().flatten()
    assert reached.tolist() == list(range(30 - 21, 30 + 22))


def test_batch_normalisation_is_by_the_words_of_real_or_of_generated_sentences() -> None:
    discriminator, real = small("cnn"), points()
    fake = 3 * points().flip(1) + 1
    scores = discriminator.scores_of_both(real, fake, LENGTHS)
    torch.testing.assert_close(scores[:3], discriminator(real, LENGTHS))
    torch.testing.assert_close(scores[3:], discriminator(fake, LENGTHS))
    padded = real.clone()
    for sentence, length in zip(padded, LENGTHS.tolist(), strict=True):
        sentence[length:] = 9.0
    torch.testing.assert_close(discriminator(padded, LENGTHS), scores[:3])
    block = cast(DilatedBlock, cast(nn.ModuleList, discriminator.blocks)[0])
    layout = Packed(length_mask(LENGTHS, MAX_LENGTH))
    words = layout.rows(real)
    normed = block.norm(words)
    torch.testing.assert_close(normed.mean(0), torch.zeros(DIMENSION).double(), rtol=0, atol=1e-9)
    torch.testing.assert_close(
        normed, (words - words.mean(0)) / (words.var(0, unbiased=False) + 1e-5).sqrt()
    )


@pytest.mark.gpu
@every_kind_of_one_sentence
def test_a_gpu_takes_the_second_derivative(kind: DiscriminatorKind) -> None:
    discriminator, embedded = small(kind), points()
    product = torch.eye(DIMENSION, dtype=torch.float64)
    penalty = max_gradient_penalty(discriminator, embedded, LENGTHS, product)
    discriminator.cuda()
    on_gpu = max_gradient_penalty(discriminator, embedded.cuda(), LENGTHS.cuda(), product.cuda())
    torch.testing.assert_close(on_gpu.cpu(), penalty, rtol=1e-9, atol=0)
    on_gpu.backward()
