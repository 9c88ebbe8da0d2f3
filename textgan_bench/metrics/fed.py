"""Fréchet embedding distance between samples and references."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from textgan_bench.errors import UserError
from textgan_bench.functional.frechet import frechet_distance
from textgan_bench.functional.hashed_ngrams import HashedNGrams
from textgan_bench.functional.threads import one_thread
from textgan_bench.functional.word_numbers import once
from textgan_bench.metrics.inputs import TextMetric

CHUNK = 10_000  # sentences embedded at once


class SentenceEncoder(Protocol):
    """Turns sentences into vectors; its name becomes part of the score's key."""

    @property
    def name(self) -> str: ...

    def __call__(self, sentences: Sequence[Sequence[str]]) -> Tensor:
        """(n, D) embeddings of n sentences."""
        ...


def embedded(samples: Sequence[Sequence[str]], encoder: SentenceEncoder) -> Iterator[Tensor]:
    """(n, D) float64 embeddings on the CPU, ``CHUNK`` sentences at a time.

    Those of a ``SharedText`` of no more sentences are found once by each encoder.
    """
    if len(samples) <= CHUNK:
        yield once(samples, (embedded, id(encoder)), lambda: encoder(samples).double().cpu())
        return
    for start in range(0, len(samples), CHUNK):
        yield encoder(samples[start : start + CHUNK]).double().cpu()


class FED(TextMetric):
    """Fréchet distance between Gaussians fitted to embeddings, in [0, inf); lower is better.

    de Masson d'Autume et al. (2019), "Training language GANs from scratch". The value depends on
    the encoder and is biased upwards by about 1/n: compare equal numbers of samples only, and read
    it beside the distance of other real text.

    Args:
        references: sentences as lists of words; they are embedded once.
        encoder: not fitted on the samples or the references; ``metrics.encoders`` makes one from
            its name.

    >>> from textgan_bench.functional.hashed_ngrams import HashedNGrams
    >>> text = [[who, does] for who in ("he", "she", "it") for does in ("is", "was", "goes")]
    >>> metric = FED(text[:5], HashedNGrams.fit(text, dim=2))
    >>> metric.update(text[:5])
    >>> {key: round(float(value), 4) for key, value in metric.compute().items()}
    {'fed/hash2': 0.0}
    """

    full_state_update = False

    embedding_count: Tensor
    embedding_sum: Tensor
    embedding_outer: Tensor

    def __init__(self, references: Sequence[Sequence[str]], encoder: SentenceEncoder) -> None:
        super().__init__(references)
        if len(references) < 2:
            raise UserError(f"a covariance needs at least 2 references, not {len(references)}")
        self.encoder = encoder
        self.in_threads = isinstance(encoder, HashedNGrams)  # others use all threads themselves
        embeddings = encoder(references).double().cpu()  # (n, D)
        self._mean = embeddings.mean(dim=0)
        with one_thread():
            covariance = torch.cov(embeddings.T)
        self._covariance = covariance.reshape(len(self._mean), len(self._mean))
        # Moments about the references' mean: about zero, their difference would lose digits.
        size = len(self._mean)
        self.add_state("embedding_count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state(
            "embedding_sum", torch.zeros(size, dtype=torch.float64), dist_reduce_fx="sum"
        )
        self.add_state(
            "embedding_outer", torch.zeros(size, size, dtype=torch.float64), dist_reduce_fx="sum"
        )

    def measure(self, samples: Sequence[Sequence[str]]) -> list[tuple[int, Tensor, Tensor]]:
        """Number, sum and sum of outer products of the embeddings, ``CHUNK`` at a time."""
        parts = []
        for embeddings in embedded(samples, self.encoder):
            centred = embeddings - self._mean
            with one_thread():
                parts.append((len(centred), centred.sum(dim=0), centred.T @ centred))
        return parts

    def update(self, samples: Sequence[Sequence[str]]) -> None:
        for number, total, outer in self.measured(samples):
            self.embedding_count += number
            self.embedding_sum += total.to(self.device)
            self.embedding_outer += outer.to(self.device)

    @one_thread()
    def compute(self) -> dict[str, Tensor]:
        n = self.embedding_count
        if n < 2:
            raise UserError(f"a covariance needs at least 2 samples, not {int(n)}")
        mean = self.embedding_sum / n
        covariance = (self.embedding_outer - n * mean.outer(mean)) / (n - 1)
        reference = self._covariance.to(self.device)
        distance = frechet_distance(torch.zeros_like(mean), reference, mean, covariance)
        return {f"fed/{self.encoder.name}": distance}
