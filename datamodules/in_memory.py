"""Data sets small enough to be held as padded index tensors.

Shapes: B batch, T time, N sentences of a split, V vocabulary.
"""

from abc import abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, Sampler
from torchmetrics import Metric, MetricCollection

from textgan_bench.functional.hashed_ngrams import HashedNGrams
from textgan_bench.interfaces import Sentence, Split, TextDataModule
from textgan_bench.tokens import PAD, TokenBatch, length_mask


class TokenDataset(Dataset[TokenBatch]):
    """Sentences of one tensor; a whole batch of them is one indexing operation."""

    def __init__(self, tokens: TokenBatch) -> None:
        self.tokens = tokens

    def __len__(self) -> int:
        return len(self.tokens.ids)

    def __getitem__(self, index: int) -> TokenBatch:
        """Sentence ``index``: (T,) ids and its 0-d length."""
        return TokenBatch(*(column[index] for column in self.tokens))

    def __getitems__(self, indices: list[int]) -> TokenBatch:
        """What a ``DataLoader`` asks for in place of B single items."""
        rows = torch.tensor(indices)
        return TokenBatch(*(column[rows] for column in self.tokens))


class EpochSampler(Sampler[int]):
    """Random order over a data set, in epochs of a fixed number of sentences.

    Each epoch starts a new permutation and continues with further ones if it is longer than the
    data set. Not a ``RandomSampler``, since Lightning puts one pass over the data in place of that
    when several devices share an epoch.
    """

    def __init__(self, size: int, num_samples: int) -> None:
        self.size = size
        self.num_samples = num_samples

    def __len__(self) -> int:
        return self.num_samples

    def __iter__(self) -> Iterator[int]:
        for start in range(0, self.num_samples, self.size):
            yield from torch.randperm(self.size)[: self.num_samples - start].tolist()


def _already_collated(batch: Any) -> Any:
    return batch


class InMemoryDataModule(TextDataModule):
    """Loaders and anchors over ``self.splits``, which ``setup`` fills.

    Batches are cut in the main process: indexing takes microseconds, a worker would only add the
    cost of sending them. The order follows the global seed.

    Args:
        vocab_size: V, padding counted.
        max_length: T.
        batch_size: sentences a batch, in training and in evaluation.
        batches_per_epoch: length of a training epoch on one device; one pass over the data if None.

    Raises:
        ValueError: a size is not positive.
    """

    def __init__(
        self, vocab_size: int, max_length: int, batch_size: int, batches_per_epoch: int | None
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise ValueError(f"batch_size is at least 1, not {batch_size}")
        if batches_per_epoch is not None and batches_per_epoch < 1:
            raise ValueError(f"batches_per_epoch is at least 1, not {batches_per_epoch}")
        self.vocab_size = vocab_size
        self.max_length = max_length
        self.batch_size = batch_size
        self.batches_per_epoch = batches_per_epoch
        self.splits: dict[Split, TokenBatch] = {}
        self._sentences: dict[Split, list[Sentence]] = {}
        self._metrics: dict[Split, MetricCollection] = {}

    @abstractmethod
    def build_metrics(self, split: Split) -> list[Metric]:
        """The metrics of ``metrics``, called once for each split."""

    @cached_property
    def encoder(self) -> HashedNGrams:
        """Fitted on validation text, which neither training nor the test set contains."""
        return HashedNGrams.fit(self.sentences("validation"))

    def decode(self, tokens: TokenBatch) -> list[Sentence]:
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
            self._metrics[split] = MetricCollection(self.build_metrics(split))
        self._metrics[split].reset()
        return self._metrics[split]

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

    def train_dataloader(self) -> DataLoader[TokenBatch]:
        """Shuffled batches of ``batch_size``, the last incomplete one left out."""
        dataset = TokenDataset(self.splits["train"])
        if self.batch_size > len(dataset):
            raise ValueError(
                f"batch_size={self.batch_size} exceeds the {len(dataset)} training sentences"
            )
        sampler = None
        if self.batches_per_epoch is not None:
            sampler = EpochSampler(len(dataset), self.batches_per_epoch * self.batch_size)
        return DataLoader(
            dataset,
            batch_size=self.batch_size,
            shuffle=sampler is None,
            sampler=sampler,
            drop_last=True,
            collate_fn=_already_collated,
        )

    def val_dataloader(self) -> DataLoader[TokenBatch]:
        return self._evaluation_loader("validation")

    def test_dataloader(self) -> DataLoader[TokenBatch]:
        return self._evaluation_loader("test")

    def _evaluation_loader(self, split: Split) -> DataLoader[TokenBatch]:
        return DataLoader(
            TokenDataset(self.splits[split]),
            batch_size=self.batch_size,
            collate_fn=_already_collated,
        )
