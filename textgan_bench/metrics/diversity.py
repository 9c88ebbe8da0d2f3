"""How many words, n-grams and sentences the samples use: what no forward score can tell."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from textgan_bench.errors import UserError
from textgan_bench.functional.integer_sorts import distinct
from textgan_bench.functional.text_hashes import (
    KnownHashes,
    are_among,
    hash_words,
    ngram_hashes,
    sentence_hashes,
    shortened_hashes,
    type_hashes,
)
from textgan_bench.functional.word_numbers import word_numbers
from textgan_bench.metrics.inputs import TextMetric, TrainingMetric


def _distinct(hashes: Tensor) -> Tensor:
    """The distinct ones in increasing order, found where they are."""
    if hashes.device.type != "cpu":
        return hashes.unique()
    return torch.from_numpy(distinct(hashes.numpy()))


class Diversity(TextMetric):
    """Number of distinct words, and fraction of distinct sentences in [0, 1].

    Both are higher for more diverse text, and grow and fall with the number of samples.

    >>> metric = Diversity()
    >>> metric.update([["a", "cat"], ["a", "dog"], ["a", "cat"], []])
    >>> {key: float(value) for key, value in metric.compute().items()}
    {'distinct_words': 3.0, 'distinct_sentences': 0.75}
    """

    full_state_update = False

    word_hashes: list[Tensor]
    sentence_hashes: list[Tensor]
    sentence_count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("word_hashes", default=[], dist_reduce_fx="cat")
        self.add_state("sentence_hashes", default=[], dist_reduce_fx="cat")
        self.add_state("sentence_count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def measure(self, samples: Sequence[Sequence[str]]) -> tuple[Tensor, Tensor]:
        """Hashes of the distinct words and sentences."""
        sentences = distinct(sentence_hashes(samples))
        return torch.from_numpy(type_hashes(samples)), torch.from_numpy(sentences)

    def update(self, samples: Sequence[Sequence[str]]) -> None:
        words, sentences = self.measured(samples)
        self.word_hashes.append(words.to(self.device))
        self.sentence_hashes.append(sentences.to(self.device))
        self.sentence_count += len(samples)

    def compute(self) -> dict[str, Tensor]:
        if not self.sentence_count:
            raise UserError("diversity needs at least one sample")
        words = len(_distinct(dim_zero_cat(self.word_hashes)))
        sentences = len(_distinct(dim_zero_cat(self.sentence_hashes)))
        return {
            "distinct_words": torch.tensor(words, device=self.device),
            "distinct_sentences": sentences / self.sentence_count.double(),
        }


class WordEntropy(TextMetric):
    """Entropy of the words of all samples, in nats, from 0 to the log of their number.

    It is the diversity axis on which whole curves of methods are compared ("Generative frontiers",
    arXiv 2604.02718), there of the words within each sample, which for a caption is little but the
    log of its length. Read it beside the data's own: words at random have most. K distinct words
    among N are about (K - 1) / 2N too few nats (Miller, 1955), so compare equal numbers. 0 if no
    word was written. 16 bytes are kept of each distinct word.

    >>> metric = WordEntropy()
    >>> metric.update([["a", "cat"], ["a", "dog"]])
    >>> round(float(metric.compute()["word_entropy"]), 4)  # of shares 1/2, 1/4, 1/4: 3/2 log 2
    1.0397
    """

    full_state_update = False

    entropy_words: list[Tensor]
    entropy_counts: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("entropy_words", default=[], dist_reduce_fx="cat")
        self.add_state("entropy_counts", default=[], dist_reduce_fx="cat")

    def update(self, samples: Sequence[Sequence[str]]) -> None:
        words, _, types = word_numbers(samples)
        counts = np.bincount(words, minlength=len(types))
        self.entropy_words.append(torch.from_numpy(type_hashes(samples)).to(self.device))
        self.entropy_counts.append(torch.from_numpy(counts).to(self.device))

    def compute(self) -> dict[str, Tensor]:
        if not self.entropy_words:
            raise UserError("the entropy of words needs at least one sample")
        words, number = dim_zero_cat(self.entropy_words).unique(return_inverse=True)
        counts = torch.zeros(len(words), dtype=torch.float64, device=self.device)
        counts.index_add_(0, number, dim_zero_cat(self.entropy_counts).double())
        shares = counts / counts.sum()
        return {"word_entropy": torch.special.entr(shares).sum()}


class DistinctNGrams(TextMetric):
    """Distinct n-grams of the whole set of samples divided by all its n-grams, in [0, 1].

    The distinct-n of Li et al. (2016), "A diversity-promoting objective function for neural
    conversation models", with n-grams in the divisor where they count words: only so is 1 reached.
    Higher for more diverse text; it falls as the number of samples grows, so compare equal numbers
    only, and uniform words score best: read it beside the data's own value. 0 where no sentence is
    that long.

    8 to 16 bytes are kept of each distinct n-gram.

    Args:
        order: longest n-gram; there is a key for each length.

    >>> metric = DistinctNGrams(order=2)
    >>> metric.update([["a", "cat"], ["a", "cat", "sat"]])
    >>> {key: round(float(value), 3) for key, value in metric.compute().items()}
    {'distinct/1': 0.6, 'distinct/2': 0.667}
    """

    full_state_update = False

    ngram_counts: Tensor

    def __init__(self, order: int = 4) -> None:
        super().__init__()
        if order < 1:
            raise UserError(f"the longest n-gram has at least 1 word, not {order}")
        self.order = order
        for n in range(1, order + 1):
            self.add_state(f"ngram_hashes_{n}", default=[], dist_reduce_fx="cat")
        self.add_state("ngram_counts", torch.zeros(order, dtype=torch.int64), dist_reduce_fx="sum")

    def measure(self, samples: Sequence[Sequence[str]]) -> list[tuple[Tensor, int]]:
        """Of each length the hashes of the distinct n-grams, and the number of all."""
        text = hash_words(samples)
        ngrams = (ngram_hashes(text, n)[0] for n in range(1, self.order + 1))
        return [(torch.from_numpy(distinct(hashes)), len(hashes)) for hashes in ngrams]

    def update(self, samples: Sequence[Sequence[str]]) -> None:
        for n, (hashes, number) in enumerate(self.measured(samples), start=1):
            known = [*getattr(self, f"ngram_hashes_{n}"), hashes.to(self.device, copy=True)]
            # Many pieces repeat each other: once they are longer than the first, they join it.
            if sum(map(len, known[1:])) > len(known[0]):
                known = [_distinct(torch.cat(known))]
            setattr(self, f"ngram_hashes_{n}", known)
            self.ngram_counts[n - 1] += number

    def compute(self) -> dict[str, Tensor]:
        scores = {}
        for n in range(1, self.order + 1):
            number = len(_distinct(dim_zero_cat(getattr(self, f"ngram_hashes_{n}"))))
            scores[f"distinct/{n}"] = number / self.ngram_counts[n - 1].clamp_min(1).double()
        return scores


class NovelSentences(TrainingMetric):
    """Fraction of samples that are not, word for word, a training sentence, in [0, 1].

    Higher is newer, not better: other real text has a value of its own to read it beside. A
    sample drawn twice counts twice.

    Args:
        train: the training sentences; 8 bytes are kept of each distinct one.

    >>> metric = NovelSentences([["a", "cat"], ["a", "dog"]])
    >>> metric.update([["a", "cat"], ["a", "bird"], ["a"]])
    >>> {key: round(float(value), 3) for key, value in metric.compute().items()}
    {'novel_sentences': 0.667}
    """

    full_state_update = False

    novel_count: Tensor
    novelty_sample_count: Tensor

    def __init__(self, train: Sequence[Sequence[str]]) -> None:
        super().__init__(train)
        if not train:
            raise UserError("novelty needs at least one training sentence")
        self._known = distinct(sentence_hashes(train))
        self.add_state("novel_count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state(
            "novelty_sample_count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum"
        )

    def measure(self, samples: Sequence[Sequence[str]]) -> int:
        """Number of novel samples."""
        known = are_among(sentence_hashes(samples), self._known)
        return int(np.count_nonzero(~known))

    def update(self, samples: Sequence[Sequence[str]]) -> None:
        self.novel_count += self.measured(samples)
        self.novelty_sample_count += len(samples)

    def compute(self) -> dict[str, Tensor]:
        if not self.novelty_sample_count:
            raise UserError("novelty needs at least one sample")
        return {"novel_sentences": self.novel_count / self.novelty_sample_count.double()}


class NovelByTwo(TrainingMetric):
    """Fraction of samples that are no training sentence but for one word, in [0, 1].

    A sample is near to a training sentence if both become equal once at most one word is left out
    of each: one word is another, is there besides, is missing or stands elsewhere. Copies with a
    word changed pass as novel sentences, and other scores take them for text. Higher is newer, not
    better: short sentences of other real text are near to training text, too, so read it beside the
    value of that.

    Args:
        train: the training sentences; 8 bytes are kept of each distinct one and of each distinct
            way to leave a word out.

    >>> metric = NovelByTwo([["a", "black", "cat"], ["a", "dog"]])
    >>> metric.update([["a", "white", "cat"], ["a", "cat"], ["two", "white", "cats"], ["a", "dog"]])
    >>> {key: float(value) for key, value in metric.compute().items()}
    {'novel_by_two': 0.25}
    """

    full_state_update = False

    far_count: Tensor
    far_sample_count: Tensor

    def __init__(self, train: Sequence[Sequence[str]]) -> None:
        super().__init__(train)
        if not train:
            raise UserError("novelty needs at least one training sentence")
        self._known = KnownHashes(shortened_hashes(hash_words(train))[0])
        for name in ("far_count", "far_sample_count"):
            self.add_state(name, torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def measure(self, samples: Sequence[Sequence[str]]) -> int:
        """Number of samples that no training sentence is near to."""
        hashes, sentence = shortened_hashes(hash_words(samples))
        near = np.zeros(len(samples), dtype=bool)
        near[sentence[self._known.hold(hashes)]] = True
        return int(np.count_nonzero(~near))

    def update(self, samples: Sequence[Sequence[str]]) -> None:
        self.far_count += self.measured(samples)
        self.far_sample_count += len(samples)

    def compute(self) -> dict[str, Tensor]:
        if not self.far_sample_count:
            raise UserError("novelty needs at least one sample")
        return {"novel_by_two": self.far_count / self.far_sample_count.double()}
