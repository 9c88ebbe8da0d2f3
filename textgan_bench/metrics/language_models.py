"""Language models that are made of one text and asked of another, each in the manner of ARAE.

Zhao et al. (2018), "Adversarially regularized autoencoders", and the authors' programs. Their two
models count differently, and both are kept:

``kn5``  5-gram modified Kneser-Ney. After the begin mark; end marks are not asked for, so that what
         is counted is words.
``rnn``  an LSTM (``rnn_lm``). End marks are asked for, so that words and sentences are counted.

Both know a closed vocabulary; any other word is ``<unk>``, asked for like a word. ARAE's program
adds the vocabulary to the samples, one word a line, for the same purpose; here unseen words have a
share of the uniform distribution, and no text is added.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import torch

from textgan_bench.functional.kneser_ney import UNKNOWN, estimate
from textgan_bench.functional.ngram_scores import NGramScorer
from textgan_bench.metrics import rnn_lm
from textgan_bench.tokens import PAD, Vocabulary

Sentences = Sequence[Sequence[str]]


class TextModel(Protocol):
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
    ) -> TextModel:
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
    ) -> TextModel:
        return _NGrams(sentences, words, self.order)


@dataclass(frozen=True)
class RNN:
    """``rnn``: trained on the metric's device, for minutes to hours on a CPU."""

    seed: int = 0

    @property
    def name(self) -> str:
        return "rnn"

    def __call__(
        self, sentences: Sentences, words: Sequence[str], device: torch.device
    ) -> TextModel:
        return _RNN(sentences, words, self.seed, device)


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


def closed_vocabulary(sentences: Sentences, vocabulary: Vocabulary | None) -> tuple[str, ...]:
    """``<unk>`` and the words of ``vocabulary``, or of the sentences."""
    words = chain.from_iterable(sentences) if vocabulary is None else vocabulary.tokens[PAD + 1 :]
    return tuple(dict.fromkeys([UNKNOWN, *words]))
