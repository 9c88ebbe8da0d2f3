import math

import pytest
import torch
from torch import Tensor, nn

from textgan_bench.losses.adversarial import (
    discriminator_loss,
    max_gradient_penalty,
    non_saturating_loss,
    one_hot_product,
)
from textgan_bench.methods.nagan.discriminator import TransformerDiscriminator
from textgan_bench.networks.transformer import Shape

LENGTHS = torch.tensor([3, 5, 4])
PRODUCT = torch.eye(6, dtype=torch.float64)


def small_discriminator() -> TransformerDiscriminator:
    torch.manual_seed(0)
    return TransformerDiscriminator(
        7,
        5,
        Shape(width=8, blocks=2, heads=2, feed_forward=8),
        embedding_dim=6,
    ).double()


def small_points() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(3, 5, 6, dtype=torch.float64)


def squared_norm(score: nn.Module, points: Tensor, lengths: Tensor, sentence: int) -> Tensor:
    """Penalty of one sentence on its own, by central differences in its words alone."""
    length = int(lengths[sentence])
    point = points[sentence, None, :length]
    step = 1e-5
    slopes = []
    with torch.no_grad():
        for index in range(point.numel()):
            shift = torch.zeros(point.numel(), dtype=torch.float64)
            shift[index] = step
            shift = shift.view_as(point)
            only = lengths[sentence, None]
            slopes.append((score(point + shift, only) - score(point - shift, only)) / (2 * step))
    return torch.stack(slopes).square().sum()


def test_losses_are_the_cross_entropies_of_the_probabilities() -> None:
    real, fake = torch.tensor([0.3, -2.0]), torch.tensor([1.0, -0.5])
    p_real, p_fake = torch.sigmoid(real), torch.sigmoid(fake)
    expected = -p_real.log().mean() - (1 - p_fake).log().mean()
    torch.testing.assert_close(discriminator_loss(real, fake), expected)
    torch.testing.assert_close(non_saturating_loss(fake), -p_fake.log().mean())


def test_losses_stay_finite_for_confident_scores() -> None:
    assert discriminator_loss(torch.tensor([-200.0]), torch.tensor([200.0])).item() == 400.0
    assert math.isfinite(non_saturating_loss(torch.tensor([-200.0])).item())


def test_max_gradient_penalty_of_a_linear_score_is_its_squared_weights() -> None:
    weight = torch.tensor([3.0, 4.0])
    penalty = max_gradient_penalty(
        lambda points, lengths: (points @ weight).sum(-1),
        torch.randn(2, 3, 2),
        torch.tensor([3, 3]),
        torch.tensor([[2.0, 1.0], [1.0, 1.0]]),
    )
    assert penalty.item() == pytest.approx(3 * (2 * 9 + 2 * 12 + 16))


def test_max_gradient_penalty_is_the_largest_norm_by_finite_differences() -> None:
    discriminator, points = small_discriminator(), small_points()
    penalty = max_gradient_penalty(discriminator, points, LENGTHS, PRODUCT)
    norms = [squared_norm(discriminator, points, LENGTHS, i).item() for i in range(3)]
    assert penalty.item() == pytest.approx(max(norms), rel=1e-6)
    assert sorted(norms)[-2] < 0.999 * max(norms)


def test_max_gradient_penalty_gradient_by_finite_differences() -> None:
    discriminator, points = small_discriminator(), small_points()
    penalty = max_gradient_penalty(discriminator, points, LENGTHS, PRODUCT)
    parameters = dict(discriminator.named_parameters())
    gradients = dict(
        zip(
            parameters,
            torch.autograd.grad(penalty, list(parameters.values()), allow_unused=True),
            strict=True,
        )
    )
    step, checked = 1e-5, 0
    for name in ("projection.weight", "blocks.0.self_attention.inputs.weight", "score.2.weight"):
        flat, gradient = parameters[name].data.view(-1), gradients[name]
        assert gradient is not None
        for index in (0, len(flat) // 2):
            values = []
            for sign in (1, -1):
                flat[index] += sign * step
                values.append(max_gradient_penalty(discriminator, points, LENGTHS, PRODUCT).item())
                flat[index] -= sign * step
            slope = (values[0] - values[1]) / (2 * step)
            assert gradient.view(-1)[index].item() == pytest.approx(slope, rel=1e-5, abs=1e-9)
            checked += 1
    assert checked == 6


def test_max_gradient_penalty_reaches_the_embedding_through_the_points() -> None:
    discriminator = small_discriminator()
    ids = torch.tensor([[1, 2, 3, 0, 0], [4, 5, 6, 1, 2], [2, 2, 4, 5, 0]])
    points = discriminator.embedding(ids)
    max_gradient_penalty(discriminator, points, LENGTHS, PRODUCT).backward()
    gradient = discriminator.embedding.weight.grad
    assert gradient is not None
    assert gradient.abs().sum() > 0


def test_padding_does_not_change_the_penalty() -> None:
    discriminator, points = small_discriminator(), small_points()
    longer = points.clone()
    for i, length in enumerate(LENGTHS.tolist()):
        longer[i, length:] = 99.0
    torch.testing.assert_close(
        max_gradient_penalty(discriminator, longer, LENGTHS, PRODUCT),
        max_gradient_penalty(discriminator, points, LENGTHS, PRODUCT),
        rtol=1e-12,
        atol=0,
    )


def test_the_product_of_one_hots_has_the_gradient_of_finite_differences() -> None:
    table = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(one_hot_product(table), table.T @ table)
    assert torch.autograd.gradcheck(one_hot_product, table)
