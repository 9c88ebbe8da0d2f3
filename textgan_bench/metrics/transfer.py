"""Scores of transferred text: sample k is source sentence k in another style."""

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from textgan_bench.metrics.decipherment import CorpusBLEU

Sentences = Sequence[Sequence[str]]

SEEN = 2
"""Sentences that have what counts as a feature; the rest would be remembered, not learnt."""
ITERATIONS = 1_000  # at most; the fit stops where it has converged


def words_and_pairs(sentence: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The words of a sentence and its pairs of neighbours.

    >>> list(words_and_pairs(["very", "good"]))
    [('very',), ('good',), ('very', 'good')]
    """
    return chain(((word,) for word in sentence), pairwise(sentence))


def style_classifier(*classes: Sentences) -> Any:
    """scikit-learn's logistic regression on words and word pairs, fitted to tell classes apart.

    Wang and Manning (2012), "Baselines and bigrams": the simple classifier that is hard to beat on
    the sentiment of single sentences.

    Args:
        classes: sentences of class 0, 1 and so on.

    Raises:
        ValueError: there are fewer than two classes, or one has no sentence.
    """
    if len(classes) < 2 or not all(map(len, classes)):
        raise ValueError("a classifier needs sentences of two classes at least")
    # Takes a second, and only the tables of transfer need it.
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    classifier = make_pipeline(
        CountVectorizer(analyzer=words_and_pairs, binary=True, min_df=SEEN),
        LogisticRegression(max_iter=ITERATIONS),
    )
    labels = [label for label, sentences in enumerate(classes) for _ in sentences]
    return classifier.fit([*chain(*classes)], labels)


class TransferAccuracy(Metric):
    """Share of samples that a classifier finds in the style they were to be given, in [0, 1].

    Higher is better, up to what real text of the styles gets. Shen et al. (2017), "Style transfer
    from non-parallel text by cross-alignment", with a convolutional classifier, Zhao et al. (2018)
    with fastText; here a logistic regression on words and word pairs. The samples are scored whole
    and in their order, fewer of them being the first ones.

    Args:
        classifier: ``style_classifier`` of training text.
        targets: class that each sample should have.

    Raises:
        ValueError: by ``update``, there are more samples than targets; by ``compute``, the state
            was put together of parts, whose samples have other targets.

    >>> classifier = style_classifier([["bad"], ["bad"]], [["good"], ["good"]])
    >>> metric = TransferAccuracy(classifier, targets=[1, 1, 0])
    >>> metric.update([["good"], ["bad"]])
    >>> {key: float(value) for key, value in metric.compute().items()}
    {'transfer_accuracy': 0.5}
    """

    full_state_update = False
    higher_is_better = True

    transferred_count: Tensor
    sample_count: Tensor

    def __init__(self, classifier: Any, targets: Sequence[int]) -> None:
        super().__init__()
        self._classifier = classifier
        self._targets = torch.tensor(targets)
        for name in ("transferred_count", "sample_count"):
            self.add_state(name, torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, samples: Sentences) -> None:
        if not samples:
            return
        targets = self._targets[int(self.sample_count) :][: len(samples)]
        if len(targets) < len(samples):
            raise ValueError(
                f"each sample belongs to a source sentence, but there are more than "
                f"{len(self._targets)} samples"
            )
        found = torch.from_numpy(self._classifier.predict(samples))
        self.transferred_count += (found == targets).sum().to(self.device)
        self.sample_count += len(samples)

    def compute(self) -> dict[str, Tensor]:
        if not self.update_called:
            raise ValueError("a transferred text is scored whole and in order, not in subsets")
        return {"transfer_accuracy": self.transferred_count / self.sample_count.double()}


class SourceBLEU(CorpusBLEU):
    """Corpus BLEU of samples against their sources, in [0, 1]: how much of them was kept.

    Not to be maximised alone: a copy of the source has 1, as far as ``CorpusBLEU`` gives it
    to a copy. Zhao et al. (2018) print 100 times it.

    Args:
        order: longest n-gram, part of the key.

    >>> metric = SourceBLEU()
    >>> sources = [["the", "food", "was", "not", "good"]]
    >>> metric.update([["the", "food", "was", "very", "good"]], sources)
    >>> {key: round(float(value), 3) for key, value in metric.compute().items()}
    {'source_bleu/4': 0.427}
    """

    def compute(self) -> dict[str, Tensor]:
        (value,) = super().compute().values()
        return {f"source_bleu/{self.order}": value}
