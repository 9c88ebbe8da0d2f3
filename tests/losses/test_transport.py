import math
from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import Tensor

from textgan_bench.losses.transport import (
    cosine_cost,
    feature_movers_distance,
    ipot_plan,
    sinkhorn_cost,
    sinkhorn_divergence,
)


def costs(n: int, m: int, seed: int) -> Tensor:
    """Cosine costs of random points, some pairs of which have equal costs."""
    torch.manual_seed(seed)
    x, y = torch.randn(n, 3, dtype=torch.float64), torch.randn(m, 3, dtype=torch.float64)
    y[0] = 2 * x[0]
    return cosine_cost(x, y)


def linear_program(cost: Tensor) -> float:
    """The least cost of transport between points that weigh the same."""
    n, m = cost.shape
    rows = np.kron(np.eye(n), np.ones((1, m)))
    columns = np.kron(np.ones((1, n)), np.eye(m))
    weights = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    solved = linprog(cost.flatten().numpy(), A_eq=np.vstack([rows, columns]), b_eq=weights)
    assert solved.success
    return float(solved.fun)


def test_the_linear_program_is_that_of_all_assignments() -> None:
    """Between equally many points one of the best plans moves each to one other (Birkhoff)."""
    cost = costs(5, 5, seed=3)
    assignments = (cost[range(5), order].mean().item() for order in permutations(range(5)))
    assert linear_program(cost) == pytest.approx(min(assignments), abs=1e-9)


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (7, 7), (6, 9), (3, 20), (30, 30)])
@pytest.mark.parametrize(("iterations", "tolerance"), [(50, 0.01), (2_000, 3e-4)])
def test_ipot_comes_to_the_linear_program(
    shape: tuple[int, int], iterations: int, tolerance: float
) -> None:
    """Of costs in [0, 2]; 50 iterations are those of a training step."""
    for seed in range(3):
        cost = costs(*shape, seed)
        plan = ipot_plan(cost, beta=1.0, iterations=iterations)
        assert (plan >= 0).all()
        ones = [plan.new_full((size,), 1 / size) for size in shape]
        torch.testing.assert_close(plan.sum(0), ones[1], rtol=0, atol=1e-12)
        torch.testing.assert_close(plan.sum(1), ones[0], rtol=0, atol=tolerance / shape[0])
        assert float((plan * cost).sum()) == pytest.approx(linear_program(cost), abs=tolerance)


def test_steps_of_ipot_are_those_in_products_of_matrices() -> None:
    """In products of matrices, as the authors write it but for a transposition."""
    cost = costs(4, 6, seed=1)
    plan, sigma = torch.ones_like(cost), cost.new_full((6,), 1 / 6)
    for _ in range(5):
        kernel = (-cost / 0.7).exp() * plan
        delta = 1 / (4 * kernel @ sigma)
        sigma = 1 / (6 * kernel.T @ delta)
        plan = delta.diag() @ kernel @ sigma.diag()
    torch.testing.assert_close(ipot_plan(cost, beta=0.7, iterations=5), plan)


def test_no_cost_is_too_large() -> None:
    cost = 500 * costs(5, 5, seed=2).float()
    assert float((-cost).exp().sum(1).min()) == 0  # a row that products would divide by
    plan = ipot_plan(cost, beta=1.0, iterations=50)
    torch.testing.assert_close(plan.sum(0), torch.full((5,), 0.2))
    assert sinkhorn_cost(cost, 1.0, 40).isfinite()


def test_the_plan_is_the_gradient_of_the_least_cost() -> None:
    """Envelope theorem, by differences of the linear program, whose best plan is unique here."""
    torch.manual_seed(5)
    cost, step = torch.rand(4, 4, dtype=torch.float64), 1e-6
    plan = ipot_plan(cost, beta=1.0, iterations=5_000)
    for place in range(16):
        shift = torch.zeros(16, dtype=torch.float64)
        shift[place] = step
        shift = shift.view(4, 4)
        slope = (linear_program(cost + shift) - linear_program(cost - shift)) / (2 * step)
        assert plan.flatten()[place].item() == pytest.approx(slope, abs=1e-3)


