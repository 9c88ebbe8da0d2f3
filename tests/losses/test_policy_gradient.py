from itertools import product

import pytest
import torch
from torch import Tensor

from textgan_bench.losses.policy_gradient import (
    clipped_surrogate,
    discounted_returns,
    reinforce_loss,
)

# A language of three symbols and two steps: tables of scores for the first, and for the second
# given the first. All nine strings can be written down.
STRINGS = list(product(range(3), repeat=2))


def parameters() -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in (3, (3, 3))]


def causal_rewards() -> Tensor:
    """(9, 2): the reward of a step knows no later symbol."""
    rewards = torch.randn(9, 2, dtype=torch.float64)
    rewards[:, 0] = torch.randn(3, dtype=torch.float64)[[a for a, _ in STRINGS]]
    return rewards


def log_probs(first: Tensor, second: Tensor) -> Tensor:
    """(9, 2) of each symbol of each string."""
    rows = [[first.log_softmax(0)[a], second[a].log_softmax(0)[b]] for a, b in STRINGS]
    return torch.stack([torch.stack(row) for row in rows])


def expected_gradient(policy: list[Tensor], rewards: Tensor, discount: float, b: float) -> Tensor:
    """The estimator's mean: the gradient at each string, weighted by its probability."""
    mean = torch.zeros(12, dtype=torch.float64)
    for i in range(len(STRINGS)):
        drawn = log_probs(*policy)[i]
        returns = discounted_returns(rewards[None, i], discount)
        loss = reinforce_loss(drawn[None], returns - b)
        gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, policy)])
        mean += drawn.sum().exp().detach() * gradient
    return mean


@pytest.mark.parametrize("baseline", [0.0, 0.7])
def test_the_estimator_is_unbiased(baseline: float) -> None:
    """Against the gradient of the expected reward itself, by enumeration."""
    policy, rewards = parameters(), causal_rewards()
    objective = (log_probs(*policy).sum(1).exp() * rewards.sum(1)).sum()
    exact = torch.cat([g.flatten() for g in torch.autograd.grad(objective, policy)])
    mean = expected_gradient(policy, rewards, 1.0, baseline)
    torch.testing.assert_close(mean, -exact, rtol=0, atol=1e-12)
    assert exact.abs().max() > 0.05


def test_a_discount_weighs_later_rewards() -> None:
    """At discount 0 the gradient is that of each step's own reward, prefixes held fixed."""
    policy, rewards = parameters(), causal_rewards()
    p = log_probs(*policy).exp()
    held = p.detach()
    objective = (p[:, 0] * held[:, 1] * rewards[:, 0] + held[:, 0] * p[:, 1] * rewards[:, 1]).sum()
    exact = torch.cat([g.flatten() for g in torch.autograd.grad(objective, policy)])
    mean = expected_gradient(policy, rewards, 0.0, 0.0)
    torch.testing.assert_close(mean, -exact, rtol=0, atol=1e-12)


@pytest.mark.parametrize("discount", [0.0, 0.23, 1.0])
def test_returns_are_the_sums_of_their_definition(discount: float) -> None:
    torch.manual_seed(1)
    rewards = torch.randn(2, 5, dtype=torch.float64)
    expected = torch.zeros_like(rewards)
    for row, t in product(range(2), range(5)):
        for s in range(t, 5):
            expected[row, t] += discount ** (s - t) * rewards[row, s]
    torch.testing.assert_close(discounted_returns(rewards, discount), expected)


def test_advantages_are_constants() -> None:
    advantages = torch.ones(1, 2, requires_grad=True)
    reinforce_loss(torch.zeros(1, 2, requires_grad=True), advantages).backward()
    assert advantages.grad is None


def test_ratios_of_an_unmoved_policy_give_the_gradient_of_reinforce() -> None:
    policy = parameters()
    drawn = log_probs(*policy)
    advantages = torch.randn(9, 2, dtype=torch.float64)
    losses = clipped_surrogate(drawn, drawn, advantages, 0.2), reinforce_loss(drawn, advantages)
    ours, theirs = (torch.autograd.grad(loss, policy, retain_graph=True) for loss in losses)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "slope"),
    [
        (1.1, 2.0, -2.2, -2.2),
        (1.5, 2.0, -2.4, 0.0),  # cut: the step has gone far enough
        (0.5, 2.0, -1.0, -1.0),  # on the wrong side, and drawn back
        (0.5, -2.0, 1.6, 0.0),
        (1.5, -2.0, 3.0, 3.0),
    ],
)
def test_a_ratio_is_cut_where_the_advantage_has_had_its_way(
    ratio: float, advantage: float, loss: float, slope: float
) -> None:
    """Schulman et al. (2017), figure 1; the slope is that by the log probability."""
    log_prob = torch.tensor([[ratio]]).log().requires_grad_()
    found = clipped_surrogate(log_prob, torch.zeros(1, 1), torch.tensor([[advantage]]), 0.2)
    (gradient,) = torch.autograd.grad(found, log_prob)
    assert found.item() == pytest.approx(loss, rel=1e-6)
    assert gradient.item() == pytest.approx(slope, rel=1e-6)
