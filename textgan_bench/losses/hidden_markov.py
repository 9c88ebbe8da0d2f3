"""Expectation step of a hidden Markov model: how often each observation came of each state.

Notation of Rabiner (1989), "A tutorial on hidden Markov models", section V.A: the forward variable
of each place is divided by its sum c_t, the backward variable by the same c_t, so that nothing
underflows. Their product is the posterior of the state, and sum_t log c_t is the likelihood.

Shapes: B batch, T time, K states, R observations, N places of all sentences, W states that the
observations of a group allow.

A batch is read sentence by longest sentence, place by place, the variables of all places lying one
after the other: no operation is spent on padding. What an observation is, is the caller's: a
symbol, or a symbol in one of the alphabets of a key.
"""

from typing import NamedTuple

import torch
from torch import Tensor

SHARES = (1 / 8, 1)
"""Groups of observations by the share of the states that they allow at most."""


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
    def steps(self) -> Tensor:
        """(N,) the number t of each place in its sentence."""
        return self.mask.nonzero()[:, 0]

    @property
    def before(self) -> Tensor:
        """(N - B,) number of the place before each place that is not the first of its sentence."""
        steps, begin = [], 0
        for size, following in zip(self.sizes, self.sizes[1:], strict=False):
            steps.append(torch.arange(begin, begin + following))
            begin += size
        return torch.cat([torch.arange(0), *steps]).to(self.mask.device)


def places(lengths: Tensor, steps: int) -> Places:
    """The places of sentences of ``lengths`` (B,), padded to T = ``steps``."""
    order = lengths.argsort(descending=True, stable=True)
    mask = torch.arange(steps, device=lengths.device)[:, None] < lengths[order]
    return Places(mask, order, [size for size in mask.sum(1).tolist() if size])


class Expected(NamedTuple):
    """What is expected of a batch."""

    counts: Tensor
    """(R, K) how often each observation came of each state."""
    nll: Tensor
    """(N,) nats, -log p of each observation given those before it; inf if it is impossible."""


@torch.no_grad()
def expected_counts(
    seen: Tensor, at: Places, start: Tensor, transition: Tensor, emitted: Tensor
) -> Expected:
    """Smooth all sentences of a batch at once. No gradient flows.

    Most of the time are two products with the transitions a place. A frequent symbol often allows
    few states, and a product needs no others, of the place or of the one before. So observations
    are taken in two groups by how many states they allow, and those of the first group come first.

    Args:
        seen: (N,) int64 observations in 0..R-1, as ``Places`` lays them out.
        at: the places.
        start: (K,) probabilities, whose precision is that of the result.
        transition: (K, K) probabilities, whose rows sum to one.
        emitted: (R, K) probability of an observation in each state; those of the observations that
            are possible at one place sum to one.

    >>> chain = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    >>> fair = torch.full((3, 2), 1 / 3, dtype=torch.float64)
    >>> at = places(torch.tensor([2]), 2)
    >>> expected = expected_counts(torch.tensor([0, 2]), at, chain[1], chain, fair)
    >>> expected.counts.tolist()
    [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]
    """
    group, states, widths = _groups(emitted)
    start, transition, emitted = start[states], transition[states][:, states], emitted[:, states]
    pairs = [(before, here) for here in range(len(widths)) for before in range(len(widths))]
    links = [transition[: widths[a], : widths[b]].contiguous() for a, b in pairs]

    # The places of a step, group by group, and in each by the group of the place before.
    firsts = at.sizes[0] if at.sizes else 0
    groups, previous = group[seen], torch.cat([seen.new_zeros(firsts), at.before])
    blocks = (at.steps * len(widths) + groups) * len(widths) + groups[previous]
    order = blocks.argsort(stable=True)
    sizes = torch.bincount(blocks, minlength=len(at.sizes) * len(pairs)).tolist()
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device=order.device)
    before, read = place[previous[order]], seen[order]

    # Beyond the states that a group allows nothing is written, and nothing read.
    forward = start.new_empty(len(read), len(start))
    scale = start.new_empty(len(read))
    tiny = torch.finfo(start.dtype).tiny
    end = 0
    for block, size in enumerate(sizes):
        if not size:
            continue
        number = block % len(pairs)
        from_width, width = (widths[group_of] for group_of in pairs[number])
        rows = slice(end, end + size)
        end += size
        arrived = emitted[read[rows], :width]
        if block < len(pairs):
            arrived *= start[:width]
        else:
            arrived *= forward[before[rows], :from_width] @ links[number]
        sums = torch.sum(arrived, 1, out=scale[rows])
        # What is impossible leaves zeros rather than 0 / 0, and its sum stays at 0.
        torch.div(arrived, sums.clamp_min(tiny)[:, None], out=forward[rows, :width])

    counts = torch.zeros_like(emitted)
    backward = start.new_ones(at.sizes[-1] if at.sizes else 0, len(start))  # of one step
    for step in reversed(range(len(at.sizes))):
        first = end - at.sizes[step]
        goes_on = at.sizes[step - 1] if step else 0
        earlier = start.new_ones(goes_on, len(start))  # 1 where a sentence ends
        begin = first
        for number, (group_before, group_here) in enumerate(pairs):
            size = sizes[step * len(pairs) + number]
            if not size:
                continue
            from_width, width = widths[group_before], widths[group_here]
            rows = slice(begin, begin + size)
            after = backward[begin - first : begin - first + size, :width]
            begin += size
            counts[:, :width].index_add_(0, read[rows], forward[rows, :width] * after)
            if step:
                weighed = emitted[read[rows], :width].mul_(after)
                weighed /= scale[rows].clamp_min(tiny)[:, None]
                earlier[before[rows] - (first - goes_on), :from_width] = weighed @ links[number].T
        backward, end = earlier, first
    unsorted = torch.empty_like(counts)
    unsorted[:, states] = counts
    return Expected(unsorted, -scale[place].log())


def _groups(emitted: Tensor) -> tuple[Tensor, Tensor, list[int]]:
    """(R,) group of each observation, (K,) the states in order, and how many each group allows.

    The states that a group allows are the first ones of this order.
    """
    allowed = emitted != 0
    limits = torch.tensor(SHARES[:-1], device=emitted.device)
    group = torch.bucketize(allowed.double().mean(1), limits)
    last = len(SHARES) - 1
    first = torch.full_like(group[:1], last).repeat(emitted.shape[1])
    for number in reversed(range(last)):
        first[allowed[group == number].any(0)] = number
    widths = [int((first <= number).sum()) for number in range(len(SHARES))]
    return group, first.argsort(stable=True), widths
