"""A method that knows the likelihood of its samples knows it at every setting of its knob."""

from itertools import product
from typing import Any

import pytest
import torch
from scipy import stats

from tests.methods.small import SMALL
from textgan_bench import methods
from textgan_bench.interfaces import Likelihood, TextGenerator
from textgan_bench.tokens import pad_sequences

WORDS, LENGTH, N = 3, 2, 4_000
EVERY = [list(s) for n in range(LENGTH + 1) for s in product(range(1, WORDS + 1), repeat=n)]
KNOWING = [
    kind
    for kind in (getattr(methods, name) for name in methods.__all__)
    if issubclass(kind, TextGenerator) and hasattr(kind, "log_prob")
]


def test_there_are_such_methods() -> None:
    assert {kind.__name__ for kind in KNOWING} >= {"MLE", "SeqGAN", "LeakGAN", "RelGAN"}


@torch.no_grad()
@pytest.mark.parametrize("kind", KNOWING)
def test_the_likelihood_at_a_setting_is_the_law_of_the_samples(kind: Any) -> None:
    torch.manual_seed(0)
    method = kind(WORDS + 1, LENGTH, **SMALL.get(kind.__name__, {})).eval()
    knows = isinstance(method, Likelihood)
    assert knows
    for name, weight in method.named_parameters():
        if "discriminator" not in name:  # untrained words are all alike, whatever the temperature
            weight.mul_(2)
    every = pad_sequences(EVERY, LENGTH)
    assert torch.equal(
        method.log_prob(every), method.log_prob(every, **{str(method.knob): method.setting})
    )
    for value in (0.4, 1.5):
        law = method.log_prob(every, **{str(method.knob): value}).double().exp()
        assert law.sum().item() == pytest.approx(1, abs=1e-5)
        drawn = method.sample(N, **{str(method.knob): value})
        strings = [
            row[:n] for row, n in zip(drawn.ids.tolist(), drawn.lengths.tolist(), strict=True)
        ]
        seen = torch.tensor([strings.count(string) for string in EVERY]).double()
        expected = N * law / law.sum()
        common = expected >= 5
        observed = [*seen[common].tolist(), float(seen[~common].sum())]
        wanted = [*expected[common].tolist(), float(expected[~common].sum()) + 1e-9]
        if wanted[-1] < 5:
            observed, wanted = observed[:-1], wanted[:-1]
        scale = sum(observed) / sum(wanted)
        assert stats.chisquare(observed, [scale * w for w in wanted]).pvalue > 1e-4
    assert not torch.allclose(
        method.log_prob(every, **{str(method.knob): 0.4}), method.log_prob(every), atol=1e-3
    )
