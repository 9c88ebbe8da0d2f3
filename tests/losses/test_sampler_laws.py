"""Whether what draws words has the law that it is named after, its tail included.

A tail is words that are rare one by one and not together. In single precision a random number has
24 bits: looked up in a distribution function it still finds the tail, if not each word of it, while
Gumbel noise made of it ends at 16.6, and the tail is cut off (Zheng et al., 2024).
"""

import itertools
import math
from collections import Counter

import pytest
import torch
from scipy import stats
from torch import Tensor

from textgan_bench.losses.relaxation import MANY, draw, gumbel_noise_like
from textgan_bench.networks.autoregressive import State, write
from textgan_bench.tokens import PAD

DTYPES = [torch.float32, torch.float64]
HEAD, CELLS = 8, 20
"""Frequent words, and groups of neighbours that the others are counted in."""


def with_tail(width: int, share: float) -> Tensor:
    """(V,) probabilities: a few words have most, and the others ``share`` between them."""
    tail = torch.linspace(1, 3, width - HEAD, dtype=torch.float64)
    head = torch.arange(1, HEAD + 1, dtype=torch.float64)
    half = HEAD // 2  # frequent words on either side
    p = torch.cat([head[:half], tail, head[half:]])
    rare = torch.zeros(width, dtype=torch.bool)
    rare[half : width - half] = True
    p[rare] *= share / p[rare].sum()
    p[~rare] *= (1 - share) / p[~rare].sum()
    return p


def cells(width: int) -> Tensor:
    """(V,) cell of each word: its own for a frequent one, one of ``CELLS`` by place for others."""
    half, rare = HEAD // 2, width - HEAD
    groups = HEAD + torch.arange(rare) * CELLS // rare
    return torch.cat([torch.arange(half), groups, torch.arange(half, HEAD)])


def fit(words: Tensor, p: Tensor) -> float:
    """The chi-square test's probability of counts as far from ``p`` as those of ``words``."""
    cell = cells(len(p))
    observed = torch.bincount(cell[words], minlength=HEAD + CELLS)
    expected = torch.zeros(HEAD + CELLS).double().index_add(0, cell, p) * len(words)
    assert expected.min() >= 5
    assert len(words) * p[cell >= HEAD].max() < 5, "no word of the tail is frequent"
    return float(stats.chisquare(observed.numpy(), expected.numpy()).pvalue)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [600, MANY + 1_000], ids=["plain", "two steps"])
def test_inversion_draws_the_softmax_and_its_tail(width: int, dtype: torch.dtype) -> None:
    p = with_tail(width, share=0.05)
    torch.manual_seed(0)
    words = draw(p.log().to(dtype).expand(10_000, -1))
    assert fit(words, p) > 1e-3
    shorter = with_tail(width, share=0.03)
    assert fit(words, shorter) < 1e-6, "the test sees a tail of another weight"


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_argmax_of_gumbel_noise_draws_the_softmax_and_a_tail_that_is_not_too_rare(
    dtype: torch.dtype,
) -> None:
    p = with_tail(600, share=0.05)
    torch.manual_seed(0)
    scores = p.log().to(dtype).expand(10_000, -1)
    assert fit((scores + gumbel_noise_like(scores)).argmax(-1), p) > 1e-3


