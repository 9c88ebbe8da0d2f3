"""The forward algorithm and the sampler against hmmlearn, enumeration and the chi-square test."""

import itertools

import numpy as np
import pytest
import torch
from hmmlearn.hmm import CategoricalHMM
from scipy import stats
from torch import Tensor

from textgan_bench.functional import hmm
from textgan_bench.functional.hmm import (
    forward_log_likelihood,
    sample_sequences,
    state_occupancy,
    transition_counts,
)

Parameters = tuple[Tensor, Tensor, Tensor]


def random_hmm(states: int, symbols: int, seed: int = 0) -> Parameters:
    random = np.random.default_rng(seed)
    start, transition, emission = (
        torch.from_numpy(random.dirichlet(np.full(columns, 0.5), rows))
        for rows, columns in ((1, states), (states, states), (states, symbols))
    )
    return start[0], transition, emission


def path_probability(sequence: tuple[int, ...], parameters: Parameters) -> float:
    """Sum over all state paths of the probability of path and symbols: the definition."""
    start, transition, emission = (rows.tolist() for rows in parameters)
    total = 0.0
    for path in itertools.product(range(len(start)), repeat=len(sequence)):
        probability = start[path[0]]
        for t, (state, symbol) in enumerate(zip(path, sequence, strict=True)):
            if t > 0:
                probability *= transition[path[t - 1]][state]
            probability *= emission[state][symbol]
        total += probability
    return total


def test_log_likelihood_is_the_sum_over_state_paths() -> None:
    parameters = random_hmm(3, 5)
    sequences = list(itertools.product(range(5), repeat=3))
    result = forward_log_likelihood(
        torch.tensor(sequences), torch.full((len(sequences),), 3), *parameters
    )
    expected = [path_probability(sequence, parameters) for sequence in sequences]
    torch.testing.assert_close(result.exp().tolist(), expected, rtol=1e-12, atol=0)


def test_probabilities_of_all_strings_sum_to_one() -> None:
    parameters = random_hmm(4, 5)
    sequences = torch.tensor(list(itertools.product(range(5), repeat=6)))
    result = forward_log_likelihood(sequences, torch.full((len(sequences),), 6), *parameters)
    assert result.exp().sum().item() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("lengths", [[40, 40, 40, 40], [1, 40, 7, 19]])
def test_log_likelihood_agrees_with_hmmlearn(lengths: list[int]) -> None:
    start, transition, emission = random_hmm(20, 50)
    model = CategoricalHMM(n_components=20, n_features=50, implementation="scaling")
    model.startprob_, model.transmat_ = start.numpy(), transition.numpy()
    model.emissionprob_ = emission.numpy()
    symbols = torch.from_numpy(np.random.default_rng(1).integers(50, size=(4, 40)))
    result = forward_log_likelihood(symbols, torch.tensor(lengths), start, transition, emission)
    for row, length, log_likelihood in zip(symbols, lengths, result.tolist(), strict=True):
        expected = model.score(row[:length, None].numpy())
        assert abs(log_likelihood - expected) / length < 1e-10


def test_padding_is_ignored_and_an_empty_sequence_is_certain() -> None:
    parameters = random_hmm(3, 5)
    lengths = torch.tensor([2, 0])
    result = forward_log_likelihood(torch.tensor([[1, 2, 9], [-1, 77, 0]]), lengths, *parameters)
    assert result[0].exp().item() == pytest.approx(path_probability((1, 2), parameters))
    assert result[1].item() == 0
    assert (
        forward_log_likelihood(torch.empty(2, 0, dtype=torch.int64), lengths * 0, *parameters)
        .eq(0)
        .all()
    )
    assert forward_log_likelihood(
        torch.empty(0, 3, dtype=torch.int64), lengths[:0], *parameters
    ).shape == (0,)


def test_an_impossible_sequence_has_no_probability() -> None:
    one = torch.ones(1, dtype=torch.float64)
    emission = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    symbols = torch.tensor([[0, 1, 0], [0, 0, 0]])
    result = forward_log_likelihood(symbols, torch.tensor([3, 3]), one, one[:, None], emission)
    assert result.tolist() == [float("-inf"), 0.0]


def test_long_sequences_do_not_underflow() -> None:
    start, transition, emission = random_hmm(5, 500)
    symbols = torch.arange(2_000)[None] % 500
    lengths = torch.tensor([2_000])
    double = forward_log_likelihood(symbols, lengths, start, transition, emission)
    single = forward_log_likelihood(
        symbols, lengths, start.float(), transition.float(), emission.float()
    )
    assert double.item() < -1_000  # exp of it is zero in any precision
    assert single.item() == pytest.approx(double.item(), rel=1e-5)


def test_sampler_follows_the_distribution_over_strings() -> None:
    parameters = random_hmm(4, 5)
    n, length = 20_000, 3
    samples = sample_sequences(n, length, *parameters, generator=torch.Generator().manual_seed(0))
    strings = torch.tensor(list(itertools.product(range(5), repeat=length)))
    expected = (
        n * forward_log_likelihood(strings, torch.full((len(strings),), length), *parameters).exp()
    )
    codes = (samples * torch.tensor([25, 5, 1])).sum(dim=1)  # product() counts in base five
    observed = torch.bincount(codes, minlength=len(strings)).double()
    assert expected.min() >= 5  # the usual condition of the test
    assert stats.chisquare(observed.numpy(), expected.numpy()).pvalue > 1e-3


