"""Scores of transferred text: sample k is source sentence k in another style."""

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import Any

import torch
from torch import Tensor

from textgan_bench.errors import UserError
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
        UserError: there are fewer than two classes, or one has no sentence.
    """
    if len(classes) < 2 or not all(map(len, classes)):
        raise UserError("a classifier needs sentences of two classes at least")
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


class TransferScores(CorpusBLEU):
    """Of text rewritten in another style: has each sample the style, and what of its source?

    All are in [0, 1], the papers print 100 times them.

    ``transfer_accuracy``
        Share of samples that a classifier finds in the style they were to be given; higher is
        better, up to what real text of the styles gets. Shen et al. (2017), "Style transfer from
        non-parallel text by cross-alignment", with a convolutional classifier, Zhao et al. (2018)
        with fastText; here a logistic regression on words and word pairs. A sentence written again
        and again may have 1.
    ``source_bleu/4``
        Corpus BLEU against the sources (Zhao et al., 2018): how much of them was kept. A copy of
        the source has 1, as far as ``CorpusBLEU`` gives it to a copy.
    ``source_g2/4``, ``source_h2/4``
        Geometric and harmonic mean of these two, higher is better: the G-score of Xu et al. (2018),
        "Unpaired sentiment-to-sentiment translation: a cycled reinforcement learning approach", and
        the G2 and H2 of Luo et al. (2019), "A dual reinforcement learning framework for
        unsupervised text style transfer", whose BLEU is against rewrites by people. With the source
        as reference they are self_g2 and self_h2 of Huang et al. (2021), "NAST" (their
        eval_yelp.py). Neither a copy nor a constant sentence has much of either.

    Args:
        classifier: ``style_classifier`` of training text.
        targets: class that each sample should have, in order.
        order: longest n-gram, part of the keys.

    Raises:
        UserError: by ``update``, there are more samples than targets; by ``compute``, the state
            was put together of parts, whose samples have other targets.

    >>> classifier = style_classifier([["bad"], ["bad"]], [["good"], ["good"]])
    >>> metric = TransferScores(classifier, targets=[1, 0], order=1)
    >>> metric.update([["good", "food"], ["good", "wine"]], [["bad", "food"], ["good", "wine"]])
    >>> {key: round(float(value), 3) for key, value in metric.compute().items()}
    {'transfer_accuracy': 0.5, 'source_bleu/1': 0.75, 'source_g2/1': 0.612, 'source_h2/1': 0.6}
    """

    transferred_count: Tensor
    transfer_count: Tensor

    def __init__(self, classifier: Any, targets: Sequence[int], order: int = 4) -> None:
        super().__init__(order)
        self._classifier = classifier
        self._targets = torch.tensor(targets)
        for name in ("transferred_count", "transfer_count"):
            self.add_state(name, torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, samples: Sentences, references: Sentences) -> None:
        super().update(samples, references)
        if not samples:
            return
        targets = self._targets[int(self.transfer_count) :][: len(samples)]
        if len(targets) < len(samples):
            raise UserError(
                f"each sample belongs to a source sentence, but there are more than "
                f"{len(self._targets)} samples"
            )
        found = torch.from_numpy(self._classifier.predict(samples))
        self.transferred_count += (found == targets).sum().to(self.device)
        self.transfer_count += len(samples)

    def compute(self) -> dict[str, Tensor]:
        if not self.update_called:
            raise UserError("a transferred text is scored whole and in order, not in subsets")
        (kept,) = super().compute().values()
        accuracy = self.transferred_count / self.transfer_count.double()
        product = accuracy * kept
        return {
            "transfer_accuracy": accuracy,
            f"source_bleu/{self.order}": kept,
            f"source_g2/{self.order}": product.sqrt(),
            # 2 a k / (a + k); zero, and not 0 / 0, where both are
            f"source_h2/{self.order}": 2 * product / (accuracy + kept).clamp_min(1e-300),
        }
