"""Scores of a 4-gram language model, of samples under one of real text and the other way round."""

from collections.abc import Sequence
from itertools import chain, repeat

import numpy as np
import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from textgan_bench.errors import UserError
from textgan_bench.functional.kneser_ney import (
    UNKNOWN,
    NGramModel,
    estimate,
    estimate_indexed,
    model_words,
    word_index,
)
from textgan_bench.functional.ngram_scores import NGramScorer
from textgan_bench.functional.ngrams import IndexedText
from textgan_bench.functional.word_numbers import word_numbers
from textgan_bench.metrics.inputs import TextMetric
from textgan_bench.metrics.language_models import closed_vocabulary
from textgan_bench.tokens import UNKNOWN_TOKEN, Vocabulary

Sentences = Sequence[Sequence[str]]


class LMScore(TextMetric):
    """Negative log-likelihood of samples under an n-gram model of the references, in nats.

    ``lm_score`` sums over words and end marks and divides by the number of words, as the tables of
    the field do; ``lm_score_event`` divides by words and end marks. Lower is better until it
    reaches the score of other real text, below which samples are copied or lack diversity.
    ``oov_rate`` is the fraction of words that no reference has. Infinite if no word was written.

    The model is interpolated modified Kneser-Ney over a closed vocabulary: each word of it that
    the references lack has a share of the uniform distribution, and so has ``<unk>``, to which all
    other words are mapped. Where the references are too few for its discounts, a warning is given
    and ``lm_fallback`` tells at how many orders.

    Args:
        references: sentences as lists of words.
        vocabulary: the words that can be written; those of the references if not given.
        order: longest n-gram, part of the keys.

    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     metric = LMScore([["a", "cat"], ["a", "dog"], ["the", "dog"]], order=2)
    >>> metric.update([["a", "dog"], ["a", "bird"]])
    >>> {key: round(float(value), 3) for key, value in metric.compute().items()}
    {'lm_score/kn2': 1.987, 'lm_score_event/kn2': 1.324, 'oov_rate': 0.25, 'lm_fallback/kn2': 2.0}
    """

    full_state_update = False

    lm_nll_sum: Tensor
    lm_word_count: Tensor
    lm_sentence_count: Tensor
    oov_count: Tensor

    def __init__(
        self, references: Sentences, vocabulary: Vocabulary | None = None, order: int = 4
    ) -> None:
        super().__init__(references)
        words = closed_vocabulary(references, vocabulary)
        self._known = set(chain.from_iterable(references)) - {UNKNOWN_TOKEN}
        self._model = _KneserNeyModel(estimate(references, words, order))
        self._key = f"kn{order}"
        self.add_state("lm_nll_sum", torch.zeros((), dtype=torch.float64), "sum")
        self.add_state("lm_word_count", torch.zeros((), dtype=torch.int64), "sum")
        self.add_state("lm_sentence_count", torch.zeros((), dtype=torch.int64), "sum")
        self.add_state("oov_count", torch.zeros((), dtype=torch.int64), "sum")

    def measure(self, samples: Sentences) -> tuple[float, int, int]:
        """Nats, words, and words that no reference has."""
        words, _, types = word_numbers(samples)
        known = np.fromiter(map(self._known.__contains__, types), bool, len(types))
        return self._model.nll(samples), len(words), int(np.count_nonzero(~known[words]))

    def update(self, samples: Sentences) -> None:
        nll, words, unknown = self.measured(samples)
        self.lm_nll_sum += nll
        self.lm_word_count += words
        self.lm_sentence_count += len(samples)
        self.oov_count += unknown

    def compute(self) -> dict[str, Tensor]:
        if not self.lm_sentence_count:
            raise UserError("an LM score needs at least one sample")
        scores = {
            f"lm_score/{self._key}": self.lm_nll_sum / self.lm_word_count,
            f"lm_score_event/{self._key}": self.lm_nll_sum
            / (self.lm_word_count + self.lm_sentence_count),
            "oov_rate": self.oov_count / self.lm_word_count.clamp_min(1).double(),
        }
        return scores | self._model.fallback(f"lm_fallback/{self._key}", self.device)


