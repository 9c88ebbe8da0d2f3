"""Policy gradients of sequences: discounted returns, the score function, clipped ratios.

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


def clipped_surrogate(
    log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, clip: float
) -> Tensor:
    """-E sum_t min(u_t A_t, cut(u_t) A_t), u_t = p_t / old p_t (Schulman et al., 2017, eq. 7).

    "Proximal policy optimization algorithms". Before the policy has moved from the one that drew
    the sequences, the gradient is that of ``reinforce_loss``. A ratio that has left
    [1 - clip, 1 + clip] to the side that the advantage wants has none.

    Args:
        log_probs: (B, T) log probabilities of the symbols drawn, in nats, zero after the end of a
            sequence.
        old_log_probs: (B, T) log probabilities under the policy that drew them, taken as constants.
        advantages: (B, T) advantages, taken as constants, zero after the end of a sequence.
        clip: largest distance of a ratio from 1.

    >>> surrogate = lambda p, advantage: clipped_surrogate(
    ...     torch.tensor([[p]]).log(), torch.tensor([[0.5]]).log(), torch.tensor([[advantage]]), 0.2
    ... )
    >>> [round(surrogate(p, 1.0).item(), 4) for p in (0.25, 0.5, 0.75)]
    [-0.5, -1.0, -1.2]
    """
    ratios = (log_probs - old_log_probs.detach()).exp()
    constants = advantages.detach()
    cut = ratios.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratios * constants, cut * constants).sum(1).mean()
