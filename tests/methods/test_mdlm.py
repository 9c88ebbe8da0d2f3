import math
from collections import Counter, defaultdict
from itertools import product
from typing import Any

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor, nn

from tests.methods.small import SMALL
from tests.trainer import fit, loader, trainer
from textgan_bench.kernels.dropout import NO_DROPOUT, Dropout
from textgan_bench.methods import MDLM
from textgan_bench.methods.mdlm import SHORTEST, Denoiser, spread_times
from textgan_bench.networks.transformer import Shape
from textgan_bench.tokens import PAD, TokenBatch, length_mask, pad_sequences

Law = dict[tuple[int, ...], float]
"""Probability of each string of symbols, padding among them."""


class Exact(Denoiser):
    """Knows the conditionals of a law, and so what a network can learn at best."""

    def __init__(self, law: Law, vocab_size: int) -> None:
        length = len(next(iter(law)))
        super().__init__(vocab_size, length, 2, Shape(width=2, blocks=0, heads=1, feed_forward=2))
        self.law = law

    def forward(self, ids: Tensor, asked: Tensor, dropout: Dropout = NO_DROPOUT) -> Tensor:
        seen: dict[tuple[int, ...], Tensor] = {}
        for row in map(tuple, ids.unique(dim=0).tolist()):
            weights = torch.zeros(len(row), self.mask_symbol, dtype=torch.float64)
            for string, p in self.law.items():
                if all(z in (x, self.mask_symbol) for x, z in zip(string, row, strict=True)):
                    weights[range(len(row)), string] += p
            seen[row] = (weights / weights.sum(1, keepdim=True)).log()
        return torch.stack([seen[tuple(row)] for row in ids.tolist()])[asked]


def random_law(vocab_size: int, length: int) -> Law:
    """Far from independent: one string in three has most of the probability."""
    torch.manual_seed(0)
    weights = torch.rand(vocab_size**length, dtype=torch.float64) ** 3
    weights[::3] *= 5
    p = 0.9 * weights / weights.sum() + 0.1 / len(weights)
    return dict(zip(product(range(vocab_size), repeat=length), p.tolist(), strict=True))


def ancestral_law(exact: Exact, steps: int) -> Law:
    """What the paper's sampler writes: all paths of masks and words, step by step, added up."""
    mask, length = exact.mask_symbol, len(next(iter(exact.law)))
    states: Law = {(mask,) * length: 1.0}
    for step in range(steps):
        t, s = 1 - step / steps, 1 - (step + 1) / steps
        after: defaultdict[tuple[int, ...], float] = defaultdict(float)
        for state, p in states.items():
            masked = torch.tensor([state]) == mask
            words = iter(exact(torch.tensor([state]), masked).exp().tolist())
            choices = []
            for z in state:
                if z != mask:
                    choices.append([(z, 1.0)])
                else:
                    drawn = [(x, (t - s) / t * q) for x, q in enumerate(next(words))]
                    choices.append([(mask, s / t), *drawn])
            for chosen in product(*choices):
                after[tuple(z for z, _ in chosen)] += p * math.prod(q for _, q in chosen)
        states = after
    return {state: p for state, p in states.items() if mask not in state}


def with_network(network: Denoiser, **options: Any) -> MDLM:
    """A method that samples from ``network``."""
    method = MDLM(
        network.mask_symbol, len(network.positions), **{**SMALL["MDLM"], "blocks": 1, **options}
    )
    method.average = network
    return method.eval()


def small(vocab_size: int, length: int, **options: Any) -> MDLM:
    torch.manual_seed(0)
    method = MDLM(vocab_size, length, **{**SMALL["MDLM"], "dropout": 0.0, **options})
    with torch.no_grad():  # far from uniform, so that contexts matter
        for network in (method.denoiser, method.average):
            for parameter in network.output.parameters():
                parameter.mul_(6)
    return method.double().eval()


def expected_nelbo(network: Denoiser, string: tuple[int, ...], times: int) -> float:
    """Mean of the estimate over all masks and over the midpoints of so many parts of the times."""
    grid = spread_times(torch.full((times,), 0.5, dtype=torch.float64), 0, times)
    ids, total = torch.tensor([string]).expand(times, -1), torch.zeros(times, dtype=torch.float64)
    for masked in product((False, True), repeat=len(string)):
        mask = torch.tensor(masked)
        uniform = torch.ones(len(string), dtype=torch.float64).masked_fill(mask, 0.0)
        chance = grid[:, None].where(mask, 1 - grid[:, None]).prod(1)
        total += chance * network.nelbo(ids, grid, uniform.expand(times, -1)).detach()
    return float(total.mean())