class ReverseLMScore(TextMetric):
    """Negative log-likelihood of the references under an n-gram model of the samples.

    The sum over words and end marks divided by the number of words, in nats; lower is better.
    A mode-collapsed generator, which the forward score cannot tell from a good one, pays here.
    The model and ``reverse_lm_fallback`` are as in ``LMScore``. 4 bytes a word and 8 a sentence are
    kept of the samples.

    >>> import warnings
    >>> metric = ReverseLMScore([["a", "cat"], ["a", "dog"], ["the", "dog"]], order=2)
    >>> metric.update([["a", "dog"], ["a", "bird"]])
    >>> with warnings.catch_warnings(action="ignore"):
    ...     scores = metric.compute()
    >>> {key: round(float(value), 3) for key, value in scores.items()}
    {'reverse_lm/kn2': 2.054, 'reverse_lm_fallback/kn2': 2.0}
    """

    full_state_update = False

    reverse_words: list[Tensor]
    reverse_lengths: list[Tensor]

    def __init__(
        self, references: Sentences, vocabulary: Vocabulary | None = None, order: int = 4
    ) -> None:
        super().__init__(references)
        self._words = model_words(closed_vocabulary(references, vocabulary))
        self._index = word_index(self._words)
        self._references = references
        self._reference_words = sum(map(len, references))
        if not self._reference_words:
            raise UserError("a reverse LM score needs at least one word of reference")
        self._order = order
        self.add_state("reverse_words", default=[], dist_reduce_fx="cat")
        self.add_state("reverse_lengths", default=[], dist_reduce_fx="cat")

    def measure(self, samples: Sentences) -> tuple[Tensor, Tensor]:
        """Indices of the words, and the lengths."""
        words, lengths, types = word_numbers(samples)
        unknown = repeat(self._index[UNKNOWN])
        indices = np.fromiter(map(self._index.get, types, unknown), np.int32, len(types))
        return torch.from_numpy(indices[words]), torch.from_numpy(lengths)

    def update(self, samples: Sentences) -> None:
        words, lengths = self.measured(samples)
        # Copies: what lives long in the memory of a measuring thread keeps all of that in use.
        self.reverse_words.append(words.to(self.device, copy=True))
        self.reverse_lengths.append(lengths.to(self.device, copy=True))

    def compute(self) -> dict[str, Tensor]:
        # The pieces in one, so that they are not in memory twice.
        self.reverse_words = [dim_zero_cat(self.reverse_words)]
        lengths = dim_zero_cat(self.reverse_lengths)
        text = IndexedText(self.reverse_words[0].cpu().numpy(), lengths.cpu().numpy())
        model = _KneserNeyModel(estimate_indexed(text, self._words, self._order))
        nll = torch.tensor(model.nll(self._references), dtype=torch.float64, device=self.device)
        scores = {f"reverse_lm/kn{self._order}": nll / self._reference_words}
        return scores | model.fallback(f"reverse_lm_fallback/kn{self._order}", self.device)


class _KneserNeyModel:
    """An n-gram model made ready to be asked."""

    def __init__(self, model: NGramModel) -> None:
        self._scorer = NGramScorer(model)
        self._fallback_orders = len(model.fallback_orders)

    def nll(self, sentences: Sentences) -> float:
        """Nats of all words and end marks."""
        words, ends = self._scorer.log_prob(sentences)
        return -float(words.sum() + ends.sum())

    def fallback(self, key: str, device: torch.device) -> dict[str, Tensor]:
        """The number of orders without discounts of their own, where there are any."""
        orders = self._fallback_orders
        return {key: torch.tensor(orders, device=device)} if orders else {}
