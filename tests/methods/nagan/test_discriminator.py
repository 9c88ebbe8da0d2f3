from typing import cast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from textgan_bench.losses.adversarial import max_gradient_penalty
from textgan_bench.methods.nagan.ablations import (
    CNNDiscriminator,
    DilatedBlock,
    DiscriminatorKind,
    build_discriminator,
)
from textgan_bench.methods.nagan.discriminator import Discriminator, ScaledEmbedding
from textgan_bench.networks.transformer import Shape

VOCAB_SIZE, MAX_LENGTH, DIMENSION = 7, 5, 4
LENGTHS = torch.tensor([3, 5, 1])
SHAPE = Shape(width=8, blocks=2, heads=2, feed_forward=8)

every_kind = pytest.mark.parametrize("kind", ["transformer", "cnn", "rnn"])


def small(kind: DiscriminatorKind) -> Discriminator:
    torch.manual_seed(0)
    network = build_discriminator(kind, VOCAB_SIZE, MAX_LENGTH, SHAPE, embedding_dim=DIMENSION)
    return network.double()


def points() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(3, MAX_LENGTH, DIMENSION, dtype=torch.float64)


def test_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="discriminator=lstm: choose one of transformer, cnn, rnn"):
        small(cast(DiscriminatorKind, "lstm"))


def test_a_scaled_embedding_starts_as_an_unscaled_one() -> None:
    torch.manual_seed(0)
    embedding = ScaledEmbedding(300, 64)
    words = embedding.table.detach().clone()
    embedding.rescale(8.0)
    assert torch.equal(embedding.table, words)
    torch.testing.assert_close(embedding(torch.arange(300)), embedding.table)
    assert embedding.table.std().item() == pytest.approx(1, abs=0.02)


def test_adaptive_steps_take_scaled_words_further() -> None:
    ids, moved = torch.arange(7), []
    for scale in (8.0, 1.0):
        embedding = ScaledEmbedding(7, 64)
        embedding.rescale(scale)
        before = embedding(ids).detach()
        optimizer = torch.optim.Adam(embedding.parameters(), 1e-3)
        embedding(ids).sum().backward()
        optimizer.step()
        moved.append((embedding(ids) - before).abs().mean().item())
    assert moved[0] / moved[1] == pytest.approx(8, rel=1e-3)


@every_kind
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
        ("cnn", "blocks.0.conv.weight"),
        ("cnn", "blocks.3.norm.weight"),
        ("cnn", "score.0.weight"),
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
    penalty = max_gradient_penalty(discriminator, embedded, LENGTHS)
    (gradient,) = torch.autograd.grad(penalty, parameter)
    index = int(gradient.abs().argmax())
    flat, values = parameter.data.view(-1), []
    for shift in (1e-6, -2e-6):
        flat[index] += shift
        values.append(max_gradient_penalty(discriminator, embedded, LENGTHS).item())
    slope = (values[0] - values[1]) / 2e-6
    assert gradient.flatten()[index].item() == pytest.approx(slope, rel=1e-5)


def test_a_dilated_block_adds_the_convolution_of_its_words() -> None:
    torch.manual_seed(0)
    block = DilatedBlock(DIMENSION, 2).double()
    x, mask = points()[:1], torch.tensor([[True, True, True, True, False]])
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
    torch.testing.assert_close(block(x, mask)[0], expected)


def test_the_convolutions_reach_21_words_to_each_side() -> None:
    """(1 + 1 + 2 + 3) * 3, by the dilations of A.4.4."""
    torch.manual_seed(0)
    discriminator = CNNDiscriminator(VOCAB_SIZE, embedding_dim=DIMENSION).double()
    hidden = embedded = torch.randn(1, 64, DIMENSION, dtype=torch.float64, requires_grad=True)
    for block in discriminator.blocks:
        hidden = block(hidden, torch.ones(1, 64, dtype=torch.bool))
    (gradient,) = torch.autograd.grad(hidden[0, 30].sum(), embedded)
    reached = gradient[0].abs().sum(-1).nonzero().flatten()
    assert reached.tolist() == list(range(30 - 21, 30 + 22))


@pytest.mark.gpu
@every_kind
def test_a_gpu_takes_the_second_derivative(kind: DiscriminatorKind) -> None:
    discriminator, embedded = small(kind), points()
    penalty = max_gradient_penalty(discriminator, embedded, LENGTHS)
    discriminator.cuda()
    on_gpu = max_gradient_penalty(discriminator, embedded.cuda(), LENGTHS.cuda())
    torch.testing.assert_close(on_gpu.cpu(), penalty, rtol=1e-9, atol=0)
    on_gpu.backward()
