"""How near the samples are to the training set: the mean similarity to the nearest sentence of it.

The nearest-neighbour analysis of de Masson d'Autume et al. (2019), "Training language GANs from
scratch", in data and in embedding space, as a number. 1 says that all samples are copies; the
value to reach is that of other real text.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from tqdm import tqdm

from textgan_bench.errors import UserError
from textgan_bench.functional.neighbours import (
    QUIET_SECONDS,
    Neighbours,
    NGramIndex,
    nearest_by_cosine,
)
from textgan_bench.metrics.fed import SentenceEncoder
from textgan_bench.metrics.inputs import TrainingMetric

CHUNK = 5_000  # sentences embedded at once

Sentences = Sequence[Sequence[str]]


class NearestNGram(TrainingMetric):
    """Mean n-gram overlap of samples with the nearest training sentence, in [0, 1].

    The overlap is the Jaccard index of the sets of distinct n-grams up to ``order``.

    Args:
        train: the training sentences; they are indexed once, in about 20 bytes an n-gram.
        order: longest n-gram.

    >>> metric = NearestNGram([["a", "cat", "sat"], ["a", "dog"]], order=2)
    >>> metric.update([["a", "dog", "ran"], ["a", "dog"], ["bird"]])
    >>> {key: round(float(value), 3) for key, value in metric.compute().items()}
    {'nearest_ngram': 0.533}
    """

    full_state_update = False

    overlap_sum: Tensor
    overlap_count: Tensor

    def __init__(self, train: Sentences, order: int = 4) -> None:
        super().__init__(train)
        self._index = NGramIndex(train, order)
        self.add_state("overlap_sum", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("overlap_count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def nearest(self, samples: Sentences) -> Neighbours:
        """The overlap of each sample and its place in ``train``."""
        return self._index.nearest(samples)

    def update(self, samples: Sentences) -> None:
        self.overlap_sum += self.nearest(samples).similarity.sum()
        self.overlap_count += len(samples)

    def compute(self) -> dict[str, Tensor]:
        return {"nearest_ngram": _mean(self.overlap_sum, self.overlap_count)}


class NearestEmbedding(TrainingMetric):
    """Mean cosine of the embedding of a sample with the nearest one of training, in [-1, 1].

    Args:
        train: the training sentences; they are embedded once, in 4 bytes a dimension.
        encoder: its name is part of the key.

    >>> from textgan_bench.functional.hashed_ngrams import HashedNGrams
    >>> text = [[who, does] for who in ("he", "she", "it") for does in ("is", "was", "goes")]
    >>> metric = NearestEmbedding(text, HashedNGrams.fit(text, dim=4))
    >>> metric.update(text[:5])
    >>> {key: round(float(value), 4) for key, value in metric.compute().items()}
    {'nearest/hash4': 1.0}
    """

    full_state_update = False

    cosine_sum: Tensor
    cosine_count: Tensor

    def __init__(self, train: Sentences, encoder: SentenceEncoder) -> None:
        super().__init__(train)
        if not len(train):
            raise UserError("there is no sentence to search for neighbours in")
        self.encoder = encoder
        starts = tqdm(range(0, len(train), CHUNK), "embedding", delay=QUIET_SECONDS)
        self._train = torch.cat([encoder(train[at : at + CHUNK]).float() for at in starts])
        self.add_state("cosine_sum", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("cosine_count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def nearest(self, samples: Sentences) -> Neighbours:
        """The cosine of each sample and its place in ``train``."""
        return nearest_by_cosine(self.encoder(samples), self._train)

    def update(self, samples: Sentences) -> None:
        for start in range(0, len(samples), CHUNK):
            self.cosine_sum += self.nearest(samples[start : start + CHUNK]).similarity.sum()
        self.cosine_count += len(samples)

    def compute(self) -> dict[str, Tensor]:
        return {f"nearest/{self.encoder.name}": _mean(self.cosine_sum, self.cosine_count)}


def _mean(total: Tensor, count: Tensor) -> Tensor:
    if not count:
        raise UserError("the similarity to neighbours needs at least one sample")
    return total / count
