"""A one-layer LSTM as a distribution over sequences: its likelihood, its samples, its entropy.

Equations of Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000); gates and
sizes as in the oracle of SeqGAN (Yu et al., 2017, section 5.1). Shapes: B batch, T time, V symbols,
E embedding, H hidden.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

SEQUENCES = 256
"""Sequences taken at a time: their scores of 5,000 symbols in float64 are 10 MB."""


class Parameters(NamedTuple):
    """Parameters; the gates stand in the order input, forget, output, candidate."""

    embedding: Tensor
    """(V, E) vectors of symbols."""
    inputs: Tensor
    """(E, 4 H) weights of the gates on the input."""
    recurrent: Tensor
    """(H, 4 H) weights of the gates on the state."""
    bias: Tensor
    """(4 H,)."""
    output: Tensor
    """(H, V) weights of the scores of symbols."""
    output_bias: Tensor
    """(V,)."""

    def to(self, dtype: torch.dtype, device: torch.device | str = "cpu") -> "Parameters":
        """The same parameters in another precision or place."""
        return Parameters(*(parameter.to(device, dtype) for parameter in self))


class State(NamedTuple):
    """Hidden and cell state, (B, H) each."""

    hidden: Tensor
    cell: Tensor


def _start(lstm: Parameters, n: int) -> State:
    zeros = lstm.bias.new_zeros(n, len(lstm.recurrent))
    return State(zeros, zeros)


def _step(lstm: Parameters, symbols: Tensor, state: State) -> State:
    gates = lstm.embedding[symbols] @ lstm.inputs + state.hidden @ lstm.recurrent + lstm.bias
    update, forget, out, candidate = gates.chunk(4, -1)
    cell = forget.sigmoid() * state.cell + update.sigmoid() * candidate.tanh()
    return State(out.sigmoid() * cell.tanh(), cell)


@torch.no_grad()
def log_likelihood(symbols: Tensor, lengths: Tensor, lstm: Parameters, first: int = 0) -> Tensor:
    """Log probability of each sequence, in nats, given its length.

    Scores have the precision of the parameters; their sums are in float64.

    Args:
        symbols: (B, T) int64 in 0..V-1; positions from ``lengths`` on are ignored.
        lengths: (B,) int64 in 0..T.
        lstm: parameters.
        first: symbol that is read before the first one.

    Returns:
        (B,) float64; 0 for an empty sequence.

    >>> zeros = torch.zeros
    >>> even = Parameters(zeros(2, 1), zeros(1, 4), zeros(1, 4), zeros(4), zeros(1, 2), zeros(2))
    >>> log_likelihood(torch.tensor([[0, 1, 1]]), torch.tensor([2]), even).exp()
    tensor([0.2500], dtype=torch.float64)
    """
    parts = zip(symbols.split(SEQUENCES), lengths.split(SEQUENCES), strict=True)
    sums = [_log_likelihood(*part, lstm, first) for part in parts]
    return torch.cat(sums) if sums else lstm.bias.new_zeros(0, dtype=torch.float64)


def _log_likelihood(symbols: Tensor, lengths: Tensor, lstm: Parameters, first: int) -> Tensor:
    valid = torch.arange(symbols.shape[1], device=symbols.device) < lengths[:, None]  # (B, T)
    symbols = symbols.where(valid, first)
    before, state = torch.full_like(symbols[:, 0], first), _start(lstm, len(symbols))
    total = torch.zeros(len(symbols), dtype=torch.float64, device=symbols.device)
    for now, counts in zip(symbols.T, valid.T, strict=True):
        state = _step(lstm, before, state)
        scores = torch.addmm(lstm.output_bias, state.hidden, lstm.output)  # (B, V)
        chosen = scores.gather(1, now[:, None])[:, 0] - scores.logsumexp(1)
        total += chosen.double().where(counts, 0.0)
        before = now
    return total


class Drawn(NamedTuple):
    """Sequences that were drawn, and what they were drawn from."""

    symbols: Tensor
    """(B, T) int64."""
    entropy: Tensor
    """(B,) mean over the T symbols of the entropy of each given those before it, in nats."""


@torch.no_grad()
def sample_sequences(
    n: int, length: int, lstm: Parameters, generator: torch.Generator, first: int = 0
) -> Iterator[Drawn]:
    """``n`` sequences of ``length`` symbols, ``SEQUENCES`` at a time, drawn by inversion.

    Args:
        n: number of sequences.
        length: T.
        lstm: parameters, in float64: sums over thousands of symbols lose rare ones in float32.
        generator: source of the uniform numbers.
        first: symbol that is read before the first one.
    """
    for chunk in torch.arange(n).split(SEQUENCES):
        symbols = torch.full((len(chunk), length + 1), first)
        entropy = lstm.bias.new_zeros(len(chunk))
        state = _start(lstm, len(chunk))
        for t in range(length):
            state = _step(lstm, symbols[:, t], state)
            logs = torch.addmm(lstm.output_bias, state.hidden, lstm.output).log_softmax(1)  # (B, V)
            probabilities = logs.exp()
            entropy -= (probabilities * logs).sum(1) / length
            cdf = probabilities.cumsum_(1)
            uniform = torch.rand(len(chunk), 1, generator=generator, dtype=cdf.dtype)
            drawn = torch.searchsorted(cdf, uniform * cdf[:, -1:], right=True)
            symbols[:, t + 1] = drawn[:, 0].clamp_max_(cdf.shape[1] - 1)
        yield Drawn(symbols[:, 1:], entropy)
