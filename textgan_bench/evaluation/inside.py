"""A look inside a generator that writes all words at once, each from a latent of its own.

Huang et al. (under review, ICLR 2021), section A.2: sentences between two (Table 7), sentences that
grow by a latent (Table 8), which words change with which latent (figure 4), and after which layer
the states of the words are what they end as (figure 5).

Shapes: B sentences, T time, H hidden, L layers, Z latent.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

import torch
import torch.nn.functional as F
from torch import Tensor

from textgan_bench.errors import UserError
from textgan_bench.functional.subsequences import common_places, overlap
from textgan_bench.interfaces import Latents, TextDataModule, WordwiseWriter
from textgan_bench.tokens import Sentence

Line = list[Sentence]
"""Sentences each of which is near the one before."""


class Inside:
    """The latents and states behind the sentences of a trained generator.

    Args:
        model: its method.
        data: its data, set up.

    Raises:
        UserError: it has no latent a word.
    """

    def __init__(self, model: object, data: TextDataModule) -> None:
        if not isinstance(model, WordwiseWriter):
            raise UserError(f"{type(model).__name__} has no latent a word; NAGAN does")
        self.model = model
        self.data = data

    def lines(self, n: int, length: int, steps: int) -> list[Line]:
        """``n`` times the sentences of (1 - λ) Z + λ Z', λ from 0 to 1 in ``steps`` (A.2.1)."""
        start, end = (self.model.draw_latents(n, length) for _ in range(2))
        shares = torch.linspace(0, 1, steps).tolist()
        return self._written(
            [Latents((1 - share) * start.z + share * end.z, start.counts) for share in shares]
        )

    def growths(self, n: int, shortest: int, longest: int, *, front: bool) -> list[Line]:
        """``n`` times sentences that grow, a new latent at the end or in front (A.2.2)."""
        whole = self.model.draw_latents(n, longest)
        grown = []
        for length in range(shortest, longest + 1):
            z = whole.z[:, longest - length :] if front else whole.z[:, :length]
            grown.append(Latents(z, torch.full_like(whole.counts, length)))
        return self._written(grown)

    def moves(self, trials: int, length: int) -> Tensor:
        """(T, T) share of sentences whose word j changes when latent i is drawn anew (A.2.3).

        Args:
            trials: sentences, at least 1, in each of which each latent in turn is replaced. The
                paper draws the latent to replace, 1,600 times.
            length: T, words of each sentence.
        """
        latents = self.model.draw_latents(trials, length)
        before = self.model.write_latents(latents).ids[:, :length]
        rows = []
        for i in range(length):
            z = latents.z.clone()
            z[:, i] = self.model.draw_latents(trials, length).z[:, i]
            after = self.model.write_latents(Latents(z, latents.counts)).ids[:, :length]
            rows.append((after != before).double().mean(0))
        return torch.stack(rows)

    def layers(self, n: int, length: int) -> tuple[list[Sentence], Tensor]:
        """How near the state of a word after each layer is to that after the last (A.2.4).

        Returns:
            ``n`` sentences, and (B, L + 1, T) cosines in [-1, 1]: of the inputs, of each layer.
        """
        latents = self.model.draw_latents(n, length)
        states = torch.stack(self.model.layers_of(latents), 1)  # (B, L + 1, T, H)
        return (
            self.data.text(self.model.write_latents(latents)),
            F.cosine_similarity(states, states[:, -1:], dim=-1),
        )

    def _written(self, along: Sequence[Latents]) -> list[Line]:
        """Lines of the sentences of several batches of latents, which are one beside another."""
        texts = [self.data.text(self.model.write_latents(latents)) for latents in along]
        return [list(line) for line in zip(*texts, strict=True)]


def smoothness(lines: Sequence[Line]) -> float:
    """Mean overlap of a sentence with the one before it, in [0, 1]."""
    return fmean(overlap(a, b) for line in lines for a, b in pairwise(line))


def strangeness(lines: Sequence[Line]) -> float:
    """What ``smoothness`` would be of sentences that have nothing to do with each other.

    The mean overlap of a sentence with the one before its place in the next line.

    Raises:
        ValueError: there is one line alone.
    """
    if len(lines) < 2:
        raise ValueError("sentences are strangers in two lines at least")
    others = [*lines[1:], lines[0]]
    return fmean(
        overlap(a, b)
        for line, other in zip(lines, others, strict=True)
        for a, b in zip(line[:-1], other[1:], strict=True)
    )


def kept_words(line: Line) -> list[list[bool]]:
    """Which words of each sentence the one before has, too, in the same order.

    >>> kept_words([["a", "cat"], ["a", "black", "cat"]])
    [[False, False], [True, False, True]]
    """
    marks = [[False] * len(sentence) for sentence in line]
    for (before, sentence), mark in zip(pairwise(line), marks[1:], strict=True):
        for _, j in common_places(before, sentence):
            mark[j] = True
    return marks
