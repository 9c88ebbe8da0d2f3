"""Expectation steps against hmmlearn and against enumeration of all paths."""

from itertools import product

import numpy as np
import pytest
import torch
from hmmlearn.hmm import CategoricalHMM
from torch import Tensor

from textgan_bench.losses.hidden_markov import Posteriors, places, posteriors
from textgan_bench.losses.sparse_hidden_markov import (
    Allowed,
    SparseChain,
    sparse_posteriors,
)
from textgan_bench.tokens import TokenBatch, length_mask, pad_sequences

STATES, OBSERVATIONS = 4, 5
SENTENCES = [[2], [0, 4, 1], [3, 3, 0, 1, 2, 2], [], [1, 0], [4, 4, 2]]


def rows(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    table = torch.rand(*shape, generator=generator, dtype=torch.float64) + 0.01
    return table / table.sum(-1, keepdim=True)


START, TRANSITION = rows(STATES, seed=1), rows(STATES, STATES, seed=2)
EMISSION = rows(STATES, OBSERVATIONS, seed=3)


def smooth(batch: TokenBatch, emission: Tensor = EMISSION) -> tuple[Posteriors, Tensor]:
    """Posteriors, and the observations that they are of."""
    at = places(batch.lengths, batch.ids.shape[1])
    seen = at.pack(batch.ids)
    return posteriors(seen, at.sizes, START, TRANSITION, emission.T), seen


def by_sentence(batch: TokenBatch, values: Tensor) -> list[Tensor]:
    """The values (N, …) of each sentence, in the order of the batch."""
    at = places(batch.lengths, batch.ids.shape[1])
    numbers = at.unpack(torch.arange(len(values)), -1)
    return [values[row[row >= 0]] for row in numbers]


def test_posteriors_and_likelihood_are_those_of_hmmlearn() -> None:
    model = CategoricalHMM(STATES, n_features=OBSERVATIONS, implementation="scaling")
    model.startprob_, model.transmat_, model.emissionprob_ = START, TRANSITION, EMISSION
    batch = pad_sequences(SENTENCES, 7)
    (states, nll), _ = smooth(batch)
    for sentence, found, costs in zip(
        SENTENCES, by_sentence(batch, states), by_sentence(batch, nll), strict=True
    ):
        assert len(found) == len(sentence)
        if sentence:
            score, expected = model.score_samples(np.array(sentence)[:, None])
            assert -float(costs.sum()) == pytest.approx(score, rel=1e-12)
            assert found.numpy() == pytest.approx(expected, abs=1e-12)


def test_posteriors_are_those_of_all_paths() -> None:
    sentence = [1, 0, 4, 2]
    expected = torch.zeros(len(sentence), STATES, dtype=torch.float64)
    for path in product(range(STATES), repeat=len(sentence)):
        p = START[path[0]] * EMISSION[path[0], sentence[0]]
        for t in range(1, len(sentence)):
            p = p * TRANSITION[path[t - 1], path[t]] * EMISSION[path[t], sentence[t]]
        expected[range(len(sentence)), list(path)] += p
    found, _ = smooth(pad_sequences([sentence]))
    assert float(found.nll.sum().neg().exp()) == pytest.approx(float(expected[0].sum()))
    torch.testing.assert_close(found.states, expected / expected.sum(1, keepdim=True))


def test_an_impossible_observation_costs_infinitely_much_and_breaks_nothing_else() -> None:
    emission = EMISSION.clone()
    emission[:, 2] = 0
    batch = pad_sequences([[1, 2, 0], [1, 0, 3]])
    (states, nll), _ = smooth(batch, emission)
    assert states.isfinite().all()
    assert float(by_sentence(batch, nll)[0].sum()) == float("inf")
    alone, _ = smooth(pad_sequences([[1, 0, 3]]))
    torch.testing.assert_close(by_sentence(batch, states)[1], alone.states)


def test_places_go_there_and_back() -> None:
    batch = pad_sequences([[*sentence] for sentence in SENTENCES], 8)
    at = places(batch.lengths, 8)
    assert at.sizes == [5, 4, 3, 1, 1, 1]
    assert torch.equal(at.unpack(at.pack(batch.ids)), batch.ids)
    time = at.pack(torch.arange(8).expand_as(batch.ids))
    assert torch.equal(time[at.before] + 1, time[at.sizes[0] :])
    assert at.pack(length_mask(batch.lengths, 8)).all()


def sparse_model() -> tuple[SparseChain, Tensor]:
    """A chain in which few pairs occur, and the same as a matrix by its definition."""
    counts = torch.zeros(STATES, STATES, dtype=torch.float64)
    counts[[0, 0, 1, 3], [1, 3, 1, 0]] = torch.tensor([2.0, 1.0, 5.0, 1.0], dtype=torch.float64)
    frequencies = rows(STATES, seed=4)
    cells = counts.flatten().nonzero()[:, 0]
    chain = SparseChain.of(cells, counts.flatten()[cells], frequencies, 3.0)
    dense = (counts + 3 * frequencies) / (counts.sum(1, keepdim=True) + 3)
    return chain, dense


def test_a_sparse_chain_has_the_transitions_of_its_definition() -> None:
    chain, dense = sparse_model()
    found = torch.outer(chain.left, chain.frequencies).flatten()
    where, above = chain.look_up(torch.arange(STATES**2))
    found[where] += above
    torch.testing.assert_close(found.view_as(dense), dense)


@pytest.mark.parametrize("lists", ["all", "some"])
def test_few_states_have_the_posteriors_that_all_have(lists: str) -> None:
    """Given emissions that are 0 outside of the lists, the dense step has to find the same."""
    chain, dense = sparse_model()
    emission = EMISSION.clone()  # (S, R)
    if lists == "some":
        emission[[0, 1, 1, 2, 3], [1, 0, 3, 2, 4]] = 0
    order = (emission.T == 0).int().argsort(dim=1, stable=True)  # those that are allowed first
    allowed = Allowed(order, emission.T.gather(1, order))
    batch = pad_sequences(SENTENCES, 7)
    at = places(batch.lengths, 7)
    seen = at.pack(batch.ids)
    expected = posteriors(seen, at.sizes, START, dense, emission.T)
    found = sparse_posteriors(seen, at, START, chain, allowed)
    torch.testing.assert_close(found.nll, expected.nll)
    # Each cell names its place: the one that the states before it have not filled.
    numbers = (allowed.emitted != 0).sum(1)[seen]
    place = torch.arange(len(seen)).repeat_interleave(numbers)
    assert torch.equal(found.cells // STATES, seen[place])
    states = torch.zeros_like(expected.states)
    states[place, allowed.states.flatten()[found.cells]] = found.states
    torch.testing.assert_close(states, expected.states)
