import math
from collections.abc import Callable

import pytest
import torch
from scipy import stats
from torch import Tensor

from textgan_bench.kernels import row_chunks
from textgan_bench.losses.relaxation import (
    MANY,
    _invert,
    _invert_by_blocks,
    add_gumbel_noise_,
    draw,
    draw_,
    gumbel_noise_like,
    soft_embedding,
    straight_through_choice,
    straight_through_embedding,
)


def by_stop_gradient(scores: Tensor, table: Tensor, temperature: float) -> Tensor:
    """Equations 22 to 24 of Huang et al. (2021) as printed."""
    hard = torch.nn.functional.one_hot(scores.argmax(-1), scores.shape[-1]).to(scores.dtype)
    soft = torch.softmax(scores / temperature, -1)
    return ((hard - soft).detach() + soft) @ table


@pytest.mark.parametrize("chunk", [2**22, 20])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_straight_through_equals_the_printed_form(
    temperature: float, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_chunks, "CHUNK", chunk)
    torch.manual_seed(0)
    scores = torch.randn(3, 4, 7, dtype=torch.float64, requires_grad=True)
    table = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 4, 5, dtype=torch.float64)
    ours = straight_through_embedding(scores, table, temperature)
    printed = by_stop_gradient(scores, table, temperature)
    torch.testing.assert_close(ours, printed, rtol=0, atol=1e-12)
    gradients = torch.autograd.grad((ours * weight).sum(), (scores, table))
    expected = torch.autograd.grad((printed * weight).sum(), (scores, table))
    torch.testing.assert_close(gradients, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("chunk", [2**22, 20])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_value_of_a_word_equals_the_printed_form(
    temperature: float, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_chunks, "CHUNK", chunk)
    torch.manual_seed(0)
    scores = torch.randn(8, 7, dtype=torch.float64, requires_grad=True)
    values = torch.randn(8, 7, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(8, dtype=torch.float64)
    ours = straight_through_choice(scores, values, temperature)
    identity = torch.eye(7, dtype=torch.float64)
    printed = (by_stop_gradient(scores, identity, temperature) * values).sum(-1)
    torch.testing.assert_close(ours, printed, rtol=0, atol=1e-12)
    gradients = torch.autograd.grad((ours * weight).sum(), (scores, values))
    hard = torch.autograd.grad((printed * weight).sum(), (scores, values))
    torch.testing.assert_close(gradients, hard, rtol=0, atol=1e-12)


def test_straight_through_gradient_is_the_softmax_slope_by_finite_differences() -> None:
    torch.manual_seed(0)
    scores = torch.randn(6, dtype=torch.float64, requires_grad=True)
    table = torch.randn(6, 3, dtype=torch.float64)
    weight = torch.randn(3, dtype=torch.float64)
    loss = straight_through_embedding(scores, table, 0.7) @ weight
    (gradient,) = torch.autograd.grad(loss, scores)

    def softened(x: Tensor) -> float:
        return float(torch.softmax(x / 0.7, -1) @ table @ weight)

    step = 1e-6
    for v in range(6):
        shift = torch.zeros(6, dtype=torch.float64)
        shift[v] = step
        slope = (softened(scores.detach() + shift) - softened(scores.detach() - shift)) / (2 * step)
        assert gradient[v].item() == pytest.approx(slope, abs=1e-8)


def test_scores_without_gradient_leave_the_table_its_own() -> None:
    table = torch.randn(6, 3, requires_grad=True)
    scores = torch.tensor([[0.0, 2, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1], [0, 9, 0, 0, 0, 0]])
    straight_through_embedding(scores, table, 1.0).sum().backward()
    counts = torch.tensor([0.0, 2, 0, 0, 0, 1])
    torch.testing.assert_close(table.grad, counts[:, None].expand(-1, 3))


def test_soft_words_are_means_of_words() -> None:
    torch.manual_seed(0)
    scores = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    table = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    share = torch.sigmoid((scores[:, :1] - scores[:, 1:]) / 0.7)  # of the first of two words
    soft = soft_embedding(scores, table, 0.7)
    torch.testing.assert_close(soft, share * table[0] + (1 - share) * table[1])
    assert torch.autograd.gradcheck(lambda s, t: soft_embedding(s, t, 0.7), (scores, table))


@pytest.mark.parametrize(
    "noise_of", [gumbel_noise_like, lambda x: add_gumbel_noise_(x.zero_().view(2_000, 200))]
)
def test_gumbel_noise_has_the_moments_of_the_gumbel_law(
    noise_of: Callable[[Tensor], Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_chunks, "CHUNK", 70_000)
    torch.manual_seed(0)
    noise = noise_of(torch.empty(400_000, dtype=torch.float64))
    assert noise.mean().item() == pytest.approx(0.5772156649, abs=0.01)
    assert noise.var().item() == pytest.approx(math.pi**2 / 6, abs=0.02)


def test_argmax_of_noisy_scores_draws_from_the_softmax() -> None:
    torch.manual_seed(0)
    scores = torch.tensor([0.3, -1.0, 1.2, 0.0])
    draws = (scores + gumbel_noise_like(torch.empty(20_000, 4))).argmax(-1)
    expected = torch.softmax(scores.double(), -1) * len(draws)
    result = stats.chisquare(torch.bincount(draws, minlength=4).numpy(), expected.numpy())
    assert result.pvalue > 1e-3


@pytest.mark.parametrize("width", [MANY, MANY + 1, 5_001])
def test_symbols_found_by_their_block_are_those_that_the_sums_pass(width: int) -> None:
    torch.manual_seed(0)
    uniform = torch.rand(500, 1, dtype=torch.float64)
    uniform[:2, 0] = torch.tensor([0.0, 1 - 1e-12], dtype=torch.float64)
    probabilities = (3 * torch.randn(500, width, dtype=torch.float64)).softmax(-1)
    probabilities[2] = torch.eye(width, dtype=torch.float64)[-1]  # the last one, for certain
    probabilities[3, : width - 1] = 0.0  # none of them may be drawn
    plain = _invert(probabilities.clone(), uniform)
    assert torch.equal(_invert_by_blocks(probabilities, uniform), plain)
    assert plain[2] == plain[3] == width - 1


def test_a_wide_row_is_drawn_from_its_softmax() -> None:
    torch.manual_seed(0)
    scores = torch.randn(MANY + 7)
    drawn = draw(scores.expand(200_000, -1))
    expected = torch.softmax(scores.double(), -1) * len(drawn)
    counts = torch.bincount(drawn, minlength=len(scores))
    assert stats.chisquare(counts.numpy(), expected.numpy()).pvalue > 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_draw_reaches_rare_words_in_double_precision(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All random numbers of the last 2^-22, which 16 words share: float32 has four of them."""
    assert (torch.rand(1_000) * 2**24 % 1 == 0).all()  # all that a generator of float32 tells apart
    numbers = 4 if dtype == torch.float32 else 256
    step = 2.0**-22 / numbers
    uniform = 1 - step * torch.arange(1, numbers + 1, dtype=torch.float64)

    def rand(*size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
        assert size == (numbers, 1)
        assert torch.equal(uniform.to(dtype).double(), uniform), "beyond this precision"
        return uniform[:, None].to(dtype)

    rare = torch.full((16,), 2.0**-26, dtype=torch.float64)
    logits = torch.cat([1 - rare.sum(0, keepdim=True), rare]).log().to(dtype)
    monkeypatch.setattr(torch, "rand", rand)
    counts = torch.bincount(draw(logits.expand(numbers, -1)), minlength=17)
    if dtype == torch.float64:
        assert ((counts[1:] - 16).abs() <= 1).all()
    else:
        assert (counts[1:] > 0).sum() <= 4


@pytest.mark.parametrize("width", [5, MANY + 7])
def test_a_draw_in_place_is_the_draw_and_only_that_one_loses_the_scores(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_chunks, "CHUNK", 2 * width)
    torch.manual_seed(0)
    logits = 3 * torch.randn(7, width)
    kept, lost = logits.clone(), logits.clone()
    torch.manual_seed(1)
    drawn = draw(kept)
    torch.manual_seed(1)
    assert torch.equal(draw_(lost), drawn)
    assert torch.equal(kept, logits)
    assert not torch.equal(lost, logits)
