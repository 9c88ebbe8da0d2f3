"""Forward and reverse perplexity of ARAE: a language model of the one text, asked of the other.

Zhao et al. (2018), "Adversarially regularized autoencoders", section 6, and the authors' programs:
exp(-sum log p / N). Their two models count differently, and both are kept:

``kn5``  5-gram modified Kneser-Ney. After the begin mark; end marks are not asked for, so that N is
         the number of words.
``rnn``  an LSTM (``rnn_lm``). End marks are asked for, so that N is words and sentences.

Both know a closed vocabulary; any other word is ``<unk>``, asked for like a word. ARAE's program
adds the vocabulary to the samples, one word a line, for the same purpose; here unseen words have a
share of the uniform distribution, and no text is added. Its published reverse figures rest on
100,000 samples: fewer score worse, so compare equal numbers only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from textgan_bench.functional.kneser_ney import UNKNOWN, estimate
from textgan_bench.functional.ngram_scores import NGramScorer
from textgan_bench.metrics import rnn_lm
from textgan_bench.tokens import PAD, Vocabulary

Sentences = Sequence[Sequence[str]]


class LanguageModel(Protocol):
    """Fitted on a text, asked of another."""

    fallback_orders: tuple[int, ...]
    """Orders of an n-gram model whose discounts are a stopgap."""

    def nll(self, sentences: Sentences) -> tuple[float, int]:
        """Nats of all that is asked for, and how much this is."""
        ...


class Estimator(Protocol):
    """How a language model is made of a text; its name is part of the key."""

    @property
    def name(self) -> str: ...

    def __call__(
        self, sentences: Sentences, words: Sequence[str], device: torch.device
    ) -> LanguageModel:
        """A model over ``words``, of which the first is ``<unk>``."""
        ...


@dataclass(frozen=True)
class KneserNey:
    """``kn5``: the order is that of ARAE's programs."""

    order: int = 5

    @property
    def name(self) -> str:
        return f"kn{self.order}"

    def __call__(
        self, sentences: Sentences, words: Sequence[str], device: torch.device
    ) -> LanguageModel:
        return _NGrams(sentences, words, self.order)


@dataclass(frozen=True)
class RNN:
    """``rnn``: trained on the metric's device, for minutes to hours on a CPU."""

    seed: int = 0
    name: str = "rnn"

    def __call__(
        self, sentences: Sentences, words: Sequence[str], device: torch.device
    ) -> LanguageModel:
        return _RNN(sentences, words, self.seed, device)


class Perplexity(Metric):
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
    higher_is_better = False

    perplexity_nll: Tensor
    perplexity_count: Tensor

    def __init__(
        self,
        train: Sentences,
        vocabulary: Vocabulary | None = None,
        estimator: Estimator | None = None,
    ) -> None:
        super().__init__()
        self._train = train
        self._words = _closed_vocabulary(train, vocabulary)
        self._estimator = estimator or KneserNey()
        self._model: LanguageModel | None = None
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


class ReversePerplexity(Metric):
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
    higher_is_better = False

    reverse_perplexity_words: list[Tensor]
    reverse_perplexity_lengths: list[Tensor]

    def __init__(
        self,
        references: Sentences,
        vocabulary: Vocabulary | None = None,
        estimator: Estimator | None = None,
    ) -> None:
        super().__init__()
        if not any(map(len, references)):
            raise ValueError("a reverse perplexity needs at least one word of reference")
        self._references = references
        self._words = _closed_vocabulary(references, vocabulary)
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


class _NGrams:
    def __init__(self, sentences: Sentences, words: Sequence[str], order: int) -> None:
        model = estimate(sentences, words, order)
        self.fallback_orders = model.fallback_orders
        self._scorer = NGramScorer(model)

    def nll(self, sentences: Sentences) -> tuple[float, int]:
        log_prob, _ = self._scorer.log_prob(sentences)
        return -float(log_prob.sum()), len(log_prob)


class _RNN:
    fallback_orders: tuple[int, ...] = ()

    def __init__(
        self, sentences: Sentences, words: Sequence[str], seed: int, device: torch.device
    ) -> None:
        self._index = {word: index for index, word in enumerate(words, start=PAD + 1)}
        self._model = rnn_lm.fit(self._encode(sentences), len(words) + 1, seed, device)

    def _encode(self, sentences: Sentences) -> list[list[int]]:
        unknown = self._index[UNKNOWN]
        return [[self._index.get(word, unknown) for word in words] for words in sentences]

    def nll(self, sentences: Sentences) -> tuple[float, int]:
        return rnn_lm.total_nll(self._model, self._encode(sentences))


def _closed_vocabulary(sentences: Sentences, vocabulary: Vocabulary | None) -> tuple[str, ...]:
    """``<unk>`` and the words of ``vocabulary``, or of the sentences."""
    words = chain.from_iterable(sentences) if vocabulary is None else vocabulary.tokens[PAD + 1 :]
    return tuple(dict.fromkeys([UNKNOWN, *words]))


def _fallback(
    name: str, estimator: Estimator, model: LanguageModel | None, device: torch.device
) -> dict[str, Tensor]:
    """The number of orders without discounts of their own, where there are any."""
    orders = len(model.fallback_orders) if model is not None else 0
    key = f"{name}_fallback/{estimator.name}"
    return {key: torch.tensor(orders, device=device)} if orders else {}