@pytest.mark.parametrize("string", list(product((0, 1), repeat=2)))
def test_the_bound_is_that_of_all_masks_in_a_language_of_two_symbols(
    string: tuple[int, int],
) -> None:
    """Both masked has the weight (1 / t) t t, whose integral is 1 / 2, and so has each alone."""
    network = small(vocab_size=2, length=2).denoiser
    mask = network.mask_symbol

    def nll(place: int, *ids: int) -> float:
        asked = torch.tensor([[place == 0, place == 1]])
        scores = network(torch.tensor([ids]), asked)[0].detach()
        return float(scores.logsumexp(0) - scores[string[place]])

    neither = nll(0, mask, mask) + nll(1, mask, mask)
    other = nll(0, mask, string[1]) + nll(1, string[0], mask)
    assert abs(neither - other) > 0.01  # or the weights could be anything
    exact = ((1 + SHORTEST) * neither + (1 - SHORTEST) * other) / 2
    assert expected_nelbo(network, string, 500) == pytest.approx(exact, rel=1e-6)


def test_the_bound_of_true_conditionals_is_the_likelihood() -> None:
    """Whatever the order, they multiply to the probability; a wrong one can only cost more."""
    law = random_law(vocab_size=2, length=3)
    exact, other = Exact(law, 2), small(vocab_size=2, length=3).denoiser
    entropy = -sum(p * math.log(p) for p in law.values())
    bounds = {string: expected_nelbo(exact, string, 300) for string in law}
    for string, p in law.items():
        assert bounds[string] == pytest.approx(-math.log(p), rel=5 * SHORTEST)
    assert sum(p * bounds[string] for string, p in law.items()) == pytest.approx(entropy, rel=2e-3)
    cross = sum(p * expected_nelbo(other, string, 50) for string, p in law.items())
    assert cross > entropy + 0.01


def test_weights_of_times_integrate_to_one() -> None:
    """A symbol is masked at t with probability t and then weighs 1 / t: each counts once."""
    method, n = small(vocab_size=5, length=3), 20_000
    for parameter in method.denoiser.output.parameters():
        parameter.data.zero_()
    torch.manual_seed(0)
    noise = torch.rand(n, 4, dtype=torch.float64)
    batch = pad_sequences([[1, 2, 3]] * n)
    nelbo = method._nelbo(method.denoiser, batch, noise, NO_DROPOUT).detach()
    error = float(nelbo.std()) / n**0.5
    assert error < 0.2
    assert float(nelbo.mean()) == pytest.approx(3 * math.log(5), abs=4 * error)


def test_the_times_of_all_processes_lie_in_a_part_each() -> None:
    torch.manual_seed(0)
    times = torch.cat([spread_times(torch.rand(8), first, 16) for first in (0, 8)])
    parts = (times - SHORTEST) / (1 - SHORTEST) * 16
    assert parts.floor().tolist() == list(range(16))
    assert (parts % 1).std() > 0.2  # not a grid
    ends = spread_times(torch.tensor([0.0, 1.0]), first=0, parts=2)
    assert ends.tolist() == pytest.approx([SHORTEST, 1.0])


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_samples_follow_the_ancestral_sampler_of_few_steps(steps: int) -> None:
    exact = Exact(random_law(vocab_size=3, length=3), 3)
    law = ancestral_law(exact, steps)
    assert sum(law.values()) == pytest.approx(1)
    check_law(with_network(exact, steps=steps), law)
    away = sum(abs(law[string] - p) for string, p in exact.law.items()) / 2
    assert away > 0.05  # words of one step do not know of each other


