"""HMM-EM for the vocabulary of a language: few candidates a cipher word, and sparse transitions.

After Nuhn and Ney (2014), "EM decipherment for large vocabularies". The model is that of
``hmm_em.py`` with one alphabet, for word substitution: plain text is a Markov chain of smoothed
bigrams, and each word y is the observation of a plain word x. V squared emissions can neither be
kept nor learnt. Each cipher word y has a list of C candidates, outside of which p(y | x) = 0. The
transitions are the bigrams that occur beside a part of rank one, which smoothing adds.

The lists are drawn up anew after each iteration of expectation maximisation. Let x(y) be the
likeliest word of y so far. It is trusted where its share among the candidates of y is large. The
score of x for y is

    sum over neighbours (z, y) with trust in z:  log (.9 p(x | x(z)) / u(x) + .1)
  + sum over neighbours (y, z) with trust in z:  log (.9 p(x(z) | x) / u(x(z)) + .1)
  + the logarithm of how well the frequencies of x and y agree,

u being plain frequencies: a tenth of what is trusted is taken to be wrong. Candidates that still
have a share keep it. The best-scored others join with shares by their scores, together the smaller
the surer x(y) is. So frequent words, which frequencies tell apart, are deciphered first, and by
their company the rarer ones. This takes the place of the paper's beam search, whose lists are the
successors of likely states and the likeliest states of y.

An epoch is an iteration; the loss is -log p(y) in nats a symbol. Text is deciphered by the key.

Shapes: B batch, T time, V vocabulary, S = V - 1 symbols without padding, C candidates, N places of
all sentences, M bigrams that occur, X rows of a part.
"""

from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from textgan_bench.errors import UserError
from textgan_bench.interfaces import Method
from textgan_bench.losses.hidden_markov import places
from textgan_bench.losses.likelihood import log_frequencies
from textgan_bench.losses.processes import process_sum
from textgan_bench.losses.sparse_hidden_markov import Allowed, SparseChain, sparse_posteriors
from textgan_bench.networks.cipher_keys import (
    BACKOFF,
    Side,
    both_sides,
    closeness,
    count_sides,
    decipher,
    smoothed,
)
from textgan_bench.tokens import Batch, CipherBatch, TokenBatch

KEPT = 1e-3
"""Share from which a candidate keeps its place."""
NEW = 0.5
"""Share of those that join together, for each that the likeliest lacks."""
SURE = 0.5
"""Share from which the likeliest candidate is trusted, and has fewer others beside it, which spares
time: a quarter of the list."""
TRUST = 0.9
"""Probability that what is trusted is right."""
TINY = 1e-300
PART = 512
"""Cipher words whose candidates are looked for at a time: their scores are 40 MB."""

PAIRS = ("plain_pairs", "plain_numbers", "cipher_pairs", "cipher_numbers")
"""Buffers as large as the text has pairs."""


