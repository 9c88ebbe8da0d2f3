"""Hidden Markov model with categorical emissions: exact likelihood and fast sampling.

Notation of Rabiner (1989), "A tutorial on hidden Markov models": start probabilities pi, transition
matrix A, emission matrix B. Shapes: B batch, T time, K states, V symbols.
"""

import torch
from torch import Tensor

SEQUENCES = 512
"""Sequences taken at a time: 100 states of them in float64 are 400 kB, less than a core's cache."""


@torch.no_grad()
def forward_log_likelihood(
    symbols: Tensor, lengths: Tensor, start: Tensor, transition: Tensor, emission: Tensor
) -> Tensor:
    """Log probability of each sequence, in nats, by the scaled forward algorithm.

    The forward variable is divided by its sum c_t at every step, so that nothing underflows:
    log p(x_1..x_T) = sum_t log c_t with c_t = p(x_t | x_1..x_{t-1})  (Rabiner, 1989, section V.A).
    Updates its variables in place, a few sequences at a time, so that they stay in the cache. The
    matrix product takes three quarters of the time. No gradient flows.

    Args:
        symbols: (B, T) int64 in 0..V-1; positions from ``lengths`` on are ignored.
        lengths: (B,) int64 in 0..T.
        start: (K,) probabilities, whose precision is that of the result.
        transition: (K, K) probabilities, whose rows sum to one.
        emission: (K, V) probabilities, whose rows sum to one.

    Returns:
        (B,); 0 for an empty sequence and -inf for an impossible one.

    >>> half = torch.full((1, 2), 0.5)
    >>> one = torch.ones(1)
    >>> sequences, lengths = torch.tensor([[0, 1, 1], [1, 0, 0]]), torch.tensor([3, 0])
    >>> forward_log_likelihood(sequences, lengths, one, one[:, None], half).exp().tolist()
    [0.125, 1.0]
    """
    emitted = emission.T.contiguous()  # (V, K): one symbol's column becomes a contiguous row
    parts = zip(symbols.split(SEQUENCES), lengths.split(SEQUENCES), strict=True)
    return torch.cat([_forward(*part, start, transition, emitted) for part in parts])


def _forward(
    symbols: Tensor, lengths: Tensor, start: Tensor, transition: Tensor, emitted: Tensor
) -> Tensor:
    valid = (torch.arange(symbols.shape[1], device=symbols.device) < lengths[:, None]).T  # (T, B)
    symbols = symbols.T.where(valid, 0)
    scale = start.new_empty(symbols.shape)
    tiny = torch.finfo(start.dtype).tiny
    forward = start.repeat(len(lengths), 1)  # (B, K), p(state_t | x_1..x_{t-1}) until x_t is seen
    for t in range(len(symbols)):
        if t > 0:
            forward = forward @ transition
        forward *= emitted[symbols[t]]
        torch.sum(forward, dim=1, out=scale[t])
        # An impossible prefix leaves zeros rather than 0 / 0, and its sum stays at -inf.
        forward /= scale[t].clamp_min(tiny)[:, None]
    return scale.log().where(valid, 0.0).sum(dim=0)


@torch.no_grad()
def state_occupancy(lengths: Tensor, start: Tensor, transition: Tensor) -> Tensor:
    """(K,) expected visits of each state from which a transition follows, in (B,) sequences.

    A sequence of L symbols has L - 1 transitions. Multiplied by the rows of the transition matrix
    it is the expected number of transitions between each two states.

    >>> state_occupancy(torch.tensor([3, 1]), torch.tensor([1.0, 0.0]), torch.eye(2).flip(0))
    tensor([1., 1.])
    """
    occupancy, state = torch.zeros_like(start), start
    for t in range(1, int(lengths.max()) if len(lengths) else 0):
        occupancy = occupancy + (lengths > t).sum() * state
        state = state @ transition
    return occupancy


