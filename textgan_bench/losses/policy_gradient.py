"""Policy gradients of sequences: discounted returns and the score-function estimator.

Shapes: B batch, T time.
"""

import torch
from torch import Tensor


def discounted_returns(rewards: Tensor, discount: float) -> Tensor:
    """R_t = sum over s >= t of discount^(s - t) r_s.

    Args:
        rewards: (B, T) rewards, zero after the end of a sequence.
        discount: factor in [0, 1]; 0 keeps the reward of the step itself, 1 sums all that follow.

    Returns:
        (B, T).

    >>> discounted_returns(torch.tensor([[1.0, 2.0, 4.0]]), 0.5)
    tensor([[3., 4., 4.]])
    """
    steps = torch.arange(rewards.shape[1], device=rewards.device)
    lag = steps[:, None] - steps  # (T, T), s - t
    weights = (discount ** lag.clamp(min=0).to(rewards.dtype)).tril()
    return rewards @ weights


def reinforce_loss(log_probs: Tensor, advantages: Tensor) -> Tensor:
    """A scalar whose gradient is the REINFORCE estimate (Williams, 1992) for a loss to minimise.

    With advantages R_t - b of samples of the policy and any b that does not depend on the sample,
    its expected gradient is minus the sum over t of E[R_t grad log p_t]; at discount 1 this is the
    gradient of minus the expected sum of rewards.

    Args:
        log_probs: (B, T) log probabilities of the symbols drawn, in nats, zero after the end of a
            sequence.
        advantages: (B, T) advantages, taken as constants.
    """
    return -(advantages.detach() * log_probs).sum(1).mean()
