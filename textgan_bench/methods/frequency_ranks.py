"""Frequency ranks: the cipher symbol that is n-th most frequent stands for the n-th plain one.

The oldest attack on a cipher that replaces symbol by symbol (al-Kindi, 9th century), and what an
accuracy of unsupervised decipherment has to be read beside: what counting alone comes to. A key of
period P has P alphabets in turn, whose frequencies are counted apart.

No gradient is followed. A batch adds its symbols to the counts, and the loss that is logged is the
negative log-likelihood of its cipher text, deciphered by the counts so far, under the frequencies
of the plain text, in nats a symbol.

Shapes: V vocabulary, P alphabets.
"""

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from textgan_bench.errors import UserError
from textgan_bench.interfaces import Method
from textgan_bench.losses.likelihood import log_frequencies
from textgan_bench.losses.processes import process_sum
from textgan_bench.networks.cipher_keys import both_sides, count_symbols, decipher, fold, rank_key
from textgan_bench.tokens import PAD, CipherBatch, TokenBatch


class FrequencyRanks(Method):
    """Counts of both sides, and the key that their ranks give.

    Args:
        period: number of alphabets of the key, which has to be known; 1 for a substitution.

    Raises:
        UserError: the period is not positive.
    """

    def __init__(self, vocab_size: int, max_length: int, *, period: int = 1) -> None:
        super().__init__(vocab_size, max_length)
        if period < 1:
            raise UserError(f"a key has a period of at least 1, not {period}")
        self.save_hyperparameters()
        self.period = period
        # What is learnt is a parameter, which no optimizer moves.
        counts = torch.zeros(period + 1, vocab_size, dtype=torch.float64)
        self.plain = nn.Parameter(counts[0].clone())
        self.cipher = nn.Parameter(counts[1:].clone())

    def configure_optimizers(self) -> list[Optimizer]:
        return []

    @torch.no_grad()
    def training_step(self, batch: CipherBatch, batch_idx: int) -> None:
        """Add the symbols of a batch to the counts.

        Raises:
            UserError: the batch has no cipher text.
        """
        plain, cipher = both_sides(batch).plain, batch.cipher
        of_cipher = fold(process_sum(count_symbols(cipher, self.vocab_size)), self.period)
        self.plain.data += process_sum(count_symbols(plain, self.vocab_size)).sum(0)
        self.cipher.data += of_cipher
        log_prob = log_frequencies(self.plain[PAD + 1 :])[self.key[:, PAD + 1 :] - 1]  # (P, V - 1)
        nll = -(of_cipher[:, PAD + 1 :] * log_prob).sum() / of_cipher.sum()
        self.log_losses({"cipher/nll": nll})

    @property
    def key(self) -> Tensor:
        """(P, V) the plain symbol of the same rank; of symbols as frequent the first is first."""
        return rank_key(self.plain, self.cipher)

    def validation_step(self, batch: CipherBatch, batch_idx: int) -> dict[str, TokenBatch]:
        return {"samples": decipher(self.key, both_sides(batch).cipher)}

    def test_step(self, batch: CipherBatch, batch_idx: int) -> dict[str, TokenBatch]:
        return {"samples": decipher(self.key, both_sides(batch).cipher)}