def test_the_distance_has_the_slope_of_the_linear_program_in_the_points() -> None:
    torch.manual_seed(6)
    x, y = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(feature_movers_distance(x, y, 1.0, 5_000), x)
    direction, step = torch.randn(5, 3, dtype=torch.float64), 1e-6
    ahead, behind = (
        linear_program(cosine_cost(x.detach() + sign * step * direction, y)) for sign in (1, -1)
    )
    slope = (ahead - behind) / (2 * step)
    assert abs(slope) > 0.05
    assert float((gradient * direction).sum()) == pytest.approx(slope, rel=2e-3)


def test_the_distance_neither_knows_an_order_nor_lengths() -> None:
    torch.manual_seed(7)
    x = torch.randn(6, 4, dtype=torch.float64)
    moved = x[torch.randperm(6)] * torch.rand(6, 1, dtype=torch.float64)
    assert float(feature_movers_distance(x, moved, 1.0, 500)) == pytest.approx(0, abs=1e-6)
    assert float(feature_movers_distance(x, -x[:1], 1.0, 50)) == pytest.approx(
        float((1 - torch.cosine_similarity(x, -x[:1])).mean())
    )


def scaled(cost: Tensor, epsilon: float) -> Tensor:
    """The entropic plan: rows and columns of exp(-C / epsilon) scaled in turn until they fit."""
    plan = (-cost / epsilon).exp()
    for _ in range(5_000):
        plan = plan / plan.sum(1, keepdim=True) / len(plan)
        plan = plan / plan.sum(0) / plan.shape[1]
    return plan


@pytest.mark.parametrize("epsilon", [0.1, 1.0])
def test_sinkhorn_comes_to_the_scaled_kernel(epsilon: float) -> None:
    cost = costs(5, 7, seed=4)
    expected = (scaled(cost, epsilon) * cost).sum()
    torch.testing.assert_close(sinkhorn_cost(cost, epsilon, 2_000), expected)
    torch.testing.assert_close(sinkhorn_cost(cost, 1.0, 40), (scaled(cost, 1.0) * cost).sum())


def test_sinkhorn_without_entropy_is_the_linear_program() -> None:
    cost = costs(6, 6, seed=5)
    assert float(sinkhorn_cost(cost, 2e-3, 5_000)) == pytest.approx(linear_program(cost), abs=1e-3)


def test_the_gradient_of_sinkhorn_follows_the_plan() -> None:
    cost = costs(3, 4, seed=6).requires_grad_()
    assert torch.autograd.gradcheck(lambda c: sinkhorn_cost(c, 1.0, 40), (cost,))


def test_the_divergence_is_zero_of_equals_and_positive_else() -> None:
    torch.manual_seed(8)
    x, y = torch.randn(6, 4, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64)
    assert float(sinkhorn_divergence(x, x.flip(0), 1.0, 40)) == pytest.approx(0, abs=1e-9)
    assert float(sinkhorn_divergence(x, y + 1, 1.0, 40)) > 0.1
    across = sinkhorn_cost(cosine_cost(x, y), 1.0, 40)
    own = [sinkhorn_cost(cosine_cost(points, points), 1.0, 40) for points in (x, y)]
    torch.testing.assert_close(sinkhorn_divergence(x, y, 1.0, 40), 2 * across - own[0] - own[1])


def test_a_uniform_plan_is_where_all_costs_are_equal() -> None:
    plan = ipot_plan(torch.ones(3, 5, dtype=torch.float64), 1.0, 10)
    torch.testing.assert_close(plan, torch.full_like(plan, 1 / 15))
    assert math.isclose(float(sinkhorn_cost(torch.ones(3, 5), 1.0, 10)), 1, rel_tol=1e-5)
