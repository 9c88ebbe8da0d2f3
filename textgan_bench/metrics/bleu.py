"""BLEU between samples and references in both directions, and among the samples themselves."""

from collections.abc import Sequence
from itertools import repeat

import numpy as np
import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from textgan_bench.errors import UserError
from textgan_bench.functional.bleu import (
    NGramIndex,
    Smoothing,
    backward_bleu,
    forward_bleu,
    self_bleu,
)
from textgan_bench.functional.ngrams import IndexedText
from textgan_bench.functional.text_hashes import type_hashes
from textgan_bench.functional.word_numbers import word_numbers
from textgan_bench.metrics.inputs import TextMetric
from textgan_bench.tokens import UNKNOWN_TOKEN

ORDERS = 2, 3, 4, 5


class BLEU(TextMetric):
    """Forward, backward and harmonic BLEU: means over sentences, each scored against all others.

    ``bleu_f`` is the BLEU of the samples with all references, ``bleu_b`` that of the references
    with all samples, ``bleu_ha`` their harmonic mean, all in [0, 1] and higher is better
    (Shi et al., 2018, "Toward diverse text generation with inverse reinforcement learning").
    Values grow with the number of references and of samples: compare equal numbers only.
    Duplicates and empty sentences count; ``<unk>`` matches nothing, not even ``<unk>``.

    Args:
        references: sentences as lists of words; they are indexed once.
        orders: longest n-gram of each score, part of its keys; more of them cost nothing.
        smoothing: ``floor``, or ``skip`` for the numbers of NLTK before 3.3.

    Raises:
        UserError: there are no references, or no orders of 1 or more; by ``compute``, there are
            no samples.

    >>> metric = BLEU([["a", "cat", "sits", "on", "a", "mat"]], orders=[2])
    >>> metric.update([["a", "cat", "sits"], ["a", "dog", "barks"]])
    >>> {key: round(float(value), 3) for key, value in metric.compute().items()}
    {'bleu_f/2': 0.208, 'bleu_b/2': 0.447, 'bleu_ha/2': 0.284}
    """

    full_state_update = False

    bleu_f_sum: Tensor
    bleu_sample_count: Tensor
    bleu_largest: Tensor
    bleu_lengths: list[Tensor]

    def __init__(
        self,
        references: Sequence[Sequence[str]],
        orders: Sequence[int] = ORDERS,
        smoothing: Smoothing = "floor",
    ) -> None:
        super().__init__(references)
        self.orders = _checked(orders)
        self.smoothing: Smoothing = smoothing
        text, self._numbers = _numbered(references)
        self._references = NGramIndex(text, max(self.orders))
        # Nothing of it grows with the samples: their scores, and of each n-gram of the references
        # the largest count in a sample, which is all that the references' scores need.
        size = len(self.orders)
        self.add_state("bleu_f_sum", torch.zeros(size, dtype=torch.float64), "sum")
        self.add_state("bleu_sample_count", torch.zeros((), dtype=torch.int64), "sum")
        self.add_state("bleu_largest", torch.zeros(self._references.size, dtype=torch.int32), "max")
        self.add_state("bleu_lengths", default=[], dist_reduce_fx="cat")

    def measure(self, samples: Sequence[Sequence[str]]) -> tuple[Tensor, Tensor, Tensor]:
        """Sums of the forward scores, the largest counts, and the lengths that there are."""
        words, lengths, types = word_numbers(samples)
        numbers = np.fromiter(map(self._numbers.get, types, repeat(-1)), np.int32, len(types))
        text = IndexedText(numbers[words], lengths)
        scores, largest = forward_bleu(text, self._references, self.orders, self.smoothing)
        found = scores.sum(axis=1), largest, np.unique(lengths)
        sums, counts, distinct = map(torch.from_numpy, found)
        return sums, counts, distinct

    def update(self, samples: Sequence[Sequence[str]]) -> None:
        if not samples:
            return
        sums, largest, lengths = self.measured(samples)
        self.bleu_f_sum += sums.to(self.device)
        self.bleu_sample_count += len(samples)
        self.bleu_largest = torch.maximum(self.bleu_largest, largest.to(self.device))
        self.bleu_lengths.append(lengths.to(self.device))

    def compute(self) -> dict[str, Tensor]:
        if not self.bleu_sample_count:
            raise UserError("BLEU needs at least one sample")
        forward = (self.bleu_f_sum / self.bleu_sample_count).cpu().numpy()
        backward = backward_bleu(
            self.bleu_largest.cpu().numpy(),
            _array(self.bleu_lengths),
            self._references,
            self.orders,
            self.smoothing,
        ).mean(axis=1)
        # 2 f b / (f + b); zero, and not 0 / 0, where no word matches
        harmonic = 2 * forward * backward / np.maximum(forward + backward, 1e-300)
        return {
            f"{name}/{order}": torch.tensor(score, device=self.device)
            for name, scores in (("bleu_f", forward), ("bleu_b", backward), ("bleu_ha", harmonic))
            for order, score in zip(self.orders, scores, strict=True)
        }


