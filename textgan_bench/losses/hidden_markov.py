"""Expectation step of a hidden Markov model: what its states were, given what was seen.

Notation of Rabiner (1989), "A tutorial on hidden Markov models", section V.A: the forward variable
of each place is divided by its sum c_t, the backward variable by the same c_t, so that nothing
underflows. Their product is the posterior of the state, and sum_t log c_t is the likelihood.

Shapes: B batch, T time, K states, R observations, N places of all sentences.

A batch is read sentence by longest sentence, place by place, the (N, K) variables of all places
lying one after the other: no operation is spent on padding. What an observation is, is the
caller's: a symbol, or a symbol at one of the places of a key that follow each other in turn.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from textgan_bench.tokens import length_mask


class Places(NamedTuple):
    """The places of a batch that hold a symbol: the first of every sentence, the second, ..."""

    mask: Tensor
    """(T, B) bool, True on symbols, the longest sentence first."""
    order: Tensor
    """(B,) the sentences, the longest first."""
    sizes: list[int]
    """Sentences that have a first, a second, ... symbol; T' <= T numbers."""

    def pack(self, values: Tensor) -> Tensor:
        """(N,) the values (B, T) at the places."""
        return values[self.order].T[self.mask]

    @property
    def before(self) -> Tensor:
        """(N - B,) number of the place before each place that is not the first of its sentence."""
        steps, begin = [], 0
        for size, following in zip(self.sizes, self.sizes[1:], strict=False):
            steps.append(torch.arange(begin, begin + following))
            begin += size
        return torch.cat([torch.arange(0), *steps]).to(self.mask.device)

    def unpack(self, values: Tensor, padding: int = 0) -> Tensor:
        """(B, T) the values (N,) at the places, and ``padding`` elsewhere."""
        rows = torch.full(self.mask.shape, padding, dtype=values.dtype, device=values.device)
        rows[self.mask] = values
        unsorted = torch.empty_like(rows.T)
        unsorted[self.order] = rows.T
        return unsorted


def places(lengths: Tensor, steps: int) -> Places:
    """The places of sentences of ``lengths`` (B,), padded to T = ``steps``."""
    order = lengths.argsort(descending=True, stable=True)
    mask = length_mask(lengths[order], steps).T
    return Places(mask, order, [size for size in mask.sum(1).tolist() if size])


class Posteriors(NamedTuple):
    """What the states of a batch were."""

    states: Tensor
    """(N, K) probability of each state at each place, given the whole sentence."""
    nll: Tensor
    """(N,) nats, -log p of each observation given those before it; inf if it is impossible."""


@torch.no_grad()
def posteriors(
    seen: Tensor, sizes: list[int], start: Tensor, transition: Tensor, emitted: Tensor
) -> Posteriors:
    """Smooth all sentences of a batch at once. No gradient flows.

    Two thirds of the time are the two products with the transitions.

    Args:
        seen: (N,) int64 observations in 0..R-1, as ``Places`` lays them out.
        sizes: sentences that have a first, a second, ... symbol.
        start: (K,) probabilities, whose precision is that of the result.
        transition: (K, K) probabilities, whose rows sum to one.
        emitted: (R, K) probability of an observation in each state; those of the observations that
            are possible at one place sum to one.

    >>> chain = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    >>> fair = torch.tensor([[0.5, 0.5], [0.5, 0.5]], dtype=torch.float64)
    >>> smoothed = posteriors(torch.tensor([0, 1]), [1, 1], chain[1], chain, fair)
    >>> smoothed.states.tolist(), smoothed.nll.neg().exp().tolist()
    ([[1.0, 0.0], [0.0, 1.0]], [0.5, 0.5])
    """
    states = start.new_empty(len(seen), len(start))
    scale = start.new_empty(len(seen))
    tiny = torch.finfo(start.dtype).tiny
    begin, before = 0, start
    for n in sizes:
        here, there = states[begin : begin + n], scale[begin : begin + n]
        if begin == 0:
            here.copy_(start)
        else:
            torch.mm(before[:n], transition, out=here)
        here.mul_(emitted[seen[begin : begin + n]])
        torch.sum(here, 1, out=there)
        # What is impossible leaves zeros rather than 0 / 0, and its sum stays at 0.
        here.div_(there.clamp_min(tiny)[:, None])
        before, begin = here, begin + n

    back = transition.T.contiguous()
    after = start.new_empty(0, len(start))  # backward variables of the sentences that go on
    for n in reversed(sizes):
        begin -= n
        here = states[begin : begin + n]
        here[: len(after)].mul_(after)
        if begin:
            weighed = emitted[seen[begin : begin + n]]
            weighed[: len(after)].mul_(after)
            weighed.div_(scale[begin : begin + n].clamp_min(tiny)[:, None])
            after = weighed @ back
    return Posteriors(states, -scale.log())
