"""Divergences between a generator and the distribution of the data, where both are known.

A score of samples under the data's distribution is one half of a divergence, and the entropy of the
generator the other:

    KL(q | p) = -H(q) - E_q log p.

Samples that are too likely have too little entropy, and neither half alone tells ("Generative
frontiers", arXiv 2604.02718). Both are known of a generator q with a likelihood on a table with an
oracle p (HMM, grammar, LSTM), so that the means over samples

    KL(q | p) = E_q [log q - log p],    KL(p | q) = -H(p) - E_p log q

have no bias at any number of them. An oracle that knows no lengths gives a sentence its
probability among those of its length; then q is compared with the distribution that has the lengths
of q and the words of p, whose log probability is lower by the log share of the length. That adds
the entropy of the lengths, estimated from their shares: 0 if all are one length.
"""

import torch
from torch import Tensor
from torchmetrics import MetricCollection

from textgan_bench.interfaces import Oracle
from textgan_bench.metrics import OracleNLL
from textgan_bench.tokens import TokenBatch


class Divergence:
    """Sums over samples of a generator and over text of the oracle, a batch at a time."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle
        self._log_ratios: list[Tensor] = []
        self._log_q: list[Tensor] = []
        self._lengths: list[Tensor] = []
        self._text_log_q: list[Tensor] = []
        self._text_lengths: list[Tensor] = []

    def add_samples(self, samples: TokenBatch, log_q: Tensor) -> None:
        """Samples of the generator and their log probabilities (B,) under it."""
        log_q = log_q.double().cpu()
        batch = TokenBatch(samples.ids.cpu(), samples.lengths.cpu())
        self._log_q.append(log_q)
        self._log_ratios.append(log_q - self.oracle.log_prob(batch).double())
        self._lengths.append(batch.lengths)

    def add_text(self, text: TokenBatch, log_q: Tensor) -> None:
        """Text of the oracle and its log probabilities (B,) under the generator."""
        self._text_log_q.append(log_q.double().cpu())
        self._text_lengths.append(text.lengths.cpu())

    def compute(self) -> dict[str, float]:
        """In nats a word: ``model_entropy`` H(q), ``kl`` KL(q | p), ``kl_se`` its standard error,
        ``kl_forward`` KL(p | q). Nothing where no word was written.
        """
        lengths = torch.cat(self._lengths)
        words = float(lengths.double().mean())
        if not words:
            return {}
        ratios = torch.cat(self._log_ratios)
        shares = torch.bincount(lengths).double() / len(lengths)
        of_lengths = 0.0 if self.oracle.knows_lengths else float(torch.special.entr(shares).sum())
        scores = {
            "model_entropy": -float(torch.cat(self._log_q).mean()) / words,
            "kl": (float(ratios.mean()) + of_lengths) / words,
            "kl_se": float(ratios.std()) / len(ratios) ** 0.5 / words,
        }
        if self._text_log_q:
            per_word = torch.cat(self._text_log_q).sum() / torch.cat(self._text_lengths).sum()
            scores["kl_forward"] = -float(per_word) - self.oracle.entropy
        return scores


def divergence_of(metrics: MetricCollection) -> Divergence | None:
    """The divergence from the oracle that judges by ``metrics``, None if there is none."""
    for metric in metrics.values(copy_state=False):
        if isinstance(metric, OracleNLL):
            return Divergence(metric.oracle)
    return None
