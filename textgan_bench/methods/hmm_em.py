"""HMM-EM: the key of a cipher as the emissions of a hidden Markov model of plain text.

Lee (2002), "Substitution deciphering based on HMMs with applications to compressed document
processing", and Knight et al. (2006), "Unsupervised analysis for decipherment problems". Plain text
x is a Markov chain, cipher text y its observation, symbol by symbol. With t mod P in the place of
the alphabet of a key of period P,

    p(y) = sum_x prod_t p(x_t | x_{t-1}) p(y_t | x_t, t mod P).

The transitions are the smoothed bigrams of the plain side, (c(e, f) + 5 u(f)) / (c(e) + 5) with the
frequencies u, and are kept. The alphabets p(y | x, p) start from how well frequencies agree and are
learnt by expectation maximisation (Dempster et al., 1977) on the cipher side. An epoch is an
iteration: its batches add expected counts, the last of them renews the alphabets. No gradient is
followed; the loss is -log p(y) in nats a symbol.

An unknown period is chosen among 1 to 12, which are tried on the same batches in the first
iterations, each as long as there is hope. With x' the decipherment of y by the most probable key so
far, the period of the largest p(x', y) is kept, of equal ones the smallest. p(y) would not do: it
grows with the alphabets.

Text is deciphered by the key, the plain symbol that each cipher symbol most probably stands for in
an alphabet. That is a posterior decision on all training text at once. The posterior or the Viterbi
path of a single sentence forgets that a symbol always stands for the same one, and is right less
often (docs/decipherment.md).

Shapes: B batch, T time, V vocabulary, S = V - 1 symbols without padding, P alphabets, N places of
all sentences.
"""

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from textgan_bench.errors import UserError
from textgan_bench.interfaces import Method
from textgan_bench.losses.hidden_markov import Places, places, posteriors
from textgan_bench.losses.likelihood import log_frequencies
from textgan_bench.losses.processes import process_sum
from textgan_bench.networks.cipher_keys import (
    both_sides,
    closeness,
    count_sides,
    decipher,
    fold,
    smoothed,
)
from textgan_bench.tokens import Batch, CipherBatch, TokenBatch

PSEUDO_COUNT = 1e-3
"""Added to every expected count, so that no symbol of the test is impossible."""

PERIODS = range(1, 13)
SEARCH = 4
"""Iterations on several periods: by the third the right one is ahead of its multiples."""
HOPELESS = 0.5
"""Nats a symbol that a period may be behind the likeliest, in the second iteration and later. On
BrownW-200 those that are no multiple of the right one are 1.4 behind then."""
AS_LIKELY = 0.01
"""Nats a symbol within which two periods are equally likely, and the smaller one is kept."""


