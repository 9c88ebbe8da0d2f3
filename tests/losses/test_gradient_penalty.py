import pytest
import torch
from torch import nn

from textgan_bench.losses.adversarial import gradient_penalty


def test_a_linear_critic_has_the_slope_of_its_weights() -> None:
    critic = nn.Linear(2, 1)
    critic.weight.data = torch.tensor([[3.0, 4.0]])
    for n in (1, 64):  # a mean over the batch inside the critic would divide the slope by n
        penalty = gradient_penalty(critic, torch.randn(n, 2), torch.randn(n, 2))
        assert penalty.item() == pytest.approx(16.0)


def test_gradient_is_that_of_finite_differences() -> None:
    torch.manual_seed(0)
    first = nn.Linear(3, 4)
    critic = nn.Sequential(first, nn.Tanh(), nn.Linear(4, 1)).double()
    real, fake = torch.randn(2, 5, 3, dtype=torch.float64)

    def penalty() -> torch.Tensor:
        torch.manual_seed(1)
        return gradient_penalty(critic, real, fake)

    weight = first.weight
    (gradient,) = torch.autograd.grad(penalty(), weight)
    step = 1e-6
    for i, j in ((0, 0), (3, 2)):
        values = []
        for sign in (1, -1):
            weight.data[i, j] += sign * step
            values.append(penalty().item())
            weight.data[i, j] -= sign * step
        slope = (values[0] - values[1]) / (2 * step)
        assert gradient[i, j].item() == pytest.approx(slope, rel=1e-6)


def test_points_lie_between_the_pairs() -> None:
    seen = []

    def critic(points: torch.Tensor) -> torch.Tensor:
        seen.append(points.detach())
        return points.sum(1, keepdim=True)

    gradient_penalty(critic, torch.zeros(100, 2), torch.ones(100, 2))
    assert torch.equal(seen[0][:, 0], seen[0][:, 1])
    assert 0 <= seen[0].min() < 0.1
    assert 0.9 < seen[0].max() <= 1
