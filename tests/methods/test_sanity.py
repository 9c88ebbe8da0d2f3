"""Languages that every method has to learn, each within about a minute of a CPU core."""

import pytest
import torch

from tests.methods.small import KEEPS_FEW, SANITY_STEPS
from tests.methods.test_contract import (
    BATCH_SIZE,
    EXPORTED,
    SENTENCES,
    corpus,
    frequencies,
    law,
    learner,
    samples,
)
from tests.trainer import fit
from textgan_bench.interfaces import Method, TextGenerator
from textgan_bench.tokens import pad_sequences

STEPS = 400
every_method = pytest.mark.parametrize("kind", EXPORTED)

GAP = 0.35
"""Nats a word that samples may cost more, or less, than the language's own sentences."""


@pytest.mark.slow
@every_method
def test_counting_is_learnt(kind: type[Method]) -> None:
    """1 to T, where T is the longest a sentence can be: nothing but the position tells the word."""
    method = learner(kind)
    if not isinstance(method, TextGenerator):
        pytest.skip(f"{kind.__name__} writes nothing from nothing")
    sentence = pad_sequences([[1, 2, 3, 4]] * BATCH_SIZE)
    fit(method, [sentence] * STEPS)
    written = samples(method.eval(), 500)
    assert (written.ids == sentence.ids[0]).all(1).float().mean() > 0.6


@pytest.mark.slow
@every_method
def test_a_hidden_markov_model_is_learnt(kind: type[Method]) -> None:
    """Five symbols, three states: the gap to the entropy, and what a collapse cannot fake."""
    method = learner(kind)
    if not isinstance(method, TextGenerator):
        pytest.skip(f"{kind.__name__} writes nothing from nothing")
    torch.manual_seed(0)
    steps = SANITY_STEPS.get(kind.__name__, STEPS)
    fit(method, [corpus(BATCH_SIZE) for _ in range(steps)])
    written = frequencies(samples(method.eval(), 2000))
    possible = law() > 0
    words = torch.tensor([len(sentence) for sentence in SENTENCES]).double()
    nll = -law().clamp(min=1e-4).log()  # an impossible sentence costs as much as one of 10,000
    entropy = (law() * nll).sum() / (law() * words).sum()
    gap = (written * nll).sum() / (written * words).sum() - entropy
    assert abs(float(gap)) < GAP
    assert written[possible].sum() > 0.75
    kept = float(law()[written > 0].sum())
    assert kept > (0.2 if kind.__name__ in KEEPS_FEW else 0.8), "sentences of the language are lost"
