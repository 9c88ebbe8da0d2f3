"""Data sets held as padded index tensors, in memory or mapped to a file.

Shapes: B batch, T time, N sentences of a split, V vocabulary.
"""

from abc import abstractmethod
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection

from datamodules.batches import EvaluationBatches, Shard, TrainingBatches
from textgan_bench.errors import UserError
from textgan_bench.functional.hashed_ngrams import HashedNGrams
from textgan_bench.interfaces import Sentence, Split, TextDataModule
from textgan_bench.metrics import FED
from textgan_bench.metrics.profiles import build_extras
from textgan_bench.tokens import PAD, Batch, TokenBatch, length_mask


class InMemoryDataModule(TextDataModule):
    """Loaders and anchors over ``self.splits``, which ``setup`` fills.

    The order of training follows the global seed, which leaves the stream of random numbers as it
    is; the place in it is part of a checkpoint, so that a run goes on in the middle of an epoch.

    Args:
        vocab_size: V, padding counted.
        max_length: T.
        batch_size: sentences a batch, in training and in evaluation.
        batches_per_epoch: length of a training epoch on one device; one pass over the data if None.

    Raises:
        UserError: a size is not positive.
    """

    DISJOINT: ClassVar[bool] = True
    """Whether no sentence of a split is in a later one: train, validation, test."""

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        batch_size: int,
        batches_per_epoch: int | None,
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise UserError(f"batch_size is at least 1, not {batch_size}")
        if batches_per_epoch is not None and batches_per_epoch < 1:
            raise UserError(f"batches_per_epoch is at least 1, not {batches_per_epoch}")
        self.vocab_size = vocab_size
        self.max_length = max_length
        self.batch_size = batch_size
        self.batches_per_epoch = batches_per_epoch
        self.splits: dict[Split, Batch] = {}
        self._sentences: dict[Split, list[Sentence]] = {}
        self._metrics: dict[Split, MetricCollection] = {}
        self._training: TrainingBatches | None = None
        self._place: dict[str, Any] = {}

    @abstractmethod
    def build_metrics(
        self, references: list[Sentence], train: list[Sentence] | None
    ) -> list[Metric]:
        """What judges samples by references, and beside a training text unless it is None."""

    @cached_property
    def encoder(self) -> HashedNGrams:
        """Of the test's scores: fitted on validation text, of which training and test are free."""
        return HashedNGrams.fit(self.sentences("validation"))

    def fed(self, references: list[Sentence]) -> FED:
        """The Fréchet distance to references, by an encoder that was not fitted on them.

        Validation text is cut in two, so that the distance that selects a checkpoint is measured
        as the test's is: every other sentence for an encoder of its own, the rest as references.
        """
        if references is self.sentences("validation"):
            return FED(references[1::2], HashedNGrams.fit(references[::2]))
        return FED(references, self.encoder)

    def decode(self, tokens: Batch) -> list[Sentence]:
        """Sentences as they are read back from a text file.

        An entry of the vocabulary that holds a blank becomes two words.
        """
        return [" ".join(words).split() for words in self.vocabulary.decode_batch(tokens)]

    def sentences(self, split: Split) -> list[Sentence]:
        if split not in self._sentences:
            self._sentences[split] = self.decode(self.splits[split])
        return self._sentences[split]

    def metrics(self, split: Split) -> MetricCollection:
        """Always the same collection of a split, emptied: its reference side is built once."""
        if split not in self._metrics:
            train = self.sentences("train") if split == "test" else None
            self._metrics[split] = self.judged_by(self.sentences(split), train)
        self._metrics[split].reset()
        return self._metrics[split]

    def judged_by(
        self, references: list[Sentence], train: list[Sentence] | None
    ) -> MetricCollection:
        """``build_metrics``, and with a training text the extra ones that were asked for."""
        metrics = self.build_metrics(references, train)
        if train is not None and self.extras:
            encoder = self.encoder if "nearest" in self.extras else None
            metrics += build_extras(
                self.extras, references, self.vocabulary, train=train, encoder=encoder
            )
        return MetricCollection(metrics)

    def frequency_anchors(self, n: int, generator: torch.Generator) -> dict[str, list[Sentence]]:
        """``unigram``: words at training frequencies, and ``uniform``; lengths as in training."""
        train = self.splits["train"]
        lengths = train.lengths[torch.randint(len(train.lengths), (n,), generator=generator)]
        unigram = torch.bincount(train.ids.ravel(), minlength=self.vocab_size).double()
        weights = {"unigram": unigram, "uniform": torch.ones_like(unigram)}
        mask = length_mask(lengths, self.max_length)
        anchors = {}
        for name, weight in weights.items():
            weight[PAD] = 0
            ids = torch.multinomial(weight, mask.numel(), replacement=True, generator=generator)
            anchors[name] = self.decode(TokenBatch(ids.view(mask.shape).where(mask, PAD), lengths))
        return anchors

    @property
    def shard(self) -> Shard:
        """This process among those of the trainer."""
        if self.trainer is None:
            return Shard()
        return Shard(self.trainer.global_rank, self.trainer.world_size)

    def training_groups(self) -> list[Tensor]:
        """Rows of the training split of which every batch holds equally many from each."""
        return [torch.arange(len(self.splits["train"].ids))]

    def train_dataloader(self) -> TrainingBatches:
        """Shuffled batches of ``batch_size``, the last incomplete one left out.

        Raises:
            UserError: a batch takes more sentences than there are, or not as many of each group.
        """
        train, shard, groups = self.splits["train"], self.shard, self.training_groups()
        if self.batch_size % len(groups):
            raise UserError(
                f"batch_size={self.batch_size} is no multiple of the {len(groups)} groups of "
                "sentences that a batch holds equally many of"
            )
        available = len(groups) * min(map(len, groups))
        if self.batch_size * shard.world_size > available:
            devices = f" on {shard.world_size} devices" if shard.world_size > 1 else ""
            raise UserError(
                f"batch_size={self.batch_size}{devices} exceeds the {available} training sentences"
            )
        seed = torch.initial_seed()
        if self.trainer is not None:  # the ranks draw different noise, and share one order
            seed = self.trainer.strategy.broadcast(seed)
        self._training = TrainingBatches(
            train,
            self.batch_size,
            batches=self.batches_per_epoch,
            seed=seed,
            shard=shard,
            groups=groups,
        )
        if self._place:
            self._training.load_state_dict(self._place)
        return self._training

    def state_dict(self) -> dict[str, Any]:
        return self._place if self._training is None else self._training.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._place = state_dict

    def val_dataloader(self) -> EvaluationBatches:
        return EvaluationBatches(self.splits["validation"], self.batch_size, self.shard)

    def test_dataloader(self) -> EvaluationBatches:
        return EvaluationBatches(self.splits["test"], self.batch_size, self.shard)
