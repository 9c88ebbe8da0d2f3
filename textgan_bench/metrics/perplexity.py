"""Forward and reverse perplexity of ARAE: a language model of the one text, asked of the other.

Zhao et al. (2018), "Adversarially regularized autoencoders", section 6: exp(-sum log p / N), with
the models and counts of ``language_models``. The published reverse figures rest on 100,000
samples: fewer score worse, so compare equal numbers only.
"""

from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from textgan_bench.errors import UserError
from textgan_bench.functional.kneser_ney import UNKNOWN
from textgan_bench.metrics.inputs import TextMetric, TrainingMetric
from textgan_bench.metrics.language_models import (
    Estimator,
    KneserNey,
    TextModel,
    closed_vocabulary,
)
from textgan_bench.tokens import Vocabulary

Sentences = Sequence[Sequence[str]]


class Perplexity(TrainingMetric):
    """Perplexity of the samples under a language model of the training text, from 1 up.

    Lower is better until it reaches that of other real text; a repeated common sentence passes it.
    Infinite if nothing was written. The model is made at the first update and kept.

    Args:
        train: the text the model is fitted on.
        vocabulary: the words it knows; those of ``train`` if not given.
        estimator: ``KneserNey()`` or ``RNN()``.

    >>> import warnings
    >>> metric = Perplexity([["a", "cat"], ["a", "dog"]], estimator=KneserNey(order=2))
    >>> with warnings.catch_warnings(action="ignore"):
    ...     metric.update([["a", "cat"], []])
    >>> {key: round(float(value), 2) for key, value in metric.compute().items()}
    {'perplexity/kn2': 2.18, 'perplexity_fallback/kn2': 2.0}
    """

    full_state_update = False

    perplexity_nll: Tensor
    perplexity_count: Tensor

    def __init__(
        self,
        train: Sentences,
        vocabulary: Vocabulary | None = None,
        estimator: Estimator | None = None,
    ) -> None:
        super().__init__(train)
        self._train = train
        self._words = closed_vocabulary(train, vocabulary)
        self._estimator = estimator or KneserNey()
        self._model: TextModel | None = None
        self.add_state("perplexity_nll", torch.zeros((), dtype=torch.float64), "sum")
        self.add_state("perplexity_count", torch.zeros((), dtype=torch.int64), "sum")

    def update(self, samples: Sentences) -> None:
        if self._model is None:
            self._model = self._estimator(self._train, self._words, self.device)
        nll, count = self._model.nll(samples)
        self.perplexity_nll += nll
        self.perplexity_count += count

    def compute(self) -> dict[str, Tensor]:
        mean = self.perplexity_nll / self.perplexity_count
        value = torch.where(self.perplexity_count > 0, mean.exp(), torch.inf)
        scores = {f"perplexity/{self._estimator.name}": value}
        return scores | _fallback("perplexity", self._estimator, self._model, self.device)


class ReversePerplexity(TextMetric):
    """Perplexity of real text under a language model of the samples, from 1 up; lower is better.

    A collapsed generator, which the forward perplexity cannot tell from a good one, pays here.

    Args:
        references: the real text, at least one word.
        vocabulary: the words the model knows; those of ``references`` if not given.
        estimator: ``KneserNey()`` or ``RNN()``, which trains a network at each ``compute``.

    >>> import warnings
    >>> metric = ReversePerplexity([["a", "cat"]], estimator=KneserNey(order=2))
    >>> metric.update([["a", "cat"], ["a", "bird"]])
    >>> with warnings.catch_warnings(action="ignore"):
    ...     scores = metric.compute()
    >>> {key: round(float(value), 2) for key, value in scores.items()}
    {'reverse_perplexity/kn2': 2.12, 'reverse_perplexity_fallback/kn2': 2.0}
    """

    full_state_update = False

    reverse_perplexity_words: list[Tensor]
    reverse_perplexity_lengths: list[Tensor]

    def __init__(
        self,
        references: Sentences,
        vocabulary: Vocabulary | None = None,
        estimator: Estimator | None = None,
    ) -> None:
        super().__init__(references)
        if not any(map(len, references)):
            raise UserError("a reverse perplexity needs at least one word of reference")
        self._references = references
        self._words = closed_vocabulary(references, vocabulary)
        self._index = {word: index for index, word in enumerate(self._words)}
        self._estimator = estimator or KneserNey()
        self.add_state("reverse_perplexity_words", default=[], dist_reduce_fx="cat")
        self.add_state("reverse_perplexity_lengths", default=[], dist_reduce_fx="cat")

    def update(self, samples: Sentences) -> None:
        unknown = self._index[UNKNOWN]
        words = [self._index.get(word, unknown) for word in chain.from_iterable(samples)]
        lengths = [len(sentence) for sentence in samples]
        for state, values in (
            (self.reverse_perplexity_words, words),
            (self.reverse_perplexity_lengths, lengths),
        ):
            state.append(torch.tensor(values, dtype=torch.int64, device=self.device))

    def compute(self) -> dict[str, Tensor]:
        words = iter(dim_zero_cat(self.reverse_perplexity_words).tolist())
        lengths = dim_zero_cat(self.reverse_perplexity_lengths).tolist()
        samples = [[self._words[next(words)] for _ in range(length)] for length in lengths]
        model = self._estimator(samples, self._words, self.device)
        nll, count = model.nll(self._references)
        value = torch.tensor(nll / count, dtype=torch.float64, device=self.device).exp()
        scores = {f"reverse_perplexity/{self._estimator.name}": value}
        return scores | _fallback("reverse_perplexity", self._estimator, model, self.device)


def _fallback(
    name: str, estimator: Estimator, model: TextModel | None, device: torch.device
) -> dict[str, Tensor]:
    """The number of orders without discounts of their own, where there are any."""
    orders = len(model.fallback_orders) if model is not None else 0
    key = f"{name}_fallback/{estimator.name}"
    return {key: torch.tensor(orders, device=device)} if orders else {}
