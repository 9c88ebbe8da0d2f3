"""Negative log-likelihood of samples under the distribution that made the data."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from textgan_bench.metrics.inputs import TextMetric
from textgan_bench.tokens import Vocabulary, pad_sequences

if TYPE_CHECKING:  # Lightning takes a second to import, which most metrics do without
    from textgan_bench.interfaces import Oracle


class OracleNLL(TextMetric):
    """Oracle NLL in nats per word, all samples taken together, and its gap to the entropy.

    Yu et al. (2017), "SeqGAN: sequence generative adversarial nets with policy gradient". The gap
    is the NLL minus the entropy of the oracle's own samples: 0 at best, and negative where the
    samples are less diverse than they should be. A constant frequent word scores well: read it
    beside the reverse score and the number of distinct words. Infinite if no word was written.

    Args:
        oracle: gives the log probability of a batch.
        vocabulary: indices of words as the oracle has them.

    Raises:
        ValueError: by ``update``, a sample holds a word the oracle does not know.

    >>> class Coin:
    ...     entropy, entropy_se, knows_lengths = 0.6931, 0.0, False
    ...     def log_prob(self, batch):
    ...         return batch.lengths * torch.tensor(0.5).log()
    >>> metric = OracleNLL(Coin(), Vocabulary(("<pad>", "head", "tail")))
    >>> metric.update([["head", "tail", "tail"], ["tail"]])
    >>> {key: round(float(value), 4) for key, value in metric.compute().items()}
    {'oracle_nll': 0.6931, 'oracle_gap': 0.0}
    """

    full_state_update = False

    oracle_nll_sum: Tensor
    oracle_word_count: Tensor

    def __init__(self, oracle: "Oracle", vocabulary: Vocabulary) -> None:
        super().__init__()
        self.oracle = oracle
        self.vocabulary = vocabulary
        self.add_state("oracle_nll_sum", torch.zeros((), dtype=torch.float64), "sum")
        self.add_state("oracle_word_count", torch.zeros((), dtype=torch.int64), "sum")

    def update(self, samples: Sequence[Sequence[str]]) -> None:
        batch = pad_sequences([self.vocabulary.encode(words) for words in samples])
        self.oracle_nll_sum -= self.oracle.log_prob(batch).double().sum().to(self.device)
        self.oracle_word_count += batch.lengths.sum().to(self.device)

    def compute(self) -> dict[str, Tensor]:
        nll = self.oracle_nll_sum / self.oracle_word_count
        nll = torch.where(self.oracle_word_count > 0, nll, torch.inf)
        return {"oracle_nll": nll, "oracle_gap": nll - self.oracle.entropy}
