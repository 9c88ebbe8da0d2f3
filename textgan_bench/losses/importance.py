"""Importance-sampled adversarial loss. Shapes: B batch of one process; the mean is over all."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from textgan_bench.losses.processes import process_logmeanexp


def importance_loss(scores: Tensor, log_likelihood: Tensor) -> Tensor:
    """-log(-L) with L = 1/B sum_i log(1 - D(x_i)) p(x_i) over real x_i (Toth, section 4.3).

    With s the score of D, -log(1 - sigmoid(s)) = softplus(s), so that
    -log(-L) = log B - logsumexp_i(log softplus(s_i) + log p(x_i)),
    which stays finite where p(x_i) itself underflows, from about 40 symbols on in single precision.

    Its gradient is a mean of the likelihood's gradients, sum_i w_i grad(-log p(x_i)), with weights
    proportional to softplus(s_i) p(x_i) that sum to one: sentences that are already likely count
    most, short ones among them.

    Args:
        scores: (…, B) discriminator's scores of real sentences, logits of "real".
        log_likelihood: (…, B) log-likelihood of these sentences under the generator, in nats.

    Returns:
        (…), in nats.

    >>> importance_loss(torch.zeros(2), torch.tensor([-1000.0, -1000.0]))
    tensor(1000.3665)
    """
    # log softplus(s) -> s for s -> -inf, where softplus itself underflows.
    log_softplus = torch.where(scores > -20, F.softplus(scores.clamp(min=-20)).log(), scores)
    summed = process_logmeanexp((log_softplus + log_likelihood).logsumexp(-1))
    return math.log(scores.shape[-1]) - summed
