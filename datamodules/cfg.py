"""Arithmetic expressions of a small grammar, whose distribution is known exactly.

Kusner and Hernández-Lobato (2016), "GANs for sequences of discrete elements with the Gumbel-softmax
distribution", section 4: 5,000 strings of S → x | S+S | S−S | S*S | S/S, of at most 12 characters,
padded with blanks to 12. Here the blank is the padding symbol. The Gumbel-softmax GAN writes it
like any other; for a model that ends its sentences by it, a string is what it wrote and blanks up
to 12 behind it.

The paper does not say how strings are drawn. Here the number of operators k is uniform on 0..5 and
each of them uniform on the four, so that a string of k operators has probability 4^-k / 6. (With
productions drawn at fixed probabilities, whatever they are, at least 64 % of the strings of at most
12 characters would be the single "x".)
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from datamodules.arrow import Encoded
from datamodules.corpus import Corpus, Loaded
from datamodules.judging import Judging, WithOracle
from textgan_bench.errors import UserError
from textgan_bench.interfaces import Split
from textgan_bench.metrics import ParseRate
from textgan_bench.metrics.profiles import (
    BLEU_2_TO_5,
    DIVERSITY,
    FRECHET,
    LM_SCORE,
    NOVELTY,
    REVERSE_LM_SCORE,
    WORD_ENTROPY,
    Entry,
)
from textgan_bench.tokens import PAD, PAD_TOKEN, Sentence, TokenBatch, Vocabulary, length_mask

LENGTH = 12
VARIABLE, OPERATORS = "x", ("+", "-", "*", "/")
SYMBOLS = (VARIABLE, *OPERATORS)
MOST_OPERATORS = (LENGTH - 1) // 2
NOISE = 1e-6
"""Weight of uniform strings in the oracle, so that no string is impossible, as in the HMM's."""

SEEDS: dict[Split, int] = {"train": 1, "validation": 2, "test": 3}
SIZE = 5_000
"""Strings of each split."""


def parses(words: Sequence[str]) -> bool:
    """Whether the grammar derives a string: variables at even places, operators between them.

    >>> [parses(list(text)) for text in ("x", "x+x/x", "x+", "xx", "")]
    [True, True, False, False, False]
    """
    variables, operators = words[::2], words[1::2]
    return (
        len(words) % 2 == 1
        and all(word == VARIABLE for word in variables)
        and all(word in OPERATORS for word in operators)
    )


class CFGOracle:
    """The distribution of the strings, mixed with ``NOISE`` uniform ones of length 0..12.

    ``entropy`` is exact: the mean of -log p over the strings of the grammar, divided by their mean
    length, in nats per character.
    """

    entropy: float
    entropy_se: float = 0.0
    knows_lengths = True

    def __init__(self) -> None:
        counts = torch.arange(MOST_OPERATORS + 1)
        ids = torch.full((len(counts), LENGTH), PAD)
        ids[:, ::2], ids[:, 1::2] = 1, 2
        lengths = 2 * counts + 1
        example = TokenBatch(ids.where(length_mask(lengths, LENGTH), PAD), lengths)
        self.entropy = float(-self.log_prob(example).mean() / lengths.double().mean())

    def log_prob(self, batch: TokenBatch) -> Tensor:
        """(B,) float64 log probability of each string, in nats.

        Raises:
            UserError: a symbol is outside 1..5, or a string longer than 12.
        """
        mask = length_mask(batch.lengths, batch.ids.shape[1])
        symbols = batch.ids[mask]
        if len(symbols) and not 1 <= int(symbols.min()) <= int(symbols.max()) <= len(SYMBOLS):
            raise UserError(f"the oracle's symbols are 1..{len(SYMBOLS)}")
        if len(batch.lengths) and int(batch.lengths.max()) > LENGTH:
            raise UserError(f"the oracle's strings have at most {LENGTH} characters")
        even = torch.arange(batch.ids.shape[1], device=batch.ids.device) % 2 == 0
        in_place = torch.where(even, batch.ids == 1, batch.ids >= 2) | ~mask
        derived = in_place.all(1) & (batch.lengths % 2 == 1)
        lengths = batch.lengths.double()
        operators = (lengths - 1) / 2
        grammar = -math.log(MOST_OPERATORS + 1) - operators * math.log(len(OPERATORS))
        uniform = -math.log(LENGTH + 1) - lengths * math.log(len(SYMBOLS))
        return torch.logaddexp(
            torch.where(derived, grammar + math.log1p(-NOISE), -torch.inf),
            uniform + math.log(NOISE),
        )

    def sample(self, n: int, seed: int) -> TokenBatch:
        """``n`` strings of the grammar."""
        generator = torch.Generator().manual_seed(seed)
        lengths = 2 * torch.randint(MOST_OPERATORS + 1, (n,), generator=generator) + 1
        ids = torch.randint(2, len(SYMBOLS) + 1, (n, LENGTH), generator=generator)
        ids[:, ::2] = 1
        return TokenBatch(ids.where(length_mask(lengths, LENGTH), PAD), lengths)


@dataclass(frozen=True)
class CFG(Corpus):
    """5,000 strings for training, as in Kusner and Hernández-Lobato, and as many to judge by.

    Splits are independent samples of all 1,365 strings, and share most of them.
    """

    DISJOINT = False
    OURS = True
    own_revision = 1  # the parse rate is of whole strings
    vocab_size = len(SYMBOLS) + 1
    max_length = LENGTH

    @cached_property
    def oracle(self) -> CFGOracle:
        """The distribution of the strings."""
        return CFGOracle()

    @property
    def judging(self) -> Judging:
        entries = (
            REVERSE_LM_SCORE,
            LM_SCORE,
            DIVERSITY,
            WORD_ENTROPY,
            BLEU_2_TO_5,
            NOVELTY,
            FRECHET,
        )
        return WithOracle(self.oracle, (Entry(partial(ParseRate, parses)), *entries))

    def load(self) -> Loaded:
        splits = {split: self.oracle.sample(SIZE, seed) for split, seed in SEEDS.items()}
        digest = hashlib.sha256()
        for tokens in splits.values():
            digest.update(tokens.ids.numpy().tobytes())
        source = (
            f"{SIZE:,} strings of S -> x | S+S | S-S | S*S | S/S, at most {LENGTH} characters; "
            f"entropy {self.oracle.entropy:.4f} nats per character"
        )
        vocabulary = Vocabulary((PAD_TOKEN, *SYMBOLS))
        return Loaded(digest.hexdigest()[:12], Encoded(vocabulary, {**splits}, source))

    def text(self, samples: TokenBatch, vocabulary: Vocabulary) -> list[Sentence]:
        """Whole strings: a blank between symbols is written as ``<pad>``, those at the end are not.

        >>> samples = TokenBatch(torch.tensor([[1, 0, 2, 1, 0]]), torch.tensor([1]))
        >>> CFG().text(samples, Vocabulary((PAD_TOKEN, *SYMBOLS)))
        [['x', '<pad>', '+', 'x']]
        """
        strings = []
        for row in samples.ids.tolist():
            while row and row[-1] == PAD:
                row.pop()
            strings.append([vocabulary.tokens[index] for index in row])
        return strings
