import math

import pytest
import torch

from textgan_bench.losses.importance import importance_loss


def test_value_and_gradient_are_those_of_the_printed_form() -> None:
    """-log(-L), L the mean of log(1 - D) p, where neither underflows."""
    torch.manual_seed(0)
    scores = torch.randn(7, dtype=torch.float64, requires_grad=True)
    log_p = (-3 - 5 * torch.rand(7, dtype=torch.float64)).requires_grad_()
    printed = -(-((1 - torch.sigmoid(scores)).log() * log_p.exp()).mean()).log()
    ours = importance_loss(scores, log_p)
    torch.testing.assert_close(ours, printed, rtol=0, atol=1e-12)
    expected = torch.autograd.grad(printed, (scores, log_p))
    torch.testing.assert_close(
        torch.autograd.grad(ours, (scores, log_p)), expected, rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("score", [0.0, -300.0, 300.0])
def test_finite_where_the_printed_form_is_not(score: float) -> None:
    """40 symbols of 1/500 each have a probability of 1e-108, which is zero in single precision."""
    log_p = torch.full((4,), -40 * math.log(500)).requires_grad_()
    scores = torch.full((4,), score)
    printed = -(-((1 - torch.sigmoid(scores)).log() * log_p.exp()).mean()).log()
    assert not printed.isfinite()
    loss = importance_loss(scores, log_p)
    loss.backward()
    weight = torch.nn.functional.softplus(torch.tensor(score, dtype=torch.float64)).log()
    assert loss.item() == pytest.approx(-(weight + log_p[0].double()).item(), rel=1e-6)
    assert log_p.grad is not None
    torch.testing.assert_close(log_p.grad, torch.full((4,), -0.25))


def test_the_gradient_is_a_mean_of_likelihood_gradients() -> None:
    """Weights softplus(s) p that sum to one."""
    scores, p = torch.tensor([0.0, 1.0, -2.0]), torch.tensor([0.1, 0.01, 0.3])
    log_p = p.log().requires_grad_()
    importance_loss(scores, log_p).backward()
    weights = torch.nn.functional.softplus(scores) * p
    torch.testing.assert_close(log_p.grad, -weights / weights.sum())


def test_runs_are_separate() -> None:
    torch.manual_seed(0)
    scores, log_p = torch.randn(3, 5), torch.randn(3, 5)
    rows = [importance_loss(s, p) for s, p in zip(scores, log_p, strict=True)]
    torch.testing.assert_close(importance_loss(scores, log_p), torch.stack(rows))