def test_samples_of_many_steps_have_the_law_of_the_data() -> None:
    exact = Exact(random_law(vocab_size=3, length=3), 3)
    check_law(with_network(exact, steps=100_000), exact.law)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_rare_strings_are_drawn_as_often_as_they_are_in_either_precision(precision: str) -> None:
    law = random_law(vocab_size=3, length=2)
    rare = list(law)[:3]
    law = {string: p * (0.002 if string in rare else 1.0) for string, p in law.items()}
    law = {string: p / sum(law.values()) for string, p in law.items()}
    method = with_network(Exact(law, 3), steps=100_000, precision=precision)
    torch.manual_seed(1)
    n = 10_000
    drawn = Counter(map(tuple, method.sample(n).ids.tolist()))
    assert sum(drawn.values()) == n
    cells = [[string] for string in law if string not in rare] + [rare]
    counts = [sum(drawn[string] for string in cell) for cell in cells]
    expected = [n * sum(law[string] for string in cell) for cell in cells]
    assert 5 < expected[-1] < 50, "the rare ones together are a tail"
    assert chisquare(counts, expected).pvalue > 1e-3


def check_law(method: MDLM, law: Law, n: int = 20_000) -> None:
    torch.manual_seed(1)
    drawn = Counter(map(tuple, method.sample(n).ids.tolist()))
    expected = [n * p for p in law.values()]
    assert min(expected) > 5  # or the chi-square law would not hold
    assert sum(drawn[string] for string in law) == n
    assert chisquare([drawn[string] for string in law], expected).pvalue > 1e-3


def test_the_temperature_divides_the_scores() -> None:
    law = random_law(vocab_size=3, length=1)
    hot = {string: p**0.5 for string, p in law.items()}
    method = with_network(Exact(law, 3))
    torch.manual_seed(1)
    drawn = Counter(method.sample(20_000, temperature=2.0).ids[:, 0].tolist())
    expected = [20_000 * p / sum(hot.values()) for p in hot.values()]
    assert chisquare([drawn[x] for (x,) in law], expected).pvalue > 1e-3


class Watched(Denoiser):
    """Keeps what it was asked for."""

    calls: list[tuple[Tensor, Tensor]]

    def forward(self, ids: Tensor, asked: Tensor, dropout: Dropout = NO_DROPOUT) -> Tensor:
        self.calls.append((ids.clone(), asked))
        return super().forward(ids, asked, dropout)


@pytest.mark.parametrize(("steps", "passes"), [(4, 4), (1_000, 7)])
def test_what_is_written_stays_and_no_mask_is_written(steps: int, passes: int) -> None:
    network = Watched(5, 7, 4, Shape(width=8, blocks=1, heads=2, feed_forward=8))
    network.calls = []
    method = with_network(network, steps=steps)
    ids, _ = method.sample(1)
    assert method.passes == passes
    assert 1 <= len(network.calls) <= passes
    assert network.output.out_features == 5, "the mask has no score"
    assert 0 <= ids.min() <= ids.max() < 5
    for (before, asked), (after, _) in zip(
        network.calls, [*network.calls[1:], (ids, ids)], strict=True
    ):
        assert (before[asked] == network.mask_symbol).all()
        assert torch.equal(before[~asked], after[~asked]), "carried over"
        assert (after[asked] != network.mask_symbol).all()
    assert sum(int(asked.sum()) for _, asked in network.calls) == 7, "each word is drawn once"


def test_a_step_that_changes_nothing_runs_no_network() -> None:
    network = Watched(5, 3, 4, Shape(width=8, blocks=1, heads=2, feed_forward=8))
    network.calls = []
    with_network(network, steps=1_000).sample(1_000)
    assert len(network.calls) == 2 * 3, "two parts of 512 sentences, three words each"


