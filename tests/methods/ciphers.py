"""Small languages in cipher, and what is known of them."""

import torch
from torch import Tensor

from datamodules.keys import Key
from textgan_bench.functional.hmm import sample_sequences
from textgan_bench.metrics import TokenAccuracy
from textgan_bench.tokens import CipherBatch, TokenBatch, length_mask

MAX_LENGTH = 12


def chain(symbols: int, alike: float = 0.3, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Start (S,) and transitions (S, S) of a language; the smaller ``alike``, the fewer pairs."""
    torch.manual_seed(seed)
    rows = torch.distributions.Dirichlet(torch.full((symbols,), alike).double()).sample((symbols,))
    zipf = 1 / torch.arange(1, symbols + 1).double()
    rows = rows * zipf + 1e-4
    return zipf / zipf.sum(), rows / rows.sum(1, keepdim=True)


def written(n: int, language: tuple[Tensor, Tensor], seed: int) -> TokenBatch:
    """``n`` sentences of 3 to 12 symbols."""
    generator = torch.Generator().manual_seed(seed)
    start, transition = language
    certain = torch.eye(len(start), dtype=torch.float64)
    ids = sample_sequences(n, MAX_LENGTH, start, transition, certain, generator=generator) + 1
    lengths = torch.randint(3, MAX_LENGTH + 1, (n,), generator=generator)
    return TokenBatch(ids * length_mask(lengths, MAX_LENGTH), lengths)


def unpaired(n: int, language: tuple[Tensor, Tensor], key: Key, parts: int) -> list[CipherBatch]:
    """Training batches, whose sides are different sentences."""
    plain, other = written(n, language, 1), key.encipher(written(n, language, 2))
    columns = [column.chunk(parts) for column in (*plain, *other)]
    return [CipherBatch(*rows) for rows in zip(*columns, strict=True)]


def paired(n: int, language: tuple[Tensor, Tensor], key: Key) -> CipherBatch:
    """A test batch, whose cipher text is its plain text, enciphered."""
    plain = written(n, language, 3)
    return CipherBatch(*plain, *key.encipher(plain))


def token_accuracy(deciphered: TokenBatch, plain: TokenBatch) -> float:
    """The accuracy of the tables."""
    metric = TokenAccuracy()
    sides = [
        [[str(i) for i in row[:n]] for row, n in zip(*map(Tensor.tolist, side), strict=True)]
        for side in (deciphered, plain)
    ]
    metric.update(*sides)
    return float(metric.compute()["token_accuracy"])
