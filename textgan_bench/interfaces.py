"""Everything a plug-in implements: oracle, data module, method.

Shapes: B batch, T time, H code.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, cast, runtime_checkable

import torch
from pytorch_lightning import LightningDataModule, LightningModule
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor
from torchmetrics import MetricCollection

from textgan_bench.tokens import Batch, TokenBatch, Vocabulary, count

Sentence = list[str]
Split = Literal["train", "validation", "test"]


class Oracle(Protocol):
    """A distribution over sentences whose likelihood is known."""

    entropy: float
    """Nats per word of the oracle's own samples."""
    entropy_se: float
    """Standard error of ``entropy``, which is estimated on samples."""

    def log_prob(self, batch: TokenBatch) -> Tensor:
        """(B,) log probability of each sentence, in nats."""
        ...


class Halves(NamedTuple):
    """Real text to be scored against other text of the same source."""

    samples: list[Sentence]
    references: list[Sentence]
    metrics: MetricCollection
    """They judge by ``references``."""


class TextDataModule(LightningDataModule, ABC):
    """A data set and the way it is judged: together they are one table of the leaderboard.

    Loaders yield ``TokenBatch`` padded to ``max_length``. ``vocab_size`` (padding counted) and
    ``max_length`` are known at construction and linked into the method by the command line;
    ``vocabulary``, ``revision`` and ``source`` are available after ``setup``.
    """

    vocab_size: int
    max_length: int
    vocabulary: Vocabulary
    revision: str
    """Hash of the files read; two records compare only if it is the same."""
    source: str
    """One line for the reader of a table: what text this is, and for what it stands in."""
    encoder: Any = None
    """What embeds sentences for the test's metrics, None without such metrics; another one is
    assigned before they are built."""
    own_revision: int = 0
    """Raised when a score that only this data set has changes its numbers, as ``scoring.REVISION``
    for all."""
    extras: Sequence[str] = ()
    """Names of ``metrics.profiles.EXTRAS`` that the test is judged by too; assigned likewise."""

    @abstractmethod
    def sentences(self, split: Split) -> list[Sentence]:
        """The text of a split, one list of words a sentence."""

    @abstractmethod
    def metrics(self, split: Split) -> MetricCollection:
        """Metrics that judge samples (``update(samples=...)``) against a split."""

    @abstractmethod
    def anchors(self, n: int, seed: int = 0) -> dict[str, list[Sentence]]:
        """Reference rows every score is read beside: ``n`` sentences of each named sampler."""

    def text(self, samples: TokenBatch) -> list[Sentence]:
        """What a method wrote, as it is scored and stored."""
        return self.vocabulary.decode_batch(samples)

    def halves(self) -> Halves | None:
        """The test text cut in two, None where fresh text of its distribution can be had."""
        return None

    def aligned(self, split: Split) -> list[Sentence] | None:
        """The own reference of each sample, in order, where a sample is made of a sentence of the
        split, as a decipherment is; None where samples are written from nothing.
        """
        return None


class Method(LightningModule, ABC):
    """Base of every method: manual optimization, own noise on each rank, no training logic."""

    def __init__(self, vocab_size: int, max_length: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.vocab_size = vocab_size
        self.max_length = max_length
        self.latest_losses: dict[str, float] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning notes the name of the hook it is in, 40 times a batch, and a module looks at
        # every new attribute for what it has to register.
        if type(value) is str:
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def setup(self, stage: str) -> None:
        # seed_everything leaves every rank with the same generator state: without the offset all
        # ranks would draw the same noise.
        if self.trainer.world_size > 1:
            torch.manual_seed(torch.initial_seed() + self.global_rank)

    def descend(
        self, loss: Tensor, optimizer: LightningOptimizer, clip: float | None = None
    ) -> None:
        """One optimizer step on ``loss``, the gradient's norm clipped to ``clip`` if given."""
        optimizer.zero_grad()
        self.manual_backward(loss)
        if clip is not None:
            self.clip_gradients(optimizer.optimizer, clip, "norm")
        optimizer.step()

    def log_losses(self, losses: dict[str, Tensor]) -> None:
        """Log scalars of this batch, averaged over processes, one batch in ``log_every_n_steps``.

        They go to the loggers as they are. ``self.log`` would keep books of them, for means over
        the epoch: 0.45 ms a value and call, and some at every later batch of the epoch.
        """
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        batch = self.trainer.fit_loop.total_batch_idx
        if (batch + 1) % every == 0:
            values = torch.stack([loss.detach() for loss in losses.values()])
            means = cast(Tensor, self.trainer.strategy.reduce(values, reduce_op="mean"))
            self.latest_losses = dict(zip(losses, means.tolist(), strict=True))
            for logger in self.loggers:
                logger.log_metrics({**self.latest_losses, "epoch": self.current_epoch}, step=batch)

    def count_training_text(self) -> tuple[Tensor, Tensor]:
        """How often each word (V,) and each length (T + 1,) occurs in the text of all processes."""
        loader = cast("Iterable[Batch]", self.trainer.train_dataloader)
        counts = count(loader, self.vocab_size, self.max_length)
        strategy = self.trainer.strategy
        words, lengths = (strategy.reduce(n.to(self.device), reduce_op="sum") for n in counts)
        return cast(Tensor, words), cast(Tensor, lengths)

    @contextmanager
    def frozen(self, *modules: torch.nn.Module) -> Iterator[None]:
        """Leave the parameters of ``modules`` without gradient inside the block."""
        parameters = [
            parameter
            for module in modules
            for parameter in module.parameters()
            if parameter.requires_grad
        ]
        for parameter in parameters:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in parameters:
                parameter.requires_grad_(True)

    @abstractmethod
    def test_step(self, batch: Any, batch_idx: int) -> dict[str, TokenBatch]:
        """What is scored, by name: ``samples``, in the order of the batch."""


class TextGenerator(Method):
    """A method that writes sentences from nothing."""

    knob: ClassVar[str | None]
    """The argument of ``sample`` that trades quality against diversity, None without such."""

    @property
    def setting(self) -> float:
        """The value of the knob that samples are drawn at unless it is turned."""
        value = inspect.signature(self.sample).parameters[str(self.knob)].default
        # A default of None stands for the value that the method was built with.
        return float(getattr(self, f"inference_{self.knob}") if value is None else value)

    @abstractmethod
    def sample(self, n: int, *args: Any, **knob: Any) -> TokenBatch:
        """``n`` sentences at the method's evaluation setting, or with ``knob=value`` turned."""

    def validation_step(self, batch: TokenBatch, batch_idx: int) -> dict[str, TokenBatch]:
        return {"samples": self.sample(len(batch.ids))}

    def test_step(self, batch: TokenBatch, batch_idx: int) -> dict[str, TokenBatch]:
        return {"samples": self.sample(len(batch.ids))}


@runtime_checkable
class SentenceCoder(Protocol):
    """A method that turns sentences into points of a space and points into sentences."""

    def encode(self, batch: Batch) -> Tensor:
        """(B, H) codes of sentences."""
        ...

    def decode(self, codes: Tensor) -> TokenBatch:
        """The sentence of each code (B, H)."""
        ...
