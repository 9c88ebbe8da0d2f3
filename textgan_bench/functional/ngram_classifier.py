"""Logistic regression on the words and word pairs of a sentence: a judge of style.

Wang & Manning (2012), "Baselines and bigrams": the simple classifier that is hard to beat on the
sentiment of single sentences. Convex, so that two fits agree.

Shapes: N sentences, F features.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

Sentences = Sequence[Sequence[str]]
Feature = tuple[str, ...]

SEEN = 2
"""How often training text has what counts as a feature; the rest would be remembered, not learnt"""
ITERATIONS = 200  # at most
GRADIENT = 1e-7  # a sentence, at which the fit has converged


def features(sentence: Sequence[str]) -> Iterator[Feature]:
    """Its words and pairs of neighbours, each once.

    >>> sorted(features(["so", "so", "good"]))
    [('good',), ('so',), ('so', 'good'), ('so', 'so')]
    """
    return iter(set(chain(((word,) for word in sentence), pairwise(sentence))))


class NGramClassifier:
    """Which of two classes a sentence is of.

    The weights w and the bias b minimise |w|^2 / 2 + sum over sentences of log(1 + exp(-y s)), with
    s = b + sum of the weights of the sentence's features and y = 1 or -1.

    Args:
        sentences: of class 0 and of class 1.

    Raises:
        ValueError: a class has no sentence.

    >>> classifier = NGramClassifier([["bad"], ["very", "bad"]], [["good"], ["very", "good"]])
    >>> classifier.predict([["very", "very", "good"], ["bad"]]).tolist()
    [1, 0]
    """

    def __init__(self, *sentences: Sentences) -> None:
        if len(sentences) != 2 or not all(map(len, sentences)):
            raise ValueError("a classifier needs sentences of two classes")
        counts = Counter(chain.from_iterable(map(features, chain(*sentences))))
        known = (feature for feature, count in counts.items() if count >= SEEN)
        self.index = {feature: number for number, feature in enumerate(known)}
        with torch.inference_mode(False), torch.enable_grad():  # a test runs without gradients
            self.weights, self.bias = self._fit(sentences)

    def _fit(self, classes: Sequence[Sentences]) -> tuple[Tensor, Tensor]:
        """(F, 1) weights and () bias."""
        bags = self._bags(list(chain(*classes)))
        sizes = torch.tensor([len(part) for part in classes])
        labels = torch.arange(2).repeat_interleave(sizes).double()  # (N,)
        weights = torch.zeros(len(self.index), 1, dtype=torch.float64, requires_grad=True)
        bias = torch.zeros((), dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.LBFGS(
            [weights, bias],
            max_iter=ITERATIONS,
            line_search_fn="strong_wolfe",
            tolerance_grad=GRADIENT * len(labels),
            tolerance_change=0.0,
        )

        def loss() -> Tensor:
            optimizer.zero_grad()
            scores = _scores(bags, weights, bias)
            misfit = F.binary_cross_entropy_with_logits(scores, labels, reduction="sum")
            objective = misfit + weights.square().sum() / 2
            objective.backward()
            return objective

        optimizer.step(loss)
        return weights.detach(), bias.detach()

    def _bags(self, sentences: Sentences) -> tuple[Tensor, Tensor]:
        """Indices of known features, sentence after sentence, and (N,) where each begins."""
        found = [
            [self.index[feature] for feature in features(sentence) if feature in self.index]
            for sentence in sentences
        ]
        ends = torch.tensor([len(indices) for indices in found], dtype=torch.int64).cumsum(0)
        starts = torch.cat([ends.new_zeros(1), ends])[: len(found)]
        return torch.tensor(list(chain.from_iterable(found)), dtype=torch.int64), starts

    @torch.no_grad()
    def scores(self, sentences: Sentences) -> Tensor:
        """(N,) log odds of class 1."""
        return _scores(self._bags(sentences), self.weights, self.bias)

    def predict(self, sentences: Sentences) -> Tensor:
        """(N,) class of each sentence, int64."""
        return (self.scores(sentences) > 0).long()


def _scores(bags: tuple[Tensor, Tensor], weights: Tensor, bias: Tensor) -> Tensor:
    return bias + F.embedding_bag(bags[0], weights, bags[1], mode="sum").squeeze(1)
