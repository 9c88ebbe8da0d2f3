"""Oracle NLL against hmmlearn, and where an oracle knows neither the words nor any."""

import math

import numpy as np
import pytest
import torch
from hmmlearn.hmm import CategoricalHMM
from torch import Tensor

from textgan_bench.metrics import OracleNLL
from textgan_bench.tokens import TokenBatch, Vocabulary

VOCABULARY = Vocabulary(("<pad>", "a", "b", "c"))


class HmmlearnOracle:
    """Any implementation of the interface will do; this one is not ours."""

    entropy, entropy_se, knows_lengths = 0.9, 0.01, False

    def __init__(self) -> None:
        self.model = CategoricalHMM(n_components=2)
        self.model.startprob_ = np.array([0.7, 0.3])
        self.model.transmat_ = np.array([[0.9, 0.1], [0.4, 0.6]])
        self.model.emissionprob_ = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
        self.model.n_features = 3

    def log_prob(self, batch: TokenBatch) -> Tensor:
        scores = [
            self.model.score(row[:length, None].numpy() - 1) if length else 0.0
            for row, length in zip(batch.ids, batch.lengths, strict=True)
        ]
        return torch.tensor(scores, dtype=torch.float64)


def test_divides_the_sum_by_all_words() -> None:
    oracle = HmmlearnOracle()
    samples = [["a", "b", "c", "c"], [], ["c"], ["b", "b"]]
    metric = OracleNLL(oracle, VOCABULARY)
    metric.update(samples[:3])
    metric.update(samples[3:])
    symbols = np.array([[0], [1], [2], [2], [2], [1], [1]])
    nll = -oracle.model.score(symbols, lengths=[4, 1, 2]) / 7
    result = {key: float(value) for key, value in metric.compute().items()}
    assert result == pytest.approx({"oracle_nll": nll, "oracle_gap": nll - 0.9}, rel=1e-12)


@pytest.mark.parametrize("word", ["zebra", "<pad>", "<unk>"])
def test_words_the_oracle_does_not_know(word: str) -> None:
    metric = OracleNLL(HmmlearnOracle(), VOCABULARY)
    with pytest.raises(ValueError, match=f"'{word}' is not a word of this vocabulary of 3"):
        metric.update([["a"], ["b", word]])


def test_nothing_written_is_infinitely_bad() -> None:
    metric = OracleNLL(HmmlearnOracle(), VOCABULARY)
    metric.update([[], []])
    result = {key: float(value) for key, value in metric.compute().items()}
    assert result == {"oracle_nll": math.inf, "oracle_gap": math.inf}
