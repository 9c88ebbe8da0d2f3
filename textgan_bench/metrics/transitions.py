"""Which transitions samples make, against those of the hidden Markov model that made the data."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from textgan_bench.errors import UserError
from textgan_bench.functional.distance import total_variation
from textgan_bench.functional.hmm import state_occupancy, transition_counts
from textgan_bench.metrics.inputs import TextMetric
from textgan_bench.tokens import PAD, Vocabulary, length_mask, pad_sequences


class HiddenMarkovModel(Protocol):
    """A distribution over sentences with hidden states, K of them, and V words."""

    start: Tensor
    """(K,) float64 probabilities of the first state."""
    transition: Tensor
    """(K, K) float64, rows sum to one."""
    emission: Tensor
    """(K, V) float64, rows sum to one; column v is the word of index v + 1."""


class TransitionError(TextMetric):
    """Total variation of bigrams and of state transitions from those of the model, in [0, 1].

    Likelihood can be good where transitions are wrong ("Is your diffusion sampler actually
    correct?", arXiv 2602.19619, which asks an exact Markov model). ``bigram_tv`` compares the
    samples' pairs of neighbouring words with the model's distribution of them, over all places of a
    sentence. ``transition_tv`` compares the transitions between hidden states, each pair of states
    weighted by its posterior probability given the sample, with the model's. Both are conditional
    on the samples' lengths, and lower is better.

    Neither reaches 0: n pairs of the model itself have a bigram TV of about
    sum_i sqrt(p_i (1 - p_i) / 2 pi n) over pairs i of words, which falls as n^-1/2. Posteriors are
    smooth and states are few, so the state's floor is far lower. Compare equal numbers of samples,
    and with the row of the model itself.

    Args:
        model: the model that made the data.
        vocabulary: indices of words as the model has them.

    Raises:
        UserError: by ``update``, a sample holds a word the model does not know; by ``compute``, no
            sample has two words.
    """

    full_state_update = False

    bigram_counts: Tensor
    posterior_transitions: Tensor
    expected_states: Tensor

    def __init__(self, model: HiddenMarkovModel, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.model = model
        self.vocabulary = vocabulary
        states, words = model.emission.shape
        double = torch.float64
        self.add_state("bigram_counts", torch.zeros(words, words, dtype=torch.int64), "sum")
        self.add_state("posterior_transitions", torch.zeros(states, states, dtype=double), "sum")
        self.add_state("expected_states", torch.zeros(states, dtype=double), "sum")

    def update(self, samples: Sequence[Sequence[str]]) -> None:
        if not samples:
            return
        ids, lengths = pad_sequences([self.vocabulary.encode(words) for words in samples])
        symbols, words = ids - PAD - 1, len(self.bigram_counts)
        pairs = length_mask(lengths - 1, ids.shape[1])[:, :-1]  # (B, T - 1)
        bigrams = (symbols[:, :-1] * words + symbols[:, 1:])[pairs]
        counts = torch.bincount(bigrams, minlength=words**2).view(words, words)
        self.bigram_counts += counts.to(self.device)
        start, transition, emission = self.model.start, self.model.transition, self.model.emission
        posterior = transition_counts(symbols, lengths, start, transition, emission)
        self.posterior_transitions += posterior.to(self.device)
        self.expected_states += state_occupancy(lengths, start, transition).to(self.device)

    def compute(self) -> dict[str, Tensor]:
        if not self.bigram_counts.sum():
            raise UserError("transitions need a sample of two words")
        of_states = self.expected_states[:, None] * self.model.transition.to(self.device)
        emission = self.model.emission.to(self.device)
        of_words = emission.T @ of_states @ emission
        return {
            "bigram_tv": total_variation(self.bigram_counts.double(), of_words),
            "transition_tv": total_variation(self.posterior_transitions, of_states),
        }
