"""Optimal transport between two sets of points that all weigh the same.

With a cost C (N, M) and plans P >= 0 whose rows sum to 1/N and whose columns sum to 1/M,

    W(C) = min over P of sum_nm P_nm C_nm.

IPOT (Xie et al., 2020, "A fast proximal point method for computing exact Wasserstein distance")
comes to W itself; Sinkhorn's algorithm (Cuturi, 2013) to the plan that minimises sum P C + epsilon
sum P log P. Both run on logarithms, so that no cost is too large for exp(-C).

Shapes: N points against M points, F features.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def cosine_cost(x: Tensor, y: Tensor) -> Tensor:
    """(N, M) costs 1 - cos(x_n, y_m) of points (N, F) and (M, F), in [0, 2].

    >>> cosine_cost(torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 0.0], [0.0, 2.0], [-1.0, 0.0]]))
    tensor([[0., 1., 2.]])
    """
    return 1 - F.normalize(x, dim=1) @ F.normalize(y, dim=1).T


@torch.no_grad()
def ipot_plan(cost: Tensor, beta: float, iterations: int) -> Tensor:
    """The plan after some proximal steps, each with one step of Sinkhorn's algorithm inside.

    A step takes the plan P to the one that minimises sum P' C + beta KL(P' || P). After k steps the
    plan is diag(a) exp(-k C / beta) diag(b). Whatever beta is, the limit is the exact plan: a large
    beta wants more steps, and a beta far below the costs leaves the rows' sums behind for long.

    Args:
        cost: (N, M).
        beta: weight of the divergence from the last plan, in units of the cost.
        iterations: number of proximal steps.

    Returns:
        (N, M), without gradient. Columns sum to 1/M exactly, rows to 1/N in the limit.

    >>> ipot_plan(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), beta=1.0, iterations=50)
    tensor([[5.0000e-01, 9.6437e-23],
            [9.6437e-23, 5.0000e-01]])
    """
    n, m = cost.shape
    log_plan, log_columns = torch.zeros_like(cost), cost.new_full((m,), -math.log(m))
    for _ in range(iterations):
        log_kernel = log_plan - cost / beta
        log_rows = -math.log(n) - (log_kernel + log_columns).logsumexp(1)  # (N,)
        log_columns = -math.log(m) - (log_kernel + log_rows[:, None]).logsumexp(0)  # (M,)
        log_plan = log_kernel + log_rows[:, None] + log_columns
    return log_plan.exp()


def feature_movers_distance(x: Tensor, y: Tensor, beta: float, iterations: int) -> Tensor:
    """Least mean cosine cost of moving x to y (Chen et al., 2018, "feature-mover's distance").

    Its gradient holds the plan constant: at the minimum a change of the plan changes the cost in
    the second order only (envelope theorem).

    Args:
        x, y: (N, F) and (M, F) features of sentences.
        beta, iterations: as in ``ipot_plan``.

    Returns:
        A scalar in [0, 2].

    >>> points = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> feature_movers_distance(points, 2 * points.flip(0), beta=1.0, iterations=50).item() < 1e-6
    True
    """
    cost = cosine_cost(x, y)
    return (ipot_plan(cost, beta, iterations) * cost).sum()


def sinkhorn_cost(cost: Tensor, epsilon: float, iterations: int) -> Tensor:
    """sum P C of the plan P that Sinkhorn's algorithm comes to, the entropy not counted.

    Away from the limit epsilon = 0 this P is not where sum P C is least, so that the gradient has
    to follow P through all iterations, and does.

    Args:
        cost: (N, M).
        epsilon: weight of the entropy, in units of the cost.
        iterations: number of updates of both potentials.
    """
    n, m = cost.shape
    kernel = -cost / epsilon
    v = cost.new_zeros(m)
    for _ in range(iterations):
        u = -math.log(n) - (kernel + v).logsumexp(1)  # (N,)
        v = -math.log(m) - (kernel + u[:, None]).logsumexp(0)  # (M,)
    return ((kernel + u[:, None] + v).exp() * cost).sum()


def sinkhorn_divergence(x: Tensor, y: Tensor, epsilon: float, iterations: int) -> Tensor:
    """2 W(x, y) - W(x, x) - W(y, y) of ``sinkhorn_cost`` on cosine costs (Genevay et al., 2018).

    "Learning generative models with Sinkhorn divergences". It is zero where x and y are one set,
    which W(x, y) alone is not.

    Args:
        x, y: (N, F) and (M, F) features.
        epsilon, iterations: as in ``sinkhorn_cost``.

    >>> points = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> abs(sinkhorn_divergence(points, 2 * points.flip(0), 1.0, 40).item()) < 1e-6
    True
    """
    across, within_x, within_y = (
        sinkhorn_cost(cosine_cost(a, b), epsilon, iterations) for a, b in ((x, y), (x, x), (y, y))
    )
    return 2 * across - within_x - within_y