class SparseHMMEM(Method):
    """A list of candidates for each cipher word, and the probability of it in each.

    Args:
        candidates: C, length of the list.
        spread: standard deviation of the logarithm of a frequency between the sides.

    Raises:
        UserError: there are no candidates.
    """

    def __init__(
        self, vocab_size: int, max_length: int, *, candidates: int = 32, spread: float = 0.05
    ) -> None:
        super().__init__(vocab_size, max_length)
        if candidates < 1:
            raise UserError(f"a cipher word has at least 1 candidate, not {candidates}")
        self.save_hyperparameters()
        self.spread = spread
        symbols = vocab_size - 1
        self.candidates = min(candidates, symbols)
        zeros = torch.zeros(symbols, self.candidates, dtype=torch.float64)
        # What is learnt is a parameter, which no optimizer moves.
        self.emission = nn.Parameter(zeros)
        self.words: Tensor
        self.expected: Tensor
        self.start: Tensor
        self.plain: Tensor
        self.cipher: Tensor
        self.register_buffer("words", zeros.long())  # (S, C) candidates, unused ones last
        self.register_buffer("expected", zeros.clone())
        for name in ("start", "plain", "cipher"):
            self.register_buffer(name, zeros[:, 0].clone())
        self.plain_pairs: Tensor
        self.plain_numbers: Tensor
        self.cipher_pairs: Tensor
        self.cipher_numbers: Tensor
        for name in PAIRS:
            dtype = torch.int64 if name.endswith("pairs") else torch.float64
            self.register_buffer(name, torch.zeros(0, dtype=dtype))
        self._chain: SparseChain | None = None

    def configure_optimizers(self) -> list[Optimizer]:
        return []

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        for name in PAIRS:
            setattr(self, name, torch.empty_like(checkpoint["state_dict"][name]))
        self._chain = None

    @property
    def frequencies(self) -> Tensor:
        """(S,) of plain words."""
        return log_frequencies(self.plain).exp()

    @property
    def chain(self) -> SparseChain:
        """The transitions."""
        if self._chain is None:
            self._chain = SparseChain.of(
                self.plain_pairs, self.plain_numbers, self.frequencies, BACKOFF
            )
        return self._chain

    def on_train_start(self) -> None:
        """Count the text and draw up the first lists, unless a checkpoint has brought them.

        Raises:
            UserError: a side has no text.
        """
        if self.plain.any():
            return
        batches = cast("Iterable[Batch]", self.trainer.train_dataloader)
        plain, cipher = count_sides(batches, self.vocab_size, self.max_length)
        self.plain.copy_(plain.symbols[1:])
        self.cipher.copy_(cipher.symbols[1:])
        self.start.copy_(smoothed(plain.by_place[0, 1:].to(self.device), self.frequencies))
        for name, side in (("plain", plain), ("cipher", cipher)):
            pairs, numbers = _without_padding(side)
            setattr(self, f"{name}_pairs", pairs.to(self.device))
            setattr(self, f"{name}_numbers", numbers.to(self.device))
        self._start_lists()

    @torch.no_grad()
    def training_step(self, batch: CipherBatch, batch_idx: int) -> None:
        """Add the expected counts of a batch; at the end of an epoch renew emissions and lists.

        Raises:
            UserError: the batch has no cipher text.
        """
        self.phase = "em"
        ids, lengths = both_sides(batch).cipher
        at = places(lengths, ids.shape[1])
        allowed = Allowed(self.words, self.emission)
        found = sparse_posteriors(at.pack(ids - 1), at, self.start, self.chain, allowed)
        counts = torch.zeros_like(self.expected)
        counts.view(-1).index_add_(0, found.cells, found.states)
        self.expected += process_sum(counts)
        nll = process_sum(found.nll.sum()) / process_sum(lengths.sum().double())
        if self.trainer.is_last_batch:
            self._renew_lists()
            self.expected.zero_()
        self.log_losses({"cipher/nll": nll})

    def _start_lists(self) -> None:
        """The words of the closest frequencies."""
        shares = torch.zeros_like(self.expected)
        for rows in self._parts():
            scores = self._closeness(rows)
            best, self.words[rows] = scores.topk(self.candidates)
            shares[rows] = best.softmax(1)
        self._emit(shares)

    def _renew_lists(self) -> None:
        """Keep the candidates that have a share, and let others join."""
        shares = self.expected / self.expected.sum(1, keepdim=True).clamp_min(TINY)
        surest, place = shares.max(1)
        key = self.words.gather(1, place[:, None])[:, 0]
        company = _Company(self.chain, key, surest >= SURE, self.cipher_pairs, self.cipher_numbers)
        places_of = torch.where(surest < SURE, self.candidates, -(-self.candidates // 4))
        number = torch.arange(self.candidates, device=self.device)
        for rows in self._parts():
            scores = self._closeness(rows) + company.scores(rows)
            # Those that are kept come first, by their share, the others behind, by their score.
            scores -= scores.amax(1, keepdim=True) + 1
            kept = shares[rows] >= KEPT
            old = torch.where(kept, 1 + shares[rows], scores.gather(1, self.words[rows]))
            best, self.words[rows] = scores.scatter(1, self.words[rows], old).topk(self.candidates)
            room = (best < 0) & (number < places_of[rows, None])
            new = best.masked_fill(~room, -torch.inf).softmax(1).where(room, 0.0)
            doubt = NEW * (1 - surest[rows, None])
            shares[rows] = torch.where(best < 0, doubt * new, best - 1)
        self._emit(shares / shares.sum(1, keepdim=True))

    def _closeness(self, rows: slice) -> Tensor:
        """(X, S) of the frequencies of the cipher words ``rows`` and of all plain ones."""
        return closeness(self.cipher[rows], self.cipher.sum(), self.plain, self.spread)

    def _parts(self) -> list[slice]:
        """The cipher words, some at a time."""
        return [slice(first, first + PART) for first in range(0, len(self.words), PART)]

    def _emit(self, shares: Tensor) -> None:
        """Emissions from the shares of the candidates (S, C), unused places moved to the end."""
        order = (shares == 0).int().argsort(dim=1, stable=True)
        self.words.copy_(self.words.gather(1, order))
        joint = shares.gather(1, order) * (self.cipher[:, None] + 0.5)
        of_word = torch.zeros_like(self.plain).index_add_(0, self.words.view(-1), joint.view(-1))
        self.emission.data.copy_(joint / of_word[self.words].clamp_min(TINY))

    @property
    def key(self) -> Tensor:
        """(1, V) the plain word that each cipher word most probably stands for."""
        place = (self.emission * self.frequencies[self.words]).argmax(1, keepdim=True)
        return F.pad(self.words.gather(1, place)[:, 0] + 1, (1, 0))[None]

    def validation_step(self, batch: CipherBatch, batch_idx: int) -> dict[str, TokenBatch]:
        return {"samples": decipher(self.key, both_sides(batch).cipher)}

    def test_step(self, batch: CipherBatch, batch_idx: int) -> dict[str, TokenBatch]:
        return {"samples": decipher(self.key, both_sides(batch).cipher)}


class _Company:
    """How well each plain word goes with the deciphered neighbours of a cipher word.

    Args:
        chain: transitions of the plain text.
        key: (S,) the likeliest plain word of each cipher word.
        trusted: (S,) bool, whether it is trusted.
        pairs: (M,) int64, S y + z of each pair of cipher words that occurs.
        numbers: (M,) how often it does.
    """

    def __init__(
        self, chain: SparseChain, key: Tensor, trusted: Tensor, pairs: Tensor, numbers: Tensor
    ) -> None:
        self.size = len(key)
        rows, columns = chain.cells // self.size, chain.cells % self.size
        # .9 p(f | e) / u(f) + .1 is a factor of e alone, and one more where the pair occurs.
        least = TRUST * chain.left + (1 - TRUST)
        self.log_least = least.log()
        gain = (TRUST * chain.above / (least[rows] * chain.frequencies[columns])).log1p()
        self.follows = self._matrix(columns, rows, gain)
        self.precedes = self._matrix(rows, columns, gain)
        first, second = pairs // self.size, pairs % self.size
        self.before = _sorted(second, key[first], numbers * trusted[first])
        self.after = _sorted(first, key[second], numbers * trusted[second])

    def _matrix(self, rows: Tensor, columns: Tensor, values: Tensor) -> Tensor:
        shape = (self.size, self.size)
        return torch.sparse_coo_tensor(
            torch.stack([rows, columns]), values, shape, check_invariants=True
        ).coalesce()

    def scores(self, rows: slice) -> Tensor:
        """(X, S) of each plain word for the cipher words ``rows``, less what all words share."""
        before, after = self._dense(self.before, rows), self._dense(self.after, rows)
        scores = torch.sparse.mm(self.follows, before) + torch.sparse.mm(self.precedes, after)
        return (scores + torch.outer(self.log_least, after.sum(0))).T

    def _dense(self, beside: tuple[Tensor, ...], rows: slice) -> Tensor:
        """(S, X) how often each plain word is beside the cipher words ``rows``."""
        words, plain, numbers = beside
        width = min(rows.stop, self.size) - rows.start
        bounds = torch.tensor([rows.start, rows.start + width], device=words.device)
        begin, end = torch.searchsorted(words, bounds).tolist()
        part = slice(begin, end)
        cells = plain[part] * width + words[part] - rows.start
        dense = numbers.new_zeros(self.size * width).index_add_(0, cells, numbers[part])
        return dense.view(self.size, width)


def _sorted(words: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    order = words.argsort(stable=True)
    return (words[order], *(other[order] for other in others))


def _without_padding(side: Side) -> tuple[Tensor, Tensor]:
    """The pairs of a side, numbered without the padding symbol."""
    pairs, numbers = side.bigrams()
    symbols = side.vocab_size - 1
    first, second = pairs // side.vocab_size - 1, pairs % side.vocab_size - 1
    return symbols * first + second, numbers
