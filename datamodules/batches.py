"""Batches out of encoded sentences: shuffled for training, in order for evaluation.

Both cut a batch by one indexing operation in the main process: it takes microseconds, and a worker
would only add the cost of sending it. Shapes: B batch, T time, N sentences of a split.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from textgan_bench.tokens import Batch


def select(tokens: Batch, rows: Tensor | slice) -> Batch:
    """The sentences ``rows`` of a split, as int64 whatever it is stored as."""
    return type(tokens)(*(column[rows].long() for column in tokens))


@dataclass(frozen=True)
class Shard:
    """The share of one of several processes that train together."""

    rank: int = 0
    world_size: int = 1


class TrainingBatches:
    """Random order over a split, in epochs; each iteration is one epoch.

    The order is a function of the seed and the epoch's number. An epoch is a permutation of the
    split, and continues with further ones if it is longer than the split. Of each ``world_size`` ×
    ``batch_size`` sentences every process takes its own ``batch_size``: no sentence is used twice
    or left out, but for the last ones that fill no batch. With several groups a batch holds equally
    many sentences of each, group after group, and an epoch ends with the smallest group.

    ``state_dict`` tells the place in the epoch, and an iteration starts at the place last loaded,
    or where an iteration was broken off.

    Args:
        tokens: N sentences.
        batch_size: B, of one process.
        batches: in an epoch of one process; as many as one permutation fills if None.
        seed: equal in all processes.
        shard: the process.
        groups: rows of the split that are permuted by themselves; the whole split if None.
    """

    def __init__(
        self,
        tokens: Batch,
        batch_size: int,
        *,
        batches: int | None,
        seed: int,
        shard: Shard,
        groups: list[Tensor] | None = None,
    ) -> None:
        self.tokens = tokens
        self.groups = [torch.arange(len(tokens.ids))] if groups is None else groups
        self.share = batch_size // len(self.groups)  # of each group
        self.stride = self.share * shard.world_size
        fit = min(map(len, self.groups)) // self.stride
        self.length = fit if batches is None else batches
        self.seed = seed
        self.shard = shard
        self.epoch = 0
        self.batch = 0

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Batch]:
        if self.batch >= self.length:
            self.epoch, self.batch = self.epoch + 1, 0
        order = self._order()
        while self.batch < self.length:
            rows = order[self.batch]
            self.batch += 1
            yield select(self.tokens, rows)

    def _order(self) -> Tensor:
        """(batches, B) rows of this epoch, for this process."""
        generator = torch.Generator().manual_seed((self.seed + self.epoch) % 2**63)
        return torch.cat([self._permuted(group, generator) for group in self.groups], 1)

    def _permuted(self, group: Tensor, generator: torch.Generator) -> Tensor:
        """(batches, B / groups) rows of a group in the order of this epoch, for this process."""
        needed = self.length * self.stride
        passes = [
            group[torch.randperm(len(group), generator=generator)]
            for _ in range(0, needed, len(group))
        ]
        order = torch.cat(passes)[:needed].view(self.length, self.stride)
        first = self.shard.rank * self.share
        return order[:, first : first + self.share]

    def state_dict(self) -> dict[str, Any]:
        return {"seed": self.seed, "epoch": self.epoch, "batch": self.batch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seed = state_dict["seed"]
        self.epoch = state_dict["epoch"]
        self.batch = state_dict["batch"]


class EvaluationBatches:
    """A split in its order, every sentence once, the last batch shorter.

    Several processes take every ``world_size``-th sentence of it and equally many batches. Where
    the last batch would leave a process without a sentence, it is joined to the one before.
    """

    def __init__(self, tokens: Batch, batch_size: int, shard: Shard) -> None:
        self.tokens = tokens
        self.shard = shard
        stride = batch_size * shard.world_size
        sentences = len(tokens.ids)
        full = range(0, sentences - shard.world_size + 1, stride)
        starts = list(full) or [0]
        self.bounds = list(zip(starts, [*starts[1:], sentences], strict=True))

    def __len__(self) -> int:
        return len(self.bounds)

    def __iter__(self) -> Iterator[Batch]:
        for start, end in self.bounds:
            yield select(self.tokens, slice(start + self.shard.rank, end, self.shard.world_size))