class SelfBLEU(TextMetric):
    """Mean BLEU of each sample against all other samples, in [0, 1]; lower is more diverse.

    Zhu et al. (2018), "Texygen: a benchmarking platform for text generation models". Read it
    beside the self-BLEU of as many real sentences: it grows with their number, and noise, which
    shares no n-grams, has the lowest. ``<unk>`` matches nothing, not even ``<unk>``.

    Args:
        orders: longest n-gram of each score, part of its key; more of them cost nothing.
        smoothing: ``floor``, or ``skip`` for the numbers of NLTK before 3.3.

    Raises:
        UserError: there are no orders of 1 or more; by ``compute``, there are fewer than two
            samples.

    >>> metric = SelfBLEU(orders=[2])
    >>> metric.update([["a", "cat", "sits"], ["a", "cat", "barks"]])
    >>> {key: round(float(value), 3) for key, value in metric.compute().items()}
    {'self_bleu/2': 0.577}
    """

    full_state_update = False

    self_bleu_words: list[Tensor]
    self_bleu_lengths: list[Tensor]
    self_bleu_hashes: list[Tensor]
    self_bleu_sizes: list[Tensor]

    def __init__(self, orders: Sequence[int] = ORDERS, smoothing: Smoothing = "floor") -> None:
        super().__init__()
        self.orders = _checked(orders)
        self.smoothing: Smoothing = smoothing
        # Numbers of 4 bytes a word, and for each update the hashes that its numbers stand for.
        for name in ("words", "lengths", "hashes", "sizes"):
            self.add_state(f"self_bleu_{name}", default=[], dist_reduce_fx="cat")

    def measure(self, samples: Sequence[Sequence[str]]) -> tuple[np.ndarray, ...]:
        """What each state is given, in their order."""
        text, _ = _numbered(samples)
        # A number of this process means another word elsewhere, a hash does not; the chance that
        # two of 43,000 words share one of 63 bits is 1e-10.
        hashes = type_hashes(samples) & np.iinfo(np.int64).max
        hashes = np.append(hashes, -1)  # that of number -1
        sizes = np.array([[len(text.words), len(hashes)]])
        return text.words, text.lengths.astype(np.int32), hashes, sizes

    def update(self, samples: Sequence[Sequence[str]]) -> None:
        words, lengths, hashes, sizes = self.measured(samples)
        for state, values in (
            (self.self_bleu_words, words),
            (self.self_bleu_lengths, lengths),
            (self.self_bleu_hashes, hashes),
            (self.self_bleu_sizes, sizes),
        ):
            # A copy, as what lives long in a measuring thread's memory keeps all of that in use.
            state.append(torch.from_numpy(values).to(self.device, copy=True))

    def compute(self) -> dict[str, Tensor]:
        self._join()
        text = IndexedText(_array(self.self_bleu_words), _array(self.self_bleu_lengths))
        scores = self_bleu(text, self.orders, self.smoothing).mean(axis=1)
        return {
            f"self_bleu/{order}": torch.tensor(score, device=self.device)
            for order, score in zip(self.orders, scores, strict=True)
        }

    def _join(self) -> None:
        """Make one update of all, so that no word is in memory twice."""
        distinct, numbers = np.unique(_array(self.self_bleu_hashes), return_inverse=True)
        numbers = numbers - 1  # the smallest hash is -1, and stays the number of unknown words
        words = _array(self.self_bleu_words)  # changed in place, as all else is here
        first = first_number = 0
        for size, types in _array(self.self_bleu_sizes):
            part = words[first : first + size]
            part[:] = numbers[first_number : first_number + types][part]
            first, first_number = first + size, first_number + types
        for name, values in (
            ("words", words),
            ("hashes", np.roll(distinct, -1)),
            ("sizes", np.array([[len(words), len(distinct)]])),
        ):
            setattr(self, f"self_bleu_{name}", [torch.from_numpy(values).to(self.device)])


def _checked(orders: Sequence[int]) -> tuple[int, ...]:
    if not orders or min(orders) < 1:
        raise UserError(f"the longest n-gram has at least 1 word, not {list(orders)}")
    return tuple(orders)


def _numbered(sentences: Sequence[Sequence[str]]) -> tuple[IndexedText, dict[str, int]]:
    """Words by the order in which they first occur, -1 for ``<unk>``, and their numbers."""
    words, lengths, types = word_numbers(sentences)
    numbers = {word: number for number, word in enumerate(types)}
    if (unknown := numbers.pop(UNKNOWN_TOKEN, None)) is not None:
        words = np.where(words == unknown, np.int32(-1), words)
    return IndexedText(words, lengths), numbers


def _array(state: list[Tensor]) -> np.ndarray:
    return dim_zero_cat(state).cpu().numpy()
