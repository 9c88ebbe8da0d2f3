"""The LSTM against PyTorch's, enumeration and the chi-square test."""

from itertools import product

import pytest
import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn import functional as F

from textgan_bench.functional import lstm as module
from textgan_bench.functional.lstm import Drawn, Parameters, log_likelihood, sample_sequences

SYMBOLS, LENGTH = 3, 4
STRINGS = torch.tensor(list(product(range(SYMBOLS), repeat=LENGTH)))  # 81 of them


def random_lstm(symbols: int, units: int, embedding: int, scale: float = 1.5) -> Parameters:
    """Far from uniform, so that every symbol depends on those before it."""
    torch.manual_seed(0)
    shapes = (
        (symbols, embedding),
        (embedding, 4 * units),
        (units, 4 * units),
        (4 * units,),
        (units, symbols),
        (symbols,),
    )
    return Parameters(*(scale * torch.randn(shape, dtype=torch.float64) for shape in shapes))


def by_torch(symbols: Tensor, lstm: Parameters, first: int) -> Tensor:
    """(B, T) NLL of each symbol by ``torch.nn.LSTM``, whose gates stand in another order."""

    def in_its_order(weights: Tensor) -> Tensor:
        update, forget, out, candidate = weights.chunk(4, -1)
        return torch.cat([update, forget, candidate, out], -1).mT

    embedding, inputs, recurrent, bias, output, output_bias = lstm
    cells = nn.LSTM(embedding.shape[1], len(recurrent), batch_first=True, dtype=torch.float64)
    weights = {
        "weight_ih_l0": in_its_order(inputs),
        "weight_hh_l0": in_its_order(recurrent),
        "bias_ih_l0": in_its_order(bias[None]).flatten(),
        "bias_hh_l0": torch.zeros_like(bias),
    }
    cells.load_state_dict(weights)
    with torch.no_grad():
        hidden, _ = cells(embedding[F.pad(symbols[:, :-1], (1, 0), value=first)])
    scores = hidden @ output + output_bias
    return F.cross_entropy(scores.mT, symbols, reduction="none")


@pytest.mark.parametrize("first", [0, 7])
def test_likelihood_is_that_of_torch(first: int) -> None:
    lstm = random_lstm(symbols=30, units=5, embedding=6)
    symbols, lengths = torch.randint(30, (40, 9)), torch.arange(40) % 10
    nll = by_torch(symbols, lstm, first) * (torch.arange(9) < lengths[:, None])
    ours = log_likelihood(symbols, lengths, lstm, first)
    torch.testing.assert_close(ours, -nll.sum(1), rtol=1e-12, atol=1e-12)
    assert ours[0] == 0, "an empty sequence is certain"


def test_probabilities_of_all_strings_sum_to_one() -> None:
    lstm = random_lstm(SYMBOLS, units=4, embedding=3)
    p = log_likelihood(STRINGS, torch.full((len(STRINGS),), LENGTH), lstm).exp()
    assert p.sum().item() == pytest.approx(1, abs=1e-12)
    assert p.max() > 5 / len(STRINGS)  # or any law would pass the tests below


def test_what_stands_behind_the_end_is_ignored() -> None:
    lstm = random_lstm(SYMBOLS, units=4, embedding=3)
    lengths = torch.tensor([2, 0])
    clean = log_likelihood(torch.tensor([[1, 2, 0], [0, 0, 0]]), lengths, lstm)
    odd = log_likelihood(torch.tensor([[1, 2, -1], [-1, 99, -1]]), lengths, lstm)
    assert torch.equal(odd, clean)


def test_parts_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    lstm = random_lstm(SYMBOLS, units=4, embedding=3)
    lengths = torch.arange(len(STRINGS)) % (LENGTH + 1)
    whole = log_likelihood(STRINGS, lengths, lstm)
    monkeypatch.setattr(module, "SEQUENCES", 7)
    torch.testing.assert_close(log_likelihood(STRINGS, lengths, lstm), whole, rtol=0, atol=1e-12)
    nothing = log_likelihood(STRINGS[:0], lengths[:0], lstm)
    assert (nothing.shape, nothing.dtype) == ((0,), torch.float64)