def test_rare_symbols_are_drawn_as_often_as_they_are() -> None:
    """Each symbol of the tail, 1e-6 to 1e-2 likely, by the place it has in a row's end."""
    start, transition, _ = random_hmm(4, 5)
    tail = torch.logspace(-6, -2, 200, dtype=torch.float64).repeat(4, 1)
    tail *= 0.04 / tail.sum(1, keepdim=True)
    emission = torch.cat([torch.full((4, 2), 0.48, dtype=torch.float64), tail], 1)
    n = 100_000
    samples = sample_sequences(
        n, 1, start, transition, emission, generator=torch.Generator().manual_seed(0)
    )
    counts = torch.bincount(samples[:, 0], minlength=202).double()
    expected = n * emission[0]
    cells = torch.tensor([0, 1, *(2 + torch.arange(200) // 20)])  # twenty symbols together
    observed, wanted = (torch.zeros(12).double().index_add(0, cells, x) for x in (counts, expected))
    often = wanted >= 5
    assert 5 < often.sum() < len(often)
    assert counts[2:].sum() > 3_500
    grouped = [torch.cat([x[often], x[~often].sum(0, keepdim=True)]) for x in (observed, wanted)]
    assert stats.chisquare(grouped[0].numpy(), grouped[1].numpy()).pvalue > 1e-3


def test_sampler_never_emits_what_has_no_probability() -> None:
    start = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    transition = start.expand(3, 3)
    emission = torch.tensor([[1.0, 0, 0, 0], [0, 0.5, 0, 0.5], [1, 0, 0, 0]], dtype=torch.float64)
    samples = sample_sequences(5_000, 4, start, transition, emission)
    assert samples.shape == (5_000, 4)
    assert set(samples.unique().tolist()) == {1, 3}


@pytest.mark.parametrize(("n", "length"), [(0, 5), (3, 0), (1, 1)])
def test_sampler_shapes_and_repeatability(n: int, length: int) -> None:
    parameters = random_hmm(3, 5)
    first, second = (
        sample_sequences(n, length, *parameters, generator=torch.Generator().manual_seed(4))
        for _ in range(2)
    )
    assert first.shape == (n, length)
    assert first.dtype == torch.int64
    assert torch.equal(first, second)


@pytest.mark.gpu
def test_an_accelerator_gives_the_same_likelihood() -> None:
    parameters = random_hmm(20, 50)
    symbols = sample_sequences(64, 20, *parameters)
    lengths = torch.full((64,), 20)
    expected = forward_log_likelihood(symbols, lengths, *parameters)
    on_device = [tensor.cuda() for tensor in (symbols, lengths, *parameters)]
    torch.testing.assert_close(
        forward_log_likelihood(*on_device).cpu(), expected, rtol=1e-12, atol=1e-10
    )
    assert sample_sequences(8, 5, *(rows.cuda() for rows in parameters)).is_cuda


def posterior_by_paths(sequence: tuple[int, ...], parameters: Parameters) -> np.ndarray:
    """Transitions of each pair of states, weighted over all state paths: the definition."""
    start, transition, emission = (rows.tolist() for rows in parameters)
    counts, total = np.zeros((len(start), len(start))), 0.0
    for path in itertools.product(range(len(start)), repeat=len(sequence)):
        probability = start[path[0]] * emission[path[0]][sequence[0]]
        for (i, j), symbol in zip(itertools.pairwise(path), sequence[1:], strict=True):
            probability *= transition[i][j] * emission[j][symbol]
        total += probability
        for pair in itertools.pairwise(path):
            counts[pair] += probability
    return counts / total


@pytest.mark.parametrize("sequences_at_once", [1, 3, 512])
def test_transition_counts_are_the_sum_over_state_paths(
    sequences_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hmm, "SEQUENCES", sequences_at_once)
    parameters = random_hmm(3, 5)
    sequences = [(0, 1, 2, 4), (3, 3), (2,), (4, 0, 1)]
    rows = torch.full((len(sequences) + 1, 4), 77)
    for row, sequence in zip(rows, sequences, strict=False):
        row[: len(sequence)] = torch.tensor(sequence)
    lengths = torch.tensor([*map(len, sequences), 0])
    found = transition_counts(rows, lengths, *parameters)
    expected = sum(posterior_by_paths(sequence, parameters) for sequence in sequences)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_posterior_transitions_of_all_strings_are_those_of_the_model() -> None:
    """Weighted by the probability of each string, the expectation over the model is exact."""
    start, transition, emission = random_hmm(3, 4, seed=1)
    strings = torch.tensor(list(itertools.product(range(4), repeat=4)))
    lengths = torch.full((len(strings),), 4)
    weights = forward_log_likelihood(strings, lengths, start, transition, emission).exp()
    total = torch.zeros(3, 3, dtype=torch.float64)
    for string, weight in zip(strings, weights, strict=True):
        one = transition_counts(string[None], lengths[:1], start, transition, emission)
        total += weight * one
    expected = state_occupancy(lengths[:1], start, transition)[:, None] * transition
    torch.testing.assert_close(total, expected, rtol=1e-10, atol=0)
