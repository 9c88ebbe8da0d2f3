"""The data module over any corpus: its loaders, and its metrics and anchors."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torchmetrics import MetricCollection

from datamodules.arrow import Encoded
from datamodules.batches import EvaluationBatches, Shard, TrainingBatches
from datamodules.corpus import Corpus
from textgan_bench.errors import UserError
from textgan_bench.functional.hashed_ngrams import HashedNGrams
from textgan_bench.interfaces import Halves, Split, TextDataModule
from textgan_bench.metrics.profiles import Basis, Entry, build, extra_entries, needs
from textgan_bench.tokens import Sentence, TokenBatch


class TextData(TextDataModule):
    """A corpus in batches, and the way it is judged.

    The order of training follows the global seed, which leaves the stream of random numbers as it
    is; the place in it is part of a checkpoint, so that a run goes on in the middle of an epoch.

    Args:
        corpus: the text and what is known of it.
        batch_size: sentences a batch, in training and in evaluation.
        batches_per_epoch: length of a training epoch on one device; one pass over the data if None.

    Raises:
        UserError: a size is not positive, or a file of the corpus is damaged.
    """

    def __init__(
        self, corpus: Corpus, batch_size: int = 64, batches_per_epoch: int | None = None
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise UserError(f"batch_size is at least 1, not {batch_size}")
        if batches_per_epoch is not None and batches_per_epoch < 1:
            raise UserError(f"batches_per_epoch is at least 1, not {batches_per_epoch}")
        self.corpus = corpus
        self.vocab_size = corpus.vocab_size
        self.max_length = corpus.max_length
        self.own_revision = corpus.own_revision
        self.tokenisation = corpus.tokenisation
        self.batch_size = batch_size
        self.batches_per_epoch = batches_per_epoch
        self._metrics: dict[Split, MetricCollection] = {}
        self._training: TrainingBatches | None = None
        self._place: dict[str, Any] = {}

    @property
    def encoded(self) -> Encoded:
        """What the corpus holds."""
        return self.corpus.loaded.encoded

    def prepare_data(self) -> None:
        """Download and encode, if it has not been done."""
        self.corpus.prepare()

    def setup(self, stage: str | None = None) -> None:
        """Read the corpus.

        Raises:
            UserError: it has another number of words than a method was built for.
        """
        self.revision, encoded = self.corpus.loaded
        self.vocabulary, self.source = encoded.vocabulary, encoded.source
        if self.corpus.vocab_size != self.vocab_size:
            raise UserError(
                f"the text is there now and has {self.corpus.vocab_size} symbols, not the "
                f"{self.vocab_size} announced before; run the same command again"
            )

    def sentences(self, split: Split) -> list[Sentence]:
        return self.encoded.sentences(split)

    def split_line(self, line: str) -> Sentence:
        return self.corpus.split_line(line)

    def text(self, samples: TokenBatch) -> list[Sentence]:
        return self.corpus.text(samples, self.vocabulary)

    def judge_by(self, *, extras: Sequence[str] = (), encoder: Any = None) -> None:
        extra_entries(extras)  # before a training, what is wrong with them
        super().judge_by(extras=extras, encoder=encoder)
        self._metrics.pop("test", None)

    @cached_property
    def encoder(self) -> HashedNGrams:
        """Of the test's scores: fitted on validation text, of which training and test are free."""
        return HashedNGrams.fit(self.sentences("validation"))

    def metrics(self, split: Split) -> MetricCollection:
        """Always the same collection of a split, emptied: its reference side is built once."""
        if split not in self._metrics:
            self._metrics[split] = self._of_test() if split == "test" else self._of_held_out(split)
        self._metrics[split].reset()
        return self._metrics[split]

    def _of_held_out(self, split: Split) -> MetricCollection:
        """Metrics that select a checkpoint, without the training text.

        The references are cut in two, so that the Fréchet distance is measured as the test's is:
        half of them, drawn, fit an encoder of its own, the rest are its references.
        """
        references, entries = self.sentences(split), self.corpus.judging.entries
        order = torch.randperm(len(references), generator=torch.Generator().manual_seed(0))
        fitted, judging = (
            [references[row] for row in sorted(rows.tolist())] for rows in order.tensor_split(2)
        )
        basis = Basis(references, self.vocabulary, halved=judging)
        if "encoder" in needs(entries):
            basis = replace(basis, encoder=HashedNGrams.fit(fitted))
        return MetricCollection(build(entries, basis)[0])

    def _of_test(self) -> MetricCollection:
        whole = self.corpus.judging.of_test(self.encoded)
        return self._beside_training(self.sentences("test"), whole)

    def _beside_training(
        self, references: list[Sentence], whole: tuple[Entry, ...] = ()
    ) -> MetricCollection:
        """All that judges by references and the training text, the extra scores asked for too."""
        entries = (*self.corpus.judging.entries, *whole, *extra_entries(self.extras))
        basis = Basis(references, self.vocabulary, self.sentences("train"))
        if "encoder" in needs(entries):
            basis = replace(basis, encoder=self.encoder)
        return MetricCollection(build(entries, basis)[0])

    def halves(self) -> Halves | None:
        cut = self.corpus.judging.halves(self.encoded)
        return None if cut is None else Halves(*cut, self._beside_training(cut[1]))

    def aligned(self, split: Split) -> list[Sentence] | None:
        return self.sentences(split) if self.corpus.judging.is_paired else None

    def anchors(self, n: int, seed: int = 0) -> dict[str, list[Sentence]]:
        return self.corpus.judging.anchors(self.encoded, n, seed)

    def cheats(self, n: int, seed: int = 0) -> dict[str, Callable[[], list[Sentence]]]:
        return self.corpus.judging.cheats(self.encoded, n, seed)

    def rewritings(self) -> dict[str, list[Sentence]]:
        return self.corpus.judging.rewritings(self.encoded)

    @property
    def shard(self) -> Shard:
        """This process among those of the trainer."""
        if self.trainer is None:
            return Shard()
        return Shard(self.trainer.global_rank, self.trainer.world_size)

    def train_dataloader(self) -> TrainingBatches:
        """Shuffled batches of ``batch_size``, the last incomplete one left out.

        Raises:
            UserError: a batch takes more sentences than there are, or not as many of each group.
        """
        train, shard = self.encoded.splits["train"], self.shard
        groups = self.corpus.training_groups(train)
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
        return EvaluationBatches(self.encoded.splits["validation"], self.batch_size, self.shard)

    def test_dataloader(self) -> EvaluationBatches:
        return EvaluationBatches(self.encoded.splits["test"], self.batch_size, self.shard)
