"""Scores of embeddings beyond the Fréchet distance: kernel distance, mutual coverage, diversity.

Each takes any sentence encoder, whose name is part of the key. Real text is no nearer to real text
than these scores allow: read them beside its row.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from textgan_bench.errors import UserError
from textgan_bench.functional.effective_number import directions, effective_numbers
from textgan_bench.functional.kernel_distance import cross_sums, kernel_distance, own_sums
from textgan_bench.functional.nearest_balls import Balls, coverage, covered
from textgan_bench.metrics.fed import SentenceEncoder, embedded
from textgan_bench.metrics.inputs import TextMetric

NEIGHBOURS = 5
"""As in the code of Naeem et al. (2020)."""
SEEDS = range(5)
"""Of the k-means of MAUVE, whose choice moves it as much as the best models differ."""

Sentences = Sequence[Sequence[str]]


class EmbeddedText(TextMetric):
    """A metric that needs all embeddings at once: D numbers a sentence, as the encoder gives them.

    Args:
        references: sentences as lists of words; they are embedded once.
        encoder: not fitted on the samples or the references.
    """

    full_state_update = False

    sample_embeddings: list[Tensor]
    LEAST: int
    """Sentences that either side needs."""

    def __init__(self, references: Sentences, encoder: SentenceEncoder) -> None:
        super().__init__(references)
        self._check(len(references), "references")
        self.encoder = encoder
        self._references = encoder(references).double().cpu()  # (N, D)
        self.add_state("sample_embeddings", default=[], dist_reduce_fx="cat")

    def update(self, samples: Sentences) -> None:
        for embeddings in embedded(samples, self.encoder):
            self.sample_embeddings.append(embeddings.to(self.device))

    def _samples(self) -> Tensor:
        """(M, D) float64."""
        self._check(sum(map(len, self.sample_embeddings)), "samples")
        return dim_zero_cat(self.sample_embeddings).double().cpu()

    def _check(self, n: int, side: str) -> None:
        if n < self.LEAST:
            name = type(self).__name__
            raise UserError(f"{name} needs at least {self.LEAST} {side}, not {n}")


class KID(EmbeddedText):
    """Squared kernel distance of embeddings, without bias; lower is better, and 0 is reached.

    Bińkowski et al. (2018), "Demystifying MMD GANs": the kernel (x . y / c + 1)^3, whose c was the
    dimension of features of variance one. Here c is the mean squared length of the references'
    embeddings, which many encoders scale to length one: by the dimension nothing but the distance
    of the means would count. Having no bias, it may be compared across numbers of samples and is
    around zero for other real text; a copy of the references is below zero. ``kid_se`` is its
    standard error, samples and references drawn anew.

    >>> from textgan_bench.functional.hashed_ngrams import HashedNGrams
    >>> text = [[who, does] for who in ("he", "she", "it") for does in ("is", "was", "goes")]
    >>> metric = KID(text[:5], HashedNGrams.fit(text, dim=2))
    >>> metric.update(text[5:])
    >>> sorted(metric.compute())
    ['kid/hash2', 'kid_se/hash2']
    """

    LEAST = 3

    def __init__(self, references: Sentences, encoder: SentenceEncoder) -> None:
        super().__init__(references, encoder)
        scale = float(self._references.square().sum(1).mean())
        if not scale:
            raise UserError(f"{encoder.name} maps all references to zero")
        self._gamma = 1 / scale
        self._own = own_sums(self._references, self._gamma)

    def compute(self) -> dict[str, Tensor]:
        samples = self._samples()
        cross, cross_references = cross_sums(samples, self._references, self._gamma)
        own = own_sums(samples, self._gamma)
        value, error = kernel_distance(own, cross, self._own, cross_references)
        name = self.encoder.name
        return {f"kid/{name}": value, f"kid_se/{name}": error}


class NeighbourCoverage(TextMetric):
    """Share of the balls around references, up to the fifth neighbour, that hold a sample.

    The coverage of Naeem et al. (2020), in [0, 1], with closed balls, as sentences repeat
    themselves (``functional/nearest_balls.py``); higher is better. 1 - 2^-5 = 0.969 is expected of
    as many real sentences at any number of them, and it grows with the number of samples. What is
    kept of the samples does not grow.

    Args:
        references: sentences as lists of words; they are embedded once. There may be any number,
            but fewer than six have no score.
        encoder: not fitted on the samples or the references.

    Raises:
        UserError: by ``update``, there are fewer than six references; by ``compute``, fewer than
            six samples.

    >>> from textgan_bench.functional.hashed_ngrams import HashedNGrams
    >>> text = [[who, does] for who in ("he", "she", "it") for does in ("is", "was", "goes")]
    >>> metric = NeighbourCoverage(10 * text, HashedNGrams.fit(text, dim=8))
    >>> metric.update(10 * text)
    >>> float(metric.compute()["knn_coverage/hash8"])  # of a copy
    1.0
    """

    full_state_update = False

    covered_references: Tensor
    coverage_sample_count: Tensor

    def __init__(self, references: Sentences, encoder: SentenceEncoder) -> None:
        super().__init__(references)
        self.encoder = encoder
        self._reference_count = len(references)
        self._balls: Balls | None = None
        if len(references) > NEIGHBOURS:
            self._balls = Balls.around(encoder(references).double().cpu(), NEIGHBOURS)
        self.add_state("covered_references", torch.zeros(len(references), dtype=torch.int32), "max")
        self.add_state("coverage_sample_count", torch.zeros((), dtype=torch.int64), "sum")

    def update(self, samples: Sentences) -> None:
        if self._balls is None:
            raise UserError(_too_few(self, "references", self._reference_count))
        self.coverage_sample_count += len(samples)
        if self.covered_references.all():  # no embedding is needed
            return
        for embeddings in embedded(samples, self.encoder):
            left = self.covered_references.cpu() == 0
            found = left.clone()
            found[left] = covered(embeddings, self._balls.some(left))
            self.covered_references += found.to(self.covered_references)

    def compute(self) -> dict[str, Tensor]:
        if self.coverage_sample_count <= NEIGHBOURS:
            raise UserError(_too_few(self, "samples", int(self.coverage_sample_count)))
        return {f"knn_coverage/{self.encoder.name}": self.covered_references.double().mean()}


class NeighbourPrecision(EmbeddedText):
    """Precision, recall and density of embeddings by balls of nearest neighbours.

    Kynkäänniemi et al. (2019) and Naeem et al. (2020), with the closed balls of
    ``NeighbourCoverage``. ``knn_precision`` is the share of samples in a ball that reaches from a
    reference to its fifth neighbour, ``knn_recall`` the share of references in such a ball of a
    sample, and ``knn_density`` how crowded the references' balls are with samples. All depend on
    the numbers of samples and of references.

    >>> from textgan_bench.functional.hashed_ngrams import HashedNGrams
    >>> text = [[who, does] for who in ("he", "she", "it") for does in ("is", "was", "goes")]
    >>> metric = NeighbourPrecision(10 * text, HashedNGrams.fit(text, dim=8))
    >>> metric.update(10 * text)
    >>> float(metric.compute()["knn_recall/hash8"])  # of a copy
    1.0
    """

    LEAST = NEIGHBOURS + 1

    def __init__(self, references: Sentences, encoder: SentenceEncoder) -> None:
        super().__init__(references, encoder)
        self._balls = Balls.around(self._references, NEIGHBOURS)

    def compute(self) -> dict[str, Tensor]:
        shares = coverage(Balls.around(self._samples(), NEIGHBOURS), self._balls)._asdict()
        names = ("precision", "recall", "density")
        return {f"knn_{name}/{self.encoder.name}": shares[name] for name in names}


def _too_few(metric: TextMetric, side: str, n: int) -> str:
    return f"{type(metric).__name__} needs at least {NEIGHBOURS + 1} {side}, not {n}"


class EffectiveNumber(TextMetric):
    """How many different samples there are, by the entropy of their cosines; no references.

    ``vendi`` is the Vendi score of Friedman & Dieng (2023), ``rke`` the same of order two (Jalali
    et al., 2023, there with a Gaussian kernel). Both grow with the number of samples: the bias of
    ``rke`` falls as 1/n, ``vendi`` may need tens of thousands. Random words have more than real
    text.

    Args:
        encoder: its name is part of the key.

    >>> from textgan_bench.functional.hashed_ngrams import HashedNGrams
    >>> text = [[who, does] for who in ("he", "she", "it") for does in ("is", "was", "goes")]
    >>> metric = EffectiveNumber(HashedNGrams.fit(text, dim=8))
    >>> metric.update([["he", "is"]] * 10)
    >>> {key: round(float(value), 6) for key, value in metric.compute().items()}
    {'vendi/hash8': 1.0, 'rke/hash8': 1.0}
    """

    full_state_update = False

    direction_count: Tensor
    direction_zeros: Tensor
    direction_outer: Tensor

    def __init__(self, encoder: SentenceEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        size = encoder([[]]).shape[1]
        self.add_state("direction_count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("direction_zeros", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state(
            "direction_outer", torch.zeros(size, size, dtype=torch.float64), dist_reduce_fx="sum"
        )

    def update(self, samples: Sentences) -> None:
        for embeddings in embedded(samples, self.encoder):
            units, zeros = directions(embeddings)
            self.direction_count += len(units) + zeros
            self.direction_zeros += zeros
            self.direction_outer += (units.T @ units).to(self.device)

    def compute(self) -> dict[str, Tensor]:
        n = int(self.direction_count)
        if not n:
            raise UserError("the effective number of samples needs at least one")
        numbers = effective_numbers(self.direction_outer / n, int(self.direction_zeros) / n)
        return {f"{key}/{self.encoder.name}": value for key, value in numbers._asdict().items()}


class MAUVE(EmbeddedText):
    """Area under the divergence frontier of clustered embeddings, in [0, 1]; higher is better.

    Pillutla et al. (2021), by their package mauve-text, which is under the GPL and no part of this
    project, with embeddings by ``encoder`` in place of GPT-2's; mean over ``SEEDS`` of its k-means,
    each begun once. Buckets are a tenth of the sentences of either side, so it depends on their
    number, and few sentences look better. Real text does not reach 1: its row is the ceiling.

    Raises:
        UserError: the package is not there.
    """

    LEAST = 20  # two buckets

    def __init__(self, references: Sentences, encoder: SentenceEncoder) -> None:
        super().__init__(references, encoder)
        try:
            from mauve import compute_mauve
        except ImportError:
            raise UserError(
                "MAUVE needs the package mauve-text, which is under the GPL: pip install "
                "'textgan_bench[mauve]'"
            ) from None
        self._mauve = compute_mauve

    def compute(self) -> dict[str, Tensor]:
        features = {
            "p_features": self._references.numpy(),
            "q_features": self._samples().numpy(),
        }
        scores = [
            self._mauve(**features, kmeans_num_redo=1, seed=seed, verbose=False).mauve
            for seed in SEEDS
        ]
        return {f"mauve/{self.encoder.name}": torch.tensor(np.mean(scores), dtype=torch.float64)}
