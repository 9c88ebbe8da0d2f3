"""Expectation step of a hidden Markov model of many states, few of which any observation allows.

A vocabulary of V words has V squared transitions and emissions. Here an observation allows a list
of states, and the transitions are those of a smoothed bigram model,

    p(f | e) = above(e, f) + left(e) u(f),

where above is the part of the pairs that occur, and the rest is of rank one. The posteriors are
those of all V states exactly, given emissions that are 0 outside of the lists. Time and memory grow
with the links between the lists of neighbours, not with V.

Shapes: N places of all sentences, S states, R observations, C states that one allows at most,
M pairs that occur, L allowed states of all places.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from textgan_bench.losses.hidden_markov import Places

BITS = 22
"""Of the numbers of pairs, by which those that cannot occur are told, 4 MB of them."""


class SparseChain(NamedTuple):
    """Transitions by the pairs that occur and a part of rank one."""

    cells: Tensor
    """(M,) int64, sorted: S e + f of each pair that occurs."""
    above: Tensor
    """(M,) its probability beyond the part of rank one."""
    left: Tensor
    """(S,) probability that what follows is drawn at its frequency."""
    frequencies: Tensor
    """(S,) u, the frequencies."""
    known: Tensor
    """(2^BITS,) bool, whether a pair whose number ends in these bits may occur: most of those that
    do not are told from it alone, which takes a fifth of the time of a search."""

    @classmethod
    def of(
        cls, cells: Tensor, counts: Tensor, frequencies: Tensor, backoff: float
    ) -> "SparseChain":
        """(c(e, f) + ``backoff`` u(f)) / (c(e) + ``backoff``), from the pairs that occur (M,)."""
        rows = cells // len(frequencies)
        of_row = torch.zeros_like(frequencies).index_add_(0, rows, counts) + backoff
        known = torch.zeros(1 << BITS, dtype=torch.bool, device=cells.device)
        known[cells & ((1 << BITS) - 1)] = True
        return cls(cells, counts / of_row[rows], backoff / of_row, frequencies, known)

    def look_up(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        """Which of ``cells`` (X,) occur, (Y,) in order, and the part above of these, (Y,)."""
        asked = self.known[cells & ((1 << BITS) - 1)].nonzero()[:, 0]
        wanted = cells[asked]
        place = torch.searchsorted(self.cells, wanted).clamp_max(max(len(self.cells) - 1, 0))
        occurs = self.cells[place] == wanted
        return asked[occurs], self.above[place[occurs]]


class Allowed(NamedTuple):
    """The states that each observation allows."""

    states: Tensor
    """(R, C) int64."""
    emitted: Tensor
    """(R, C) probability of the observation in each of these; those that are 0 come last."""


class Links(NamedTuple):
    """The pairs that occur between the states allowed at two neighbouring places."""

    source: Tensor
    target: Tensor
    above: Tensor


class SparsePosteriors(NamedTuple):
    """What the states of a batch were."""

    cells: Tensor
    """(L,) int64, C r + k for the k-th state that the observation r allows, place by place."""
    states: Tensor
    """(L,) its probability, given the whole sentence."""
    nll: Tensor
    """(N,) nats, -log p of each observation given those before it; inf if it is impossible."""


@torch.no_grad()
def sparse_posteriors(
    seen: Tensor, at: Places, start: Tensor, chain: SparseChain, allowed: Allowed
) -> SparsePosteriors:
    """Smooth all sentences of a batch at once. No gradient flows.

    Args:
        seen: (N,) int64 observations in 0..R-1, as ``Places`` lays them out.
        at: the places.
        start: (S,) probabilities, whose precision is that of the result.
        chain: the transitions.
        allowed: the states that each observation allows, and its probabilities there.
    """
    width = allowed.states.shape[1]
    numbers = (allowed.emitted != 0).sum(1)[seen]  # (N,)
    ends = numbers.cumsum(0)
    begins = ends - numbers
    place = torch.arange(len(seen), device=seen.device).repeat_interleave(numbers)  # (L,)
    cells = seen[place] * width + torch.arange(len(place), device=seen.device) - begins[place]
    words = allowed.states.flatten()[cells]
    emitted = allowed.emitted.flatten()[cells]
    left, frequency = chain.left[words], chain.frequencies[words]
    tiny = torch.finfo(start.dtype).tiny

    states, scale = torch.empty_like(emitted), start.new_empty(len(seen))
    bounds = [0, *ends.tolist()]
    steps: list[_Step] = []
    first = 0
    for n in at.sizes:
        # Sentences that go on are the first of those a step before.
        goes_on = first - steps[-1].places if steps else 0
        before = slice(bounds[goes_on], bounds[goes_on + n]) if steps else slice(0, 0)
        here = slice(bounds[first], bounds[first + n])
        at_place = place[here] - first
        if steps:
            links = _links(chain, words, begins, numbers, slice(goes_on, goes_on + n), first)
            at_before = place[before] - goes_on
            drawn = start.new_zeros(n).index_add_(0, at_before, states[before] * left[before])
            arrived = drawn[at_place] * frequency[here]
            arrived.index_add_(0, links.target - here.start, states[links.source] * links.above)
        else:
            links = Links(seen[:0], seen[:0], start[:0])
            arrived = start[words[here]]
        arrived *= emitted[here]
        sums = start.new_zeros(n).index_add_(0, at_place, arrived)
        scale[first : first + n] = sums
        # What is impossible leaves zeros rather than 0 / 0, and its sum stays at 0.
        states[here] = arrived / sums.clamp_min(tiny)[at_place]
        steps.append(_Step(n, here, before, links))
        first += n

    after = start[:0]  # backward variables of the sentences that go on
    for n, here, before, links in reversed(steps):
        first -= n
        states[here.start : here.start + len(after)] *= after
        at_place = place[here] - first
        weighed = emitted[here] / scale[first : first + n].clamp_min(tiny)[at_place]
        weighed[: len(after)] *= after
        drawn = start.new_zeros(n).index_add_(0, at_place, weighed * frequency[here])
        after = drawn[place[before] - place[before][:1]] * left[before]
        after.index_add_(
            0, links.source - before.start, weighed[links.target - here.start] * links.above
        )
    return SparsePosteriors(cells, states, -scale.log())


class _Step(NamedTuple):
    """One place of all sentences that have it."""

    places: int
    here: slice
    """States allowed there."""
    before: slice
    """States allowed at the places before, of the same sentences."""
    links: Links


def _links(
    chain: SparseChain, words: Tensor, begins: Tensor, numbers: Tensor, before: slice, first: int
) -> Links:
    """Links from the places ``before`` to as many places from ``first`` on."""
    here = slice(first, first + before.stop - before.start)
    pairs = numbers[before] * numbers[here]
    owner = torch.arange(len(pairs), device=words.device).repeat_interleave(pairs)  # (X,)
    inside = torch.arange(len(owner), device=words.device) - (pairs.cumsum(0) - pairs)[owner]
    columns = numbers[here][owner]
    row = inside // columns
    source = begins[before][owner] + row
    target = begins[here][owner] + inside - row * columns
    found, above = chain.look_up(words[source] * len(chain.frequencies) + words[target])
    return Links(source[found], target[found], above)
