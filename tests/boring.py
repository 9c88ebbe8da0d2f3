"""The smallest method and the smallest data set that are real ones, to test what surrounds them."""

import time
from typing import cast

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import SGD, Optimizer
from torch.utils.data import DataLoader, Dataset
from torchmetrics import Metric, MetricCollection

from textgan_bench.interfaces import Split, TextDataModule, TextGenerator
from textgan_bench.tokens import PAD, Sentence, TokenBatch, Vocabulary

WORDS = ("<pad>", "a", "man", "rides", "zwölf", "<unk>")
LENGTH = 4


class WordCounts(Metric):
    """Words a sentence, and the share of empty sentences."""

    full_state_update = False
    words: Tensor
    empty: Tensor
    sentences: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("words", "empty", "sentences"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, samples: list[Sentence]) -> None:
        self.words += sum(map(len, samples))
        self.empty += sum(not sentence for sentence in samples)
        self.sentences += len(samples)

    def compute(self) -> dict[str, Tensor]:
        return {"words": self.words / self.sentences, "empty": self.empty / self.sentences}


class BoringData(TextDataModule):
    """Random sentences of five words, some of them empty."""

    def __init__(self, size: int = 24, batch_size: int = 4, revision: str = "r1") -> None:
        super().__init__()
        self.vocabulary = Vocabulary(WORDS)
        self.vocab_size = len(WORDS)
        self.max_length = LENGTH
        self.size = size
        self.batch_size = batch_size
        self.revision = revision
        self.source = "noise"
        generator = torch.Generator().manual_seed(0)
        lengths = torch.randint(0, LENGTH + 1, (size,), generator=generator)
        ids = torch.randint(1, len(WORDS), (size, LENGTH), generator=generator)
        ids[torch.arange(LENGTH) >= lengths[:, None]] = PAD
        self.batch = TokenBatch(ids, lengths)

    def sentences(self, split: Split) -> list[Sentence]:
        return self.vocabulary.decode_batch(self.batch)

    def metrics(self, split: Split) -> MetricCollection:
        return MetricCollection([WordCounts()])

    def anchors(self, n: int, seed: int = 0) -> dict[str, list[Sentence]]:
        return {"real": self.sentences("test")[:n], "unigram": [["a"]] * n}

    def _loader(self, shuffle: bool) -> DataLoader[TokenBatch]:
        rows = [TokenBatch(*row) for row in zip(*self.batch, strict=True)]
        return DataLoader(cast("Dataset[TokenBatch]", rows), self.batch_size, shuffle=shuffle)

    def train_dataloader(self) -> DataLoader[TokenBatch]:
        return self._loader(shuffle=True)

    def val_dataloader(self) -> DataLoader[TokenBatch]:
        return self._loader(shuffle=False)

    def test_dataloader(self) -> DataLoader[TokenBatch]:
        return self._loader(shuffle=False)


class Boring(TextGenerator):
    """Two players, noise in every step, and a count of the batches it was trained on."""

    knob = "temperature"
    setting = 1.0
    batches: Tensor

    def __init__(
        self, vocab_size: int, max_length: int, *, lr: float = 0.1, seconds: float = 0.0
    ) -> None:
        super().__init__(vocab_size, max_length)
        self.generator = nn.Parameter(torch.zeros(max_length, vocab_size))
        self.critic = nn.Parameter(torch.ones(max_length))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))
        self.lr = lr
        self.seconds = seconds

    def configure_optimizers(self) -> list[Optimizer]:
        return [SGD([self.generator], self.lr), SGD([self.critic], self.lr)]

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        optimizers = cast("list[LightningOptimizer]", self.optimizers())
        generator_optimizer, critic_optimizer = optimizers
        real = torch.nn.functional.one_hot(batch.ids, self.vocab_size).float().mean(0)  # (T, V)
        noisy = self.generator + torch.randn_like(self.generator)
        loss = (noisy.softmax(-1) - real).square().sum()
        self.descend(loss, generator_optimizer)
        self.descend((self.critic * torch.rand_like(self.critic)).sum(), critic_optimizer)
        self.batches += 1
        self.log_losses({"generator/loss": loss})
        time.sleep(self.seconds)

    @torch.no_grad()
    def sample(self, n: int, *, temperature: float = 1.0) -> TokenBatch:
        noise = -torch.log(-torch.log(torch.rand(n, *self.generator.shape, device=self.device)))
        ids = (self.generator / temperature + noise).argmax(-1)  # (B, T)
        ended = (ids == PAD).cumsum(1) > 0
        return TokenBatch(ids.masked_fill(ended, PAD), (~ended).sum(1))