class HMMEM(Method):
    """S x S emissions for each of P alphabets in turn.

    Args:
        period: number of alphabets of the key; chosen by likelihood if None.
        spread: standard deviation of the logarithm of a frequency between the sides, at the start.

    Raises:
        UserError: the period is not positive.
    """

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        period: int | None = None,
        spread: float = 0.3,
    ) -> None:
        super().__init__(vocab_size, max_length)
        if period is not None and period < 1:
            raise UserError(f"a key has a period of at least 1, not {period}")
        self.save_hyperparameters()
        self.spread = spread
        self.periods = tuple(PERIODS) if period is None else (period,)
        symbols, alphabets = vocab_size - 1, sum(self.periods)
        zeros = torch.zeros(symbols, symbols, dtype=torch.float64)
        # What is learnt is a parameter, which no optimizer moves: (alphabets, S cipher, S plain).
        self.emission = nn.Parameter(zeros.repeat(alphabets, 1, 1))
        self.expected: Tensor
        self.start: Tensor
        self.transition: Tensor
        self.frequencies: Tensor
        self.scores: Tensor
        self.iterations: Tensor
        self.alive: Tensor
        self.register_buffer("expected", zeros.repeat(alphabets, 1, 1))
        self.register_buffer("start", zeros[0].clone())
        self.register_buffer("transition", zeros)
        self.register_buffer("frequencies", zeros[0].clone())
        # -log p(x', y) of each period, and the symbols of this epoch.
        self.register_buffer("scores", torch.zeros(len(self.periods) + 1, dtype=torch.float64))
        self.register_buffer("iterations", torch.zeros((), dtype=torch.int64))
        self.register_buffer("alive", torch.ones(len(self.periods), dtype=torch.bool))

    def configure_optimizers(self) -> list[Optimizer]:
        return []

    @property
    def open(self) -> list[int]:
        """Numbers of the periods that are trained."""
        numbers: list[int] = self.alive.nonzero()[:, 0].tolist()
        return numbers

    @property
    def period(self) -> int | None:
        """The period of the key, None while it is searched for."""
        return self.periods[self.open[0]] if len(self.open) == 1 else None

    def rows(self, number: int) -> slice:
        """The alphabets of a period."""
        first = sum(self.periods[:number])
        return slice(first, first + self.periods[number])

    def on_train_start(self) -> None:
        """Count the text and start the alphabets, unless a checkpoint has brought them.

        Raises:
            UserError: a side has no text.
        """
        if self.frequencies.any():
            return
        batches = cast("Iterable[Batch]", self.trainer.train_dataloader)
        plain, cipher = count_sides(batches, self.vocab_size, self.max_length)
        self.frequencies.copy_(log_frequencies(plain.symbols[1:]).exp())
        bigrams = torch.zeros(self.vocab_size**2, dtype=torch.float64)
        pairs, numbers = plain.bigrams()
        bigrams[pairs] = numbers
        follow = bigrams.view(self.vocab_size, -1)[1:, 1:].to(self.device)
        self.transition.copy_(smoothed(follow, self.frequencies))
        self.start.copy_(smoothed(plain.by_place[0, 1:].to(self.device), self.frequencies))
        for number, period in enumerate(self.periods):
            agree = closeness(fold(cipher.by_place[:, 1:], period), plain.symbols[1:], self.spread)
            self.emission.data[self.rows(number)] = agree.softmax(1)

    @torch.no_grad()
    def training_step(self, batch: CipherBatch, batch_idx: int) -> None:
        """Add the expected counts of a batch; renew the alphabets at the end of an epoch.

        Raises:
            UserError: the batch has no cipher text.
        """
        ids, lengths = both_sides(batch).cipher
        steps = ids.shape[1]
        at = places(lengths, steps)
        symbols = at.pack(ids - 1)  # (N,)
        time = at.pack(torch.arange(steps, device=ids.device).expand_as(ids))
        self.phase = "search" if self.period is None else "em"
        nll = []
        for number in self.open:
            rows = self.rows(number)
            emitted = self.emission[rows].flatten(0, 1)  # (P S, S)
            seen = time % self.periods[number] * (self.vocab_size - 1) + symbols
            states, costs = posteriors(seen, at.sizes, self.start, self.transition, emitted)
            counts = torch.zeros_like(emitted).index_add_(0, seen, states)
            self.expected[rows] += process_sum(counts).view_as(self.expected[rows])
            nll.append(costs.sum())
            if self.period is None:
                self.scores[number] += process_sum(self.joint_nll(at, seen, emitted))
        words = process_sum(lengths.sum().double())
        self.scores[-1] += words
        if self.trainer.is_last_batch:
            self.maximise()
        self.log_losses({"cipher/nll": process_sum(torch.stack(nll)).min() / words})

    def joint_nll(self, at: Places, seen: Tensor, emitted: Tensor) -> Tensor:
        """-log p(x', y) of a batch and its decipherment by the key so far, in nats."""
        plain = (emitted * self.frequencies).argmax(1)[seen]  # (N,)
        first = at.sizes[0] if at.sizes else 0
        chain = self.start[plain[:first]].log().sum()
        chain = chain + self.transition[plain[at.before], plain[first:]].log().sum()
        return -chain - emitted[seen, plain].log().sum()

    def maximise(self) -> None:
        """Renew the alphabets by the expected counts, and choose the period when it is time to."""
        for number in self.open:
            rows = self.rows(number)
            counts = self.expected[rows] + PSEUDO_COUNT
            self.emission.data[rows] = counts / counts.sum(1, keepdim=True)
        self.iterations += 1
        if self.period is None:
            costs = (self.scores[:-1] / self.scores[-1]).where(self.alive, torch.inf)
            if self.iterations > 1:  # the first key is that of frequencies, and tells little
                self.alive.copy_(costs <= costs.min() + HOPELESS)
            if self.iterations >= SEARCH:
                likeliest = (costs <= costs.min() + AS_LIKELY).nonzero()[0]
                self.alive.zero_()[likeliest] = True
        self.expected.zero_()
        self.scores.zero_()

    @property
    def key(self) -> Tensor:
        """(P, V) the plain symbol that each cipher symbol most probably stands for.

        While the period is searched for, that of the smallest period.
        """
        alphabets = self.emission[self.rows(self.open[0])]
        return F.pad((alphabets * self.frequencies).argmax(-1) + 1, (1, 0))

    def validation_step(self, batch: CipherBatch, batch_idx: int) -> dict[str, TokenBatch]:
        return {"samples": decipher(self.key, both_sides(batch).cipher)}

    def test_step(self, batch: CipherBatch, batch_idx: int) -> dict[str, TokenBatch]:
        return {"samples": decipher(self.key, both_sides(batch).cipher)}
