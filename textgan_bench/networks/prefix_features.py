"""What a discriminator has to say of a sentence while it is written.

Guo et al. (2018), "Long text generation via adversarial training with leaked information". Shapes:
B batch, T time, E embedding, F filters in all, S words of a filter, C sum of S over all filters.
"""

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

from textgan_bench.networks.autoregressive import State
from textgan_bench.networks.highway_cnn import HighwayCNN
from textgan_bench.tokens import PAD

ROWS = 128
"""Sentences that read a word at a time: sums of more of them leave the cache."""


class PrefixFeatures:
    """Features of growing prefixes; padding stands for the words to come.

    A filter at a place is a sum over its S words of what each gives. So one more word changes only
    the filters that reach it: each of them had padding there. The memory of a sentence holds the
    sums of those that the last word was in, and the largest value of each filter among those that
    it was the last in, which no word to come can change. A word costs C E products, where the
    filters at all places take some T / 2 times as many.

    Built once for as long as the discriminator does not move: it holds a copy of the filters.
    """

    @torch.no_grad()
    def __init__(self, cnn: HighwayCNN) -> None:
        self.cnn = cnn
        groups = [cast(nn.Conv1d, group) for group in cnn.groups]
        self.shapes = [(group.kernel_size[0], group.out_channels) for group in groups]
        # Word by word of a filter, so that those of one word lie beside each other.
        self.weight = torch.cat([g.weight.permute(1, 2, 0).flatten(1) for g in groups], 1)  # (E, C)
        self.padding = cnn.embedding.weight[PAD].clone()  # (E,)
        bias = torch.cat([cast(Tensor, group.bias) for group in groups])
        sums = torch.cat([group.weight.sum(2) for group in groups])  # (F, E)
        self.empty = torch.mv(sums, self.padding) + bias
        """(F,) values of filters over padding alone."""

    @torch.no_grad()
    def first(self) -> Tensor:
        """(1, F) features of a prefix without a word."""
        return self.cnn.carry(self.empty[None])

    def start(self, n: int) -> State:
        """The memory of ``n`` prefixes without a word."""
        # Of filters that begin before the sentence does: they are at no place the largest.
        return (
            self.weight.new_full((n, self.weight.shape[1]), -torch.inf),
            self.weight.new_full((n, self.cnn.features), -torch.inf),
        )

    @torch.no_grad()
    def read(self, words: Tensor, place: int, state: State) -> tuple[Tensor, State]:
        """Read the next words of prefixes; an end symbol, as padding, changes nothing.

        Args:
            words: (B, N) words.
            place: number of words that were read before.
            state: memory of these.

        Returns:
            (B, N, F) features after each word, and the memory of all.
        """
        if not words.numel():
            return self.weight.new_zeros(*words.shape, self.cnn.features), state
        maxima, memories = [], []
        for part, *memory in zip(words.split(ROWS), *(m.split(ROWS) for m in state), strict=True):
            new, (sums, closed) = [], memory
            for i, word in enumerate(part.unbind(1)):
                largest, sums, closed = self._read_one(word, place + i, sums, closed)
                new.append(largest)
            maxima.append(torch.stack(new, 1))
            memories.append((sums, closed))
        features = self.cnn.carry(torch.cat(maxima).flatten(0, 1)).unflatten(0, words.shape)
        sums, closed = (torch.cat(parts) for parts in zip(*memories, strict=True))
        return features, (sums, closed)

    @torch.no_grad()
    def read_all(self, ids: Tensor) -> Tensor:
        """(B, N + 1, F) features of the prefixes of 0 to N words of sentences ids (B, N)."""
        features, _ = self.read(ids, 0, self.start(len(ids)))
        return torch.cat([self.first().expand(len(ids), 1, -1), features], 1)

    def _read_one(
        self, word: Tensor, place: int, old: Tensor, closed: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(B, F) largest values after a word (B,), and the new memory: sums, largest of closed."""
        sums = (self.cnn.embedding(word) - self.padding) @ self.weight  # (B, C), of each word alone
        largest, done = [], []
        for columns, rows, span in self._groups():
            filters = sums[:, columns].unflatten(1, (span, -1))  # (B, S, filters)
            before = old[:, columns].unflatten(1, (span, -1))
            # What had the last word as its first has this one as its second.
            filters[:, 1:] += before[:, :-1]
            places = self.cnn.max_length - span  # the last that a filter can begin at
            empty = self.empty[rows]
            filters[:, 0] += empty if place <= places else -torch.inf
            done.append(torch.maximum(closed[:, rows], filters[:, -1]))
            open_ = filters.amax(1)
            if place < places:
                open_ = torch.maximum(open_, empty)  # those that begin after this word
            largest.append(torch.maximum(open_, done[-1]))
        return torch.cat(largest, 1), sums, torch.cat(done, 1)

    def _groups(self) -> Iterator[tuple[slice, slice, int]]:
        """Of each group of filters: its columns of C and of F, and S."""
        column = row = 0
        for span, filters in self.shapes:
            yield slice(column, column + span * filters), slice(row, row + filters), span
            column, row = column + span * filters, row + filters