@torch.no_grad()
def transition_counts(
    symbols: Tensor, lengths: Tensor, start: Tensor, transition: Tensor, emission: Tensor
) -> Tensor:
    """(K, K) transitions between states, summed over sequences, each by its posterior probability.

    The xi of Baum-Welch (Rabiner, 1989, equation 37), summed over time. Over sequences of the model
    itself its expectation is ``state_occupancy`` times the transition matrix, exactly. A sequence
    that the model cannot write adds nothing.

    Args:
        symbols: (B, T) int64 in 0..V-1; positions from ``lengths`` on are ignored.
        lengths: (B,) int64 in 0..T.
        start: (K,) probabilities, whose precision is that of the result.
        transition: (K, K) probabilities, whose rows sum to one.
        emission: (K, V) probabilities, whose rows sum to one.

    >>> certain = torch.eye(2)
    >>> transition_counts(
    ...     torch.tensor([[0, 1, 0]]), torch.tensor([3]), certain[0], certain.flip(0), certain
    ... ).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    emitted = emission.T.contiguous()  # (V, K)
    counts = torch.zeros_like(transition)
    for part, part_lengths in zip(symbols.split(SEQUENCES), lengths.split(SEQUENCES), strict=True):
        valid = torch.arange(part.shape[1], device=part.device) < part_lengths[:, None]  # (B, T)
        counts += _pairs(part.where(valid, 0).T, valid.T, start, transition, emitted)
    return counts * transition


def _pairs(
    symbols: Tensor, valid: Tensor, start: Tensor, transition: Tensor, emitted: Tensor
) -> Tensor:
    """(K, K) sums over sequences and time of alpha_t(i) b_j(x_{t+1}) beta_{t+1}(j), scaled."""
    tiny = torch.finfo(start.dtype).tiny
    forward, scales = [], []
    before = start.repeat(symbols.shape[1], 1)  # (B, K)
    for t, now in enumerate(symbols):
        alpha = (before @ transition if t else before) * emitted[now]
        scales.append(alpha.sum(1, keepdim=True))
        before = alpha / scales[t].clamp_min(tiny)
        forward.append(before)
    sums, beta = torch.zeros_like(transition), torch.ones_like(before)
    for t in range(len(symbols) - 1, 0, -1):
        # Beyond the end of a sequence nothing is seen: beta stays 1 there.
        seen = emitted[symbols[t]] * beta / scales[t].clamp_min(tiny)
        sums += forward[t - 1].T @ seen.where(valid[t, :, None], 0.0)
        beta = (seen @ transition.T).where(valid[t, :, None], 1.0)
    return sums


def sample_sequences(
    n: int,
    length: int,
    start: Tensor,
    transition: Tensor,
    emission: Tensor,
    *,
    generator: torch.Generator | None = None,
) -> Tensor:
    """(n, length) int64 symbols drawn by inversion, all sequences at once.

    Args:
        start: (K,) float64 probabilities.
        transition: (K, K) float64, rows sum to one.
        emission: (K, V) float64, rows sum to one.
        generator: source of the uniform numbers, on the parameters' device.

    >>> certain = torch.eye(2, dtype=torch.float64)
    >>> sample_sequences(1, 3, certain[0], certain.flip(0), certain).tolist()
    [[0, 1, 0]]
    """
    device = start.device
    uniform = torch.rand(length, n, generator=generator, dtype=torch.float64, device=device)
    states = torch.zeros(length, n, dtype=torch.int64, device=device)
    first_state, next_state = _RowSampler(start[None]), _RowSampler(transition)
    for t in range(length):
        states[t] = (
            next_state(states[t - 1], uniform[t]) if t else first_state(states[0], uniform[0])
        )
    uniform = torch.rand(length, n, generator=generator, dtype=torch.float64, device=device)
    return _RowSampler(emission)(states, uniform).T.contiguous()


class _RowSampler:
    """Draws a column of a row-stochastic matrix for many rows with a single binary search.

    Row r's distribution function is shifted by r and the rows are laid end to end: the result is
    increasing, so r + u is looked up in all of them at once (the shift costs about 1e-14).
    """

    def __init__(self, rows: Tensor) -> None:
        self.columns = rows.shape[1]
        distribution = rows.cumsum(dim=1)
        distribution = distribution / distribution[:, -1:]  # ends at exactly one
        self.shifted = (distribution + torch.arange(len(rows), device=rows.device)[:, None]).ravel()

    def __call__(self, row: Tensor, uniform: Tensor) -> Tensor:
        # right=True never returns an entry of probability zero
        position = torch.searchsorted(self.shifted, row + uniform, right=True)
        # row + u can round up to row + 1, whose entry belongs to the next row
        return (position - row * self.columns).clamp_max(self.columns - 1)