def test_gumbel_noise_in_single_precision_cuts_the_tail_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All 2^24 random numbers of float32 against each other, not some of them.

    Two words, the second e^-17 as likely: it is drawn if its noise exceeds the other's by 17.
    """
    numbers = torch.arange(2**24, dtype=torch.float32) / 2**24
    monkeypatch.setattr(torch, "rand_like", lambda _: numbers.clone())
    noise = gumbel_noise_like(numbers)
    assert float(noise.max()) == pytest.approx(-math.log(-math.log1p(-(2.0**-24))), abs=1e-4)
    others = noise[:: 2**8]  # evenly spread
    beaten = len(noise) - torch.searchsorted(noise, others + 17.0, right=True)
    drawn = float(beaten.double().mean()) / len(noise)
    fair = 1 / (1 + math.exp(17))
    assert drawn < 0.8 * fair
    n = 1e10
    counts, expected = [n * (1 - drawn), n * drawn], [n * (1 - fair), n * fair]
    assert stats.chisquare(counts, expected).pvalue < 1e-3


@pytest.mark.parametrize("noise", [5.0, 17.0, 20.0, 30.0])
def test_gumbel_noise_in_double_precision_reaches_the_tail(
    noise: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number is below u = exp(-exp(-x)) as often as Gumbel noise is below x."""
    below = torch.tensor([math.exp(-math.exp(-noise))], dtype=torch.float64)
    monkeypatch.setattr(torch, "rand_like", lambda _: below.clone())
    assert float(gumbel_noise_like(below)) == pytest.approx(noise, abs=2e-3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_two_steps_find_the_rarest_words_together_and_in_double_precision_each(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last 2^-15 of all random numbers, which 2,048 words of 2^-26 share.

    In float32 there are 512 such numbers, in float64 four a word are looked at.
    """
    rare = torch.full((2_048,), 2.0**-26, dtype=torch.float64)
    numbers = 512 if dtype == torch.float32 else 4 * len(rare)
    step = 2.0**-15 / numbers
    uniform = 1 - step * torch.arange(1, numbers + 1, dtype=torch.float64)
    left = iter(uniform.tolist())

    def rand(*size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
        numbers = itertools.islice(left, size[0])
        return torch.tensor([*numbers], dtype=dtype, device=device)[:, None]

    monkeypatch.setattr(torch, "rand", rand)
    logits = torch.cat([1 - rare.sum(0, keepdim=True), rare]).log().to(dtype)
    counts = torch.bincount(draw(logits.expand(numbers, -1)), minlength=len(logits))[1:].double()
    together = counts.unflatten(0, (16, 128)).sum(1)
    assert stats.chisquare(together, torch.full((16,), float(counts.sum()) / 16)).pvalue > 1e-3
    assert counts.sum() == pytest.approx(numbers, rel=0.02)
    if dtype == torch.float64:
        assert ((counts - 4).abs() <= 1).all()
    else:
        assert (counts > 0).sum() <= 512


class Markov:
    """Writes a symbol by the one before, of which each row of a table has the scores."""

    max_length = 3

    def __init__(self, scores: Tensor) -> None:
        self.scores = scores

    def output(self, hidden: Tensor) -> Tensor:
        return hidden

    def start(self, n: int) -> State:
        return (torch.zeros(n),)

    def step(self, symbols: Tensor, state: State) -> tuple[Tensor, State]:
        return self.scores[symbols], state


@pytest.mark.parametrize("dtype", DTYPES)
def test_sentences_have_the_law_of_their_words_rare_ones_included(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    scores = torch.randn(5, 5, dtype=torch.float64)
    scores[:, 3] -= 4  # a rare word
    temperature, n = 0.8, 20_000
    steps = (scores / temperature).log_softmax(-1)
    law: dict[tuple[int, ...], float] = {}
    for length in range(Markov.max_length + 1):
        for words in itertools.product(range(1, 5), repeat=length):
            ended = [*words, PAD][: Markov.max_length]
            path = zip([PAD, *ended], ended, strict=False)
            law[words] = math.exp(sum(float(steps[a, b]) for a, b in path))
    assert math.fsum(law.values()) == pytest.approx(1)
    torch.manual_seed(1)
    ids, lengths = write(Markov(scores.to(dtype)), n, temperature, torch.device("cpu"))
    rows = zip(ids.tolist(), lengths.tolist(), strict=True)
    counts = Counter(tuple(row[:length]) for row, length in rows)
    assert counts.keys() <= law.keys()
    often = [words for words, p in law.items() if n * p >= 5]
    rare = [words for words, p in law.items() if n * p < 5]
    expected = [n * law[words] for words in often] + [n * sum(law[words] for words in rare)]
    observed = [counts[words] for words in often] + [sum(counts[words] for words in rare)]
    assert len(rare) > 10
    assert expected[-1] > 5
    assert stats.chisquare(observed, expected).pvalue > 1e-3