def test_sums_of_single_precision_are_kept_in_double() -> None:
    lstm = random_lstm(symbols=50, units=5, embedding=6)
    symbols, lengths = torch.randint(50, (20, 15)), torch.full((20,), 15)
    exact = log_likelihood(symbols, lengths, lstm)
    single = log_likelihood(symbols, lengths, lstm.to(torch.float32))
    assert single.dtype == torch.float64
    torch.testing.assert_close(single, exact, rtol=1e-5, atol=1e-4)
    assert not torch.equal(single.float().double(), single)


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    lstm = random_lstm(SYMBOLS, units=4, embedding=3)
    generator = torch.Generator().manual_seed(1)
    parts = list(sample_sequences(20_000, LENGTH, lstm, generator))
    assert {len(part.symbols) for part in parts} == {module.SEQUENCES, 20_000 % module.SEQUENCES}
    return Drawn(*map(torch.cat, zip(*parts, strict=True)))


def test_samples_have_the_law_of_the_likelihood(drawn: Drawn) -> None:
    check_law(drawn)


def test_samples_in_single_precision_have_it_too_where_symbols_are_few() -> None:
    lstm = random_lstm(SYMBOLS, units=4, embedding=3).to(torch.float32)
    parts = sample_sequences(20_000, LENGTH, lstm, torch.Generator().manual_seed(1))
    check_law(Drawn(*map(torch.cat, zip(*parts, strict=True))))


def check_law(drawn: Drawn) -> None:
    """Chi-square over all strings, the rare ones together."""
    lstm = random_lstm(SYMBOLS, units=4, embedding=3)
    expected = 20_000 * log_likelihood(STRINGS, torch.full((len(STRINGS),), LENGTH), lstm).exp()
    places = SYMBOLS ** torch.arange(LENGTH - 1, -1, -1)
    counts = torch.bincount((drawn.symbols * places).sum(1), minlength=len(STRINGS)).double()
    often = expected >= 5  # the usual condition of the test; the others are one cell
    observed = torch.cat([counts[often], counts[~often].sum(0, keepdim=True)])
    wanted = torch.cat([expected[often], expected[~often].sum(0, keepdim=True)])
    assert often.sum() > 20
    assert wanted[-1] >= 5
    assert stats.chisquare(observed.numpy(), wanted.numpy()).pvalue > 1e-3


def test_entropy_is_that_of_all_strings(drawn: Drawn) -> None:
    lstm = random_lstm(SYMBOLS, units=4, embedding=3)
    logs = log_likelihood(STRINGS, torch.full((len(STRINGS),), LENGTH), lstm)
    exact = -(logs.exp() * logs).sum().item() / LENGTH
    error = drawn.entropy.std().item() / len(drawn.entropy) ** 0.5
    assert drawn.entropy.mean().item() == pytest.approx(exact, abs=4 * error)
    nll = -log_likelihood(drawn.symbols, torch.full((20_000,), LENGTH), lstm) / LENGTH
    assert nll.mean().item() == pytest.approx(exact, abs=4 * nll.std().item() / 20_000**0.5)
    assert drawn.entropy.std() < nll.std() / 2, "what it is measured by varies less"


def test_a_symbol_without_probability_is_never_drawn() -> None:
    lstm = random_lstm(SYMBOLS, units=4, embedding=3)
    lstm.output_bias[1] = -torch.inf
    (drawn,) = sample_sequences(200, LENGTH, lstm, torch.Generator().manual_seed(0))
    assert set(drawn.symbols.unique().tolist()) == {0, 2}


@pytest.mark.parametrize(("n", "length"), [(0, 5), (3, 0), (300, 2)])
def test_sampler_shapes_and_repeatability(n: int, length: int) -> None:
    lstm = random_lstm(5, units=3, embedding=4)
    first, second = (
        torch.cat([part.symbols for part in sample_sequences(n, length, lstm, generator)])
        for generator in (torch.Generator().manual_seed(4) for _ in range(2))
    )
    assert first.shape == (n, length)
    assert first.dtype == torch.int64
    assert torch.equal(first, second)


@pytest.mark.gpu
def test_an_accelerator_gives_the_same_likelihood() -> None:
    lstm = random_lstm(50, units=8, embedding=8)
    symbols, lengths = torch.randint(50, (64, 20)), torch.full((64,), 20)
    on_device = log_likelihood(symbols.cuda(), lengths.cuda(), lstm.to(torch.float64, "cuda"))
    torch.testing.assert_close(
        on_device.cpu(), log_likelihood(symbols, lengths, lstm), rtol=1e-12, atol=1e-10
    )