def test_what_is_not_masked_costs_nothing() -> None:
    network = small(vocab_size=4, length=3).denoiser
    ids, times = torch.tensor([[1, 2, 3]] * 2), torch.full((2,), 0.5, dtype=torch.float64)
    uniform = torch.tensor([[0.9, 0.9, 0.9], [0.9, 0.1, 0.9]], dtype=torch.float64)
    nelbo = network.nelbo(ids, times, uniform)
    scores = network(torch.tensor([[1, 4, 3]]), torch.tensor([[False, True, False]]))[0]
    scores = scores.detach()
    assert nelbo[0] == 0
    assert nelbo[1].item() == pytest.approx(2 * float(scores.logsumexp(0) - scores[2]))


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_words_are_drawn_in_the_precision_that_is_recorded(
    precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    types = []

    def draw(logits: Tensor) -> Tensor:
        types.append(logits.dtype)
        return torch.zeros(len(logits), dtype=torch.int64)

    monkeypatch.setattr("textgan_bench.methods.mdlm.draw_", draw)
    method = small(5, 3, precision=precision).float()
    method.sample(2)
    assert set(types) == {getattr(torch, precision)}
    assert method.hparams["precision"] == precision
    assert MDLM(5, 3, **SMALL["MDLM"]).hparams["precision"] == "float64"


def test_a_sentence_ends_before_its_first_padding() -> None:
    law: Law = {(1, 0, 2, 0): 0.5, (0, 1, 1, 1): 0.25, (2, 2, 2, 2): 0.25}
    ids, lengths = with_network(Exact(law, 3)).sample(200)
    ends = {(1, 0, 2, 0): 1, (0, 1, 1, 1): 0, (2, 2, 2, 2): 4}
    for row, length in zip(ids.tolist(), lengths.tolist(), strict=True):
        assert ends[tuple(row)] == length


def test_lengths_are_learnt() -> None:
    """Words say nothing here: how long a sentence is, is all that there is to know."""
    torch.manual_seed(0)
    p = torch.tensor([0.1, 0.4, 0.0, 0.3, 0.2])

    def batch() -> TokenBatch:
        lengths = torch.multinomial(p, 64, replacement=True)
        return TokenBatch(length_mask(lengths, 4) * torch.randint(1, 3, (64, 4)), lengths)

    method = MDLM(3, 4, **SMALL["MDLM"])
    fit(method, [batch() for _ in range(300)])
    torch.manual_seed(1)
    ids, lengths = method.eval().sample(3_000)
    learnt = torch.bincount(lengths, minlength=5) / 3_000
    assert float((learnt - p).abs().sum()) / 2 < 0.1
    padded = (ids == PAD) | length_mask(lengths, 4)
    assert padded.all(1).float().mean() > 0.9, "nothing comes after the end"


def test_the_rate_warms_up() -> None:
    batch = pad_sequences([[1, 2], [3]], 4)
    for batches, share in ((1, 1 / 4), (3, 3 / 4), (6, 1)):
        method = MDLM(5, 4, **{**SMALL["MDLM"], "warm_up": 4, "lr": 1e-2})
        (optimizer,) = fit(method, [batch] * batches).optimizers
        assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-2 * share)


@pytest.mark.parametrize(("averaging", "decay"), [(0.9999, 2 / 11), (0.1, 0.1)])
def test_the_average_follows_and_young_ones_do_so_faster(averaging: float, decay: float) -> None:
    method = MDLM(5, 4, **{**SMALL["MDLM"], "averaging": averaging})
    before = [parameter.clone() for parameter in method.average.parameters()]
    fit(method, [pad_sequences([[1, 2], [3]], 4)])
    latest = method.denoiser.parameters()
    for average, old, new in zip(method.average.parameters(), before, latest, strict=True):
        torch.testing.assert_close(average, decay * old + (1 - decay) * new)


def test_validation_is_the_bound_of_the_average_a_word_and_always_the_same() -> None:
    method = small(5, 4).float()
    sentences = [[1, 2, 3, 4], [4, 3, 2, 1], [2]]
    batches = [pad_sequences(sentences[:2], 4), pad_sequences(sentences[2:], 4)]
    nn.init.zeros_(method.denoiser.output.weight)  # which has no part in it

    logged = [
        trainer().validate(method, loader(batches), verbose=False)[0]["validation/nelbo"]
        for _ in range(2)
    ]

    total = 0.0
    for i, batch in enumerate(batches):
        noise = torch.rand(len(batch.ids), 5, generator=torch.Generator().manual_seed(i))
        times = spread_times(noise[:, 0], 0, len(batch.ids))
        total += float(method.average.nelbo(batch.ids, times, noise[:, 1:]).sum())
    assert logged[0] == logged[1] == pytest.approx(total / 9, rel=1e-5)


def test_the_network_has_the_size_of_the_transformer_beside_it() -> None:
    """Huang et al. (2021), Table 12: 3.0 million parameters at a vocabulary of 4,838 words."""
    denoiser = MDLM(4839, 32).denoiser
    size = sum(parameter.numel() for parameter in denoiser.parameters())
    assert size == pytest.approx(3.0e6, rel=0.03)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps=0: a sampler takes one step or more"),
        ({"precision": "half"}, "precision=half: choose one of float32, float64"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MDLM(5, 4, **options)
