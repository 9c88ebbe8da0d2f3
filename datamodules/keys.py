"""Keys that turn plain text into cipher text: Vigenère, shift and word substitution."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from textgan_bench.tokens import PAD, TokenBatch


@dataclass(frozen=True)
class Key:
    """Permutations of the symbols 1..V-1 that follow each other in turn.

    >>> from textgan_bench.tokens import pad_sequences
    >>> key = vigenere((1, 2), 4)
    >>> cipher = key.encipher(pad_sequences([[1, 1, 3]], 4))
    >>> cipher.ids.tolist(), key.decipher(cipher).ids.tolist()
    ([[3, 2, 2, 0]], [[1, 1, 3, 0]])
    """

    table: Tensor
    """(period, V) int64; symbol s at place t becomes ``table[t % period, s]``."""

    def encipher(self, plain: TokenBatch) -> TokenBatch:
        return self._apply(self.table, plain)

    def decipher(self, cipher: TokenBatch) -> TokenBatch:
        return self._apply(self.table.argsort(1), cipher)

    def _apply(self, table: Tensor, tokens: TokenBatch) -> TokenBatch:
        places = torch.arange(tokens.ids.shape[1]) % len(table)  # (T,)
        return TokenBatch(table[places, tokens.ids.long()], tokens.lengths.long())


def vigenere(digits: Sequence[int], vocab_size: int) -> Key:
    """c = 1 + (p - 1 - k) mod (V - 1) with the digits k in turn; of one digit, a shift."""
    symbols = torch.arange(vocab_size - 1)
    rows = [1 + (symbols - digit) % (vocab_size - 1) for digit in digits]
    return Key(torch.stack([torch.cat((torch.tensor([PAD]), row)) for row in rows]))


def substitution(vocab_size: int, seed: int = 0) -> Key:
    """A random one-to-one map of the words; ``<unk>``, index 1, is left as it is."""
    generator = torch.Generator().manual_seed(seed)
    images = 2 + torch.randperm(vocab_size - 2, generator=generator)
    return Key(torch.cat((torch.tensor([PAD, 1]), images))[None])
