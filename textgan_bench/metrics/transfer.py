"""Scores of transferred text: sample k is source sentence k in another style.

They need the whole text in its order, fewer sentences being the first ones.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from textgan_bench.functional.ngram_classifier import NGramClassifier
from textgan_bench.metrics.decipherment import AlignedBLEU

Sentences = Sequence[Sequence[str]]


class TransferAccuracy(Metric):
    """Share of samples that a classifier finds in the style they were to be given, in [0, 1].

    Higher is better, up to what real text of the styles gets. Shen et al. (2017), "Style transfer
    from non-parallel text by cross-alignment", with a convolutional classifier, Zhao et al. (2018)
    with fastText; here a logistic regression on words and word pairs.

    Args:
        classifier: fitted on training text.
        targets: class that each sample should have.

    >>> classifier = NGramClassifier([["bad"], ["bad"]], [["good"], ["good"]])
    >>> metric = TransferAccuracy(classifier, targets=[1, 1, 0])
    >>> metric.update([["good"], ["bad"]])
    >>> {key: float(value) for key, value in metric.compute().items()}
    {'transfer_accuracy': 0.5}
    """

    full_state_update = False
    higher_is_better = True

    transferred_count: Tensor
    sample_count: Tensor

    def __init__(self, classifier: NGramClassifier, targets: Sequence[int]) -> None:
        super().__init__()
        self._classifier = classifier
        self._targets = torch.tensor(targets)
        for name in ("transferred_count", "sample_count"):
            self.add_state(name, torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, samples: Sentences) -> None:
        rows = next_rows(self.sample_count, samples, len(self._targets))
        self.transferred_count += (
            (self._classifier.predict(samples) == self._targets[rows]).sum().to(self.device)
        )
        self.sample_count += len(samples)

    def compute(self) -> dict[str, Tensor]:
        check_order(self)
        return {"transfer_accuracy": self.transferred_count / self.sample_count.double()}


class SourceBLEU(AlignedBLEU):
    """Corpus BLEU of samples against their sources, in [0, 1]: how much of them was kept.

    Not to be maximised alone: a copy of the source has 1. Zhao et al. (2018) print 100 times it.

    Args:
        sources: the sentences that were transferred.
        order: longest n-gram, part of the key.

    >>> metric = SourceBLEU([["the", "food", "was", "not", "good"]])
    >>> metric.update([["the", "food", "was", "very", "good"]])
    >>> {key: round(float(value), 3) for key, value in metric.compute().items()}
    {'source_bleu/4': 0.427}
    """

    sample_count: Tensor

    def __init__(self, sources: Sentences, order: int = 4) -> None:
        super().__init__(order)
        self._sources = sources
        self.add_state("sample_count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, samples: Sentences) -> None:  # type: ignore[override]
        rows = next_rows(self.sample_count, samples, len(self._sources))
        super().update(samples, self._sources[rows])
        self.sample_count += len(samples)

    def compute(self) -> dict[str, Tensor]:
        check_order(self)
        (value,) = super().compute().values()
        return {f"source_bleu/{self.order}": value}


def next_rows(count: Tensor, samples: Sentences, sources: int) -> slice:
    """Rows of the sources that samples belong to which follow ``count`` others.

    Raises:
        ValueError: there are more samples than sources.
    """
    start = int(count)
    if start + len(samples) > sources:
        raise ValueError(
            f"each sample belongs to a source sentence, but there are more than {sources} samples"
        )
    return slice(start, start + len(samples))


def check_order(metric: Metric) -> None:
    """Refuse a state put together of parts, whose samples belong to other sources.

    Raises:
        ValueError: it is one.
    """
    if not metric.update_called:
        raise ValueError("a transferred text is scored whole and in order, not in subsets")
