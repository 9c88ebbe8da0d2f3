"""Keys that turn cipher text into plain text, and what a decipherer counts to find one.

The ciphers are those that replace symbol by symbol. A key of period P has P alphabets, and that
with the number t mod P holds at the place t of a sentence. A substitution has the period 1.

Shapes: B batch, T time, V vocabulary, padding counted, P alphabets.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, distributed
from torch.nn import functional as F

from textgan_bench.errors import UserError
from textgan_bench.losses.processes import process_count
from textgan_bench.tokens import PAD, Batch, CipherBatch, TokenBatch, length_mask

BACKOFF = 5.0
"""Weight, in words, of the frequencies in the transitions of a word."""

TOO_FAR = 12.0
"""Nats, five standard deviations, from which frequencies are too far apart."""


def both_sides(batch: Batch) -> CipherBatch:
    """The batch, if it has cipher text.

    Raises:
        UserError: it has none.
    """
    if not isinstance(batch, CipherBatch):
        raise UserError(
            "the data have no cipher text: a method that deciphers learns from batches of plain "
            "and cipher text, as those of DATA=brown-w200"
        )
    return batch


def decipher(key: Tensor, cipher: TokenBatch) -> TokenBatch:
    """Replace the symbol s at the place t by ``key[t % P, s]``; ``key`` is (P, V) int64.

    >>> key = torch.tensor([[0, 2, 1], [0, 1, 2]])
    >>> decipher(key, TokenBatch(torch.tensor([[1, 1, 2, 0]]), torch.tensor([3]))).ids.tolist()
    [[2, 1, 1, 0]]
    """
    ids, lengths = cipher
    alphabets = torch.arange(ids.shape[1], device=ids.device) % len(key)  # (T,)
    plain = key[alphabets, ids]
    return TokenBatch(plain.where(length_mask(lengths, ids.shape[1]), PAD), lengths)


class Side:
    """Counts of one side of a text: symbols at their places, and pairs of neighbours.

    Memory grows with the pairs that occur, not with V squared.
    """

    MANY = 1_000_000
    """Pairs that are kept before they are sorted and those that are equal added up."""

    def __init__(self, vocab_size: int, max_length: int) -> None:
        self.vocab_size = vocab_size
        self.by_place = torch.zeros(max_length, vocab_size, dtype=torch.float64)
        """(T, V) each symbol at each place."""
        self._pairs: list[Tensor] = []
        self._numbers: list[Tensor] = []
        self._waiting = 0

    @property
    def symbols(self) -> Tensor:
        """(V,) each symbol."""
        return self.by_place.sum(0)

    def add(self, tokens: TokenBatch) -> None:
        ids, lengths = tokens.ids.cpu(), tokens.lengths.cpu()
        placed = count_symbols(TokenBatch(ids, lengths), self.vocab_size)
        self.by_place[: len(placed)] += placed
        pairs = self.vocab_size * ids[:, :-1] + ids[:, 1:]
        found = pairs[length_mask(lengths - 1, pairs.shape[1])]
        self._add_pairs(found, torch.ones(len(found), dtype=torch.float64))

    def _add_pairs(self, pairs: Tensor, numbers: Tensor) -> None:
        self._pairs.append(pairs)
        self._numbers.append(numbers)
        self._waiting += len(pairs)
        if self._waiting > self.MANY:
            self.bigrams()

    def bigrams(self) -> tuple[Tensor, Tensor]:
        """(M,) int64 V first + second of each pair that occurs, sorted, and (M,) how often."""
        if not self._pairs:
            return torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.float64)
        pairs, place = torch.cat(self._pairs).unique(return_inverse=True)
        numbers = torch.zeros(len(pairs), dtype=torch.float64)
        numbers.index_add_(0, place, torch.cat(self._numbers))
        self._pairs, self._numbers, self._waiting = [pairs], [numbers], 0
        return pairs, numbers

    def add_other_processes(self) -> None:
        """Add what the other processes have counted, each in its part of the text."""
        if process_count() == 1:
            return
        sides: list[Any] = [None] * process_count()
        distributed.all_gather_object(sides, (self.by_place, *self.bigrams()))
        self.by_place = sum(by_place for by_place, _, _ in sides)
        self._pairs, self._numbers = [], []
        for _, pairs, numbers in sides:
            self._add_pairs(pairs, numbers)


def count_sides(batches: Iterable[Batch], vocab_size: int, max_length: int) -> tuple[Side, Side]:
    """Counts of the plain and of the cipher side of a text, of all processes.

    Raises:
        UserError: a batch has no cipher text, or a side has no symbol.
    """
    plain, cipher = Side(vocab_size, max_length), Side(vocab_size, max_length)
    for batch in batches:
        plain.add(both_sides(batch).plain)
        cipher.add(both_sides(batch).cipher)
    for name, side in (("plain", plain), ("cipher", cipher)):
        side.add_other_processes()
        if not side.by_place.any():
            raise UserError(f"the {name} side of the training text is empty")
    return plain, cipher


def count_symbols(tokens: TokenBatch, vocab_size: int) -> Tensor:
    """(T, V) float64, how often each symbol stands at each place.

    >>> count_symbols(TokenBatch(torch.tensor([[2, 1], [2, 0]]), torch.tensor([2, 1])), 3).tolist()
    [[0.0, 0.0, 2.0], [0.0, 1.0, 0.0]]
    """
    ids, lengths = tokens
    steps = ids.shape[1]
    cells = torch.arange(steps, device=ids.device) * vocab_size + ids
    seen = cells[length_mask(lengths, steps)]
    return torch.bincount(seen, minlength=steps * vocab_size).view(steps, -1).double()


def fold(by_place: Tensor, period: int) -> Tensor:
    """(P, V) counts at the places of each alphabet, from those at each place (T, V).

    >>> fold(torch.tensor([[1.0], [2.0], [4.0]]), 2).tolist()
    [[5.0], [2.0]]
    """
    steps, symbols = by_place.shape
    padded = F.pad(by_place, (0, 0, 0, -steps % period))
    return padded.view(-1, period, symbols).sum(0)


def rank_key(plain: Tensor, cipher: Tensor) -> Tensor:
    """(P, V) the plain symbol of the same rank as each cipher symbol; of equal ones the first.

    Args:
        plain: (V,) counts of plain symbols, of which padding has no rank.
        cipher: (P, V) counts of cipher symbols in each alphabet.

    >>> rank_key(torch.tensor([0, 5, 1, 2]), torch.tensor([[0, 1, 2, 9]])).tolist()
    [[0, 2, 3, 1]]
    """
    words = slice(PAD + 1, None)
    ranked = plain[words].argsort(descending=True, stable=True) + 1
    order = cipher[:, words].argsort(dim=1, descending=True, stable=True) + 1  # (P, V - 1)
    key = torch.zeros(cipher.shape, dtype=torch.int64, device=cipher.device)
    return key.scatter_(1, order, ranked.expand_as(order))


def closeness(cipher: Tensor, total: Tensor, plain: Tensor, spread: float) -> Tensor:
    """(…, C, E) log of how well the frequencies of cipher and plain symbols agree, at most 0.

    A Gaussian of the difference of the logarithms. Its variance is ``spread`` squared, by which
    two texts differ, plus 1 / n of each symbol that was seen n times, by which counts do.

    Args:
        cipher: (…, C) counts of some cipher symbols.
        total: (…) count of all of them, of which there are as many as plain ones.
        plain: (E,) counts of plain symbols.
        spread: standard deviation of the logarithm of a frequency between the texts.
    """
    cipher, plain = cipher + 0.5, plain + 0.5  # so that no frequency is 0
    total = total + len(plain) / 2
    difference = (cipher / total[..., None]).log()[..., None] - (plain / plain.sum()).log()
    variance = spread**2 + 1 / cipher[..., None] + 1 / plain
    return -(difference**2) / (2 * variance)


def first_emissions(cipher: Tensor, plain: Tensor, spread: float) -> Tensor:
    """(P, C, E) probability of each cipher symbol for a plain one, by ``closeness``.

    0 where frequencies are too far apart for it: of what is seen often, few symbols are close, and
    all that follows is faster by that. The closest symbol of each symbol stays in any case.

    Args:
        cipher: (P, C) counts of cipher symbols in each alphabet.
        plain: (E,) counts of plain symbols.
        spread: as of ``closeness``.
    """
    close = closeness(cipher, cipher.sum(-1), plain, spread)
    nearest = (close == close.amax(1, keepdim=True)) | (close == close.amax(2, keepdim=True))
    return close.masked_fill((close < -TOO_FAR) & ~nearest, -torch.inf).softmax(1)


def smoothed(counts: Tensor, frequencies: Tensor) -> Tensor:
    """(…, S) probabilities of what follows, from counts: ``BACKOFF`` words more at frequencies."""
    return (counts + BACKOFF * frequencies) / (counts.sum(-1, keepdim=True) + BACKOFF)
