"""Everything a plug-in implements: oracle, data module, method.

Shapes: B batch, T time, H code, Z latent.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, cast, runtime_checkable

import torch
from pytorch_lightning import LightningDataModule, LightningModule
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor
from torchmetrics import MetricCollection

from textgan_bench.tokens import BLANKS, Batch, Sentence, TokenBatch, Vocabulary, count

OTHERS = "a weight of another process"
SAME_AGAIN = (
    "the checkpoint, if one was kept, is of before, and from there the same command takes the same "
    "steps: change a learning rate of the recipe, say, and start again by FORCE=1 (bench --force)"
)
"""Advice for a training whose numbers are no longer finite."""

INVERSION, GUMBEL, ARGMAX = "inversion", "gumbel-argmax", "argmax"
"""How a word is drawn: by a uniform number looked up in the distribution function of the softmax;
as the largest of the scores and Gumbel noise; or not at all, as the largest score, so that noise is
that of the network's inputs alone."""

Split = Literal["train", "validation", "test"]


class Oracle(Protocol):
    """A distribution over sentences whose likelihood is known."""

    entropy: float
    """Nats per word of the oracle's own samples."""
    entropy_se: float
    """Standard error of ``entropy``, which is estimated on samples."""
    knows_lengths: bool
    """Whether the probability of a sentence is one among all sentences, or among those of its
    length."""

    def log_prob(self, batch: TokenBatch) -> Tensor:
        """(B,) log probability of each sentence, in nats."""
        ...


class Halves(NamedTuple):
    """Real text to be scored against other text of the same source."""

    samples: list[Sentence]
    references: list[Sentence]
    metrics: MetricCollection
    """Metrics whose references are ``references``."""


class TextDataModule(LightningDataModule, ABC):
    """A data set and the way it is scored: together they are one table of the leaderboard.

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
    """One line for the reader of a table: which text this is, and which it stands in for."""
    encoder: Any = None
    """Sentence encoder of the test's metrics, None without such metrics."""
    own_revision: int = 0
    """Number that is raised when a score of this data set alone changes its numbers, as
    ``fingerprint.REVISION`` is for all scores."""
    tokenisation: str = BLANKS
    """Name of the rule of ``split_line``: a field of every fingerprint."""
    extras: tuple[str, ...] = ()
    """Names of ``metrics.profiles.EXTRAS`` that the test computes, too."""

    def judge_by(self, *, extras: Sequence[str] = (), encoder: Any = None) -> None:
        """Let the test compute extra scores, too, or embed sentences by another encoder.

        The choice holds for metrics that are asked for afterwards.
        """
        self.extras = tuple(extras)
        if encoder is not None:
            self.encoder = encoder

    @abstractmethod
    def sentences(self, split: Split) -> list[Sentence]:
        """The text of a split, one list of words a sentence."""

    @abstractmethod
    def metrics(self, split: Split) -> MetricCollection:
        """Metrics that score samples (``update(samples=...)``) against a split."""

    @abstractmethod
    def anchors(self, n: int, seed: int = 0) -> dict[str, list[Sentence]]:
        """Anchors, the reference rows of a table: ``n`` sentences of each named sampler.

        ``real`` is training text.
        """

    def cheats(self, n: int, seed: int = 0) -> dict[str, Callable[[], list[Sentence]]]:
        """Anchors that are built to win one score, by name: what writes ``n`` sentences of each."""
        return {}

    def rewritings(self) -> dict[str, list[Sentence]]:
        """Anchors of a task that rewrites the test sentences, by name and aligned with these."""
        return {}

    def split_line(self, line: str) -> Sentence:
        """Words of a line to be scored, split as the text of this data set is.

        A line that joins the words of ``text`` by blanks gives these words back.
        """
        return line.split()

    def text(self, samples: TokenBatch) -> list[Sentence]:
        """Sentences that a method wrote, as they are scored and stored."""
        return self.vocabulary.decode_batch(samples)

    def halves(self) -> Halves | None:
        """The test text cut in two; None if fresh text of its distribution can be drawn."""
        return None

    def aligned(self, split: Split) -> list[Sentence] | None:
        """The own reference of each sample, in order, if a sample is made from a sentence of the
        split, like a decipherment; None if samples are written from nothing.
        """
        return None


class Method(LightningModule, ABC):
    """Base of every method: manual optimization, own noise on each rank, no training logic."""

    capturable: bool = False
    """Whether a CUDA graph can hold its steps (``training.capture``)."""

    def __init__(self, vocab_size: int, max_length: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.vocab_size = vocab_size
        self.max_length = max_length
        self.phase = ""
        """What the latest batch was spent on (``pretraining``), empty if all are alike."""
        self.updates_generator = True
        """Whether the generator learnt from the latest batch."""
        self.latest_losses: dict[str, float] = {}
        """Losses of the last batch that was looked at."""
        self._unseen: list[tuple[int, dict[str, Tensor]]] = []
        """Losses of the batches since then: looking at each at once would wait for the device."""

    def setup(self, stage: str) -> None:
        # seed_everything leaves every rank with the same generator state: without the offset all
        # ranks would draw the same noise.
        if self.trainer.world_size > 1:
            torch.manual_seed(torch.initial_seed() + self.global_rank)

    @property
    def batches_done(self) -> int:
        """Training batches before this one, those before an interruption included."""
        return int(self.trainer.fit_loop.total_batch_idx)

    def descend(
        self, loss: Tensor, optimizer: LightningOptimizer, clip: float | None = None
    ) -> None:
        """Take one optimizer step on ``loss``; ``clip`` is the largest norm of the gradient."""
        optimizer.zero_grad()
        self.manual_backward(loss)
        if clip is not None:
            self.clip_gradients(optimizer.optimizer, clip, "norm")
        optimizer.step()

    def log_losses(self, losses: dict[str, Tensor]) -> None:
        """Log scalars of this batch, averaged over processes, one batch in ``log_every_n_steps``.

        They go straight to the loggers. ``self.log`` would also collect them for means over the
        epoch: 0.45 ms a value and call, and more at every later batch of the epoch.

        Raises:
            FloatingPointError: a loss of this batch, or of an earlier one, is not finite.
        """
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        batch = self.batches_done
        self._unseen.append((batch, {name: loss.detach() for name, loss in losses.items()}))
        if every and (batch + 1) % every == 0:
            self._look_at_losses()
            for logger in self.loggers:
                logger.log_metrics({**self.latest_losses, "epoch": self.current_epoch}, step=batch)

    def _look_at_losses(self) -> None:
        if not self._unseen:
            return
        values = torch.stack([loss for _, losses in self._unseen for loss in losses.values()])
        means = iter(cast(Tensor, self.trainer.strategy.reduce(values, reduce_op="mean")).tolist())
        for batch, losses in self._unseen:
            self.latest_losses = {name: next(means) for name in losses}
            for name, mean in self.latest_losses.items():
                if not math.isfinite(mean):
                    raise FloatingPointError(f"{name} is {mean} in batch {batch + 1}; {SAME_AGAIN}")
        self._unseen.clear()

    def check_finite(self) -> None:
        """Check every loss since the last check, and all that a checkpoint would keep.

        The check waits for the device, so it belongs before a checkpoint, not after every batch.

        Raises:
            FloatingPointError: a loss or a number of the checkpoint is not finite.
        """
        self._look_at_losses()
        kept = self.state_dict()
        names: dict[Any, str] = {weight: name for name, weight in self.named_parameters()}
        for optimizer in self.trainer.optimizers:
            for weight, state in optimizer.state.items():
                kept |= {f"{key} of {names[weight]}": value for key, value in state.items()}
        finite = {
            name: value.isfinite().all().to(self.device)
            for name, value in kept.items()
            if torch.is_tensor(value) and value.is_floating_point()
        }
        here = not finite or bool(torch.stack([*finite.values()]).all())
        if not self.trainer.strategy.reduce_boolean_decision(here):
            name = next((name for name, good in finite.items() if not good), OTHERS)
            done = self.batches_done + 1
            raise FloatingPointError(f"{name} is not finite in batch {done}; {SAME_AGAIN}")

    def count_training_text(self) -> tuple[Tensor, Tensor]:
        """Counts of each word (V,) and of each length (T + 1,) in the text of all processes."""
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
        """Text to be scored, by name: ``samples``, in the order of the batch."""


class TextGenerator(Method):
    """A method that writes sentences from nothing."""

    knob: ClassVar[str | None]
    """The argument of ``sample`` that trades quality against diversity, None without such."""

    setting: float
    """The knob's value that samples are drawn at by default; the test of a run may have another."""

    @property
    def passes(self) -> int:
        """Times that a network is run, one after the other, to write the longest sentence."""
        return self.max_length

    draws: ClassVar[str] = INVERSION
    """How a word follows from the scores of all words: ``INVERSION``, ``GUMBEL`` or ``ARGMAX``."""

    @property
    def draw_dtype(self) -> torch.dtype:
        """The type of number that words are drawn in; by default that of the scores."""
        return next(weight.dtype for weight in self.parameters() if weight.is_floating_point())

    def draw_rule(self, setting: float | None) -> str:
        """How words are chosen at a setting of the knob: at temperature 0 there is no draw."""
        cold = self.knob == "temperature" and setting == 0
        return ARGMAX if cold else self.draws

    @abstractmethod
    def sample(self, n: int, *args: Any, **knob: Any) -> TokenBatch:
        """Draw ``n`` sentences at the method's evaluation setting, or with ``knob=value``."""

    def validation_step(self, batch: TokenBatch, batch_idx: int) -> dict[str, TokenBatch]:
        return {"samples": self.sample(len(batch.ids))}

    def test_step(self, batch: TokenBatch, batch_idx: int) -> dict[str, TokenBatch]:
        knob = {} if self.knob is None else {self.knob: self.setting}
        return {"samples": self.sample(len(batch.ids), **knob)}


@runtime_checkable
class Likelihood(Protocol):
    """A method that knows the likelihood of a sentence, as it would draw it."""

    def log_prob(self, batch: TokenBatch, **knob: Any) -> Tensor:
        """(B,) log probability of each sentence, its end symbol included, in nats.

        Of sentences drawn at the method's evaluation setting, or with ``knob=value``.
        """
        ...


@runtime_checkable
class SentenceCoder(Protocol):
    """A method that turns sentences into points of a space and points into sentences."""

    def encode(self, batch: Batch) -> Tensor:
        """(B, H) codes of sentences."""
        ...

    def decode(self, codes: Tensor) -> TokenBatch:
        """The sentence of each code (B, H)."""
        ...


class Latents(NamedTuple):
    """What sentences are written from."""

    z: Tensor
    """(B, T, Z), a latent a word, or (B, 1, Z), one for all words of a sentence."""
    counts: Tensor
    """(B,) int64, latents of each sentence; those after them are not read."""


@runtime_checkable
class LatentWriter(Protocol):
    """A generator whose sentences, at the setting of no other noise, follow from latents alone."""

    def draw_latents(self, n: int) -> Latents:
        """Latents of ``n`` new sentences."""
        ...

    def write_latents(self, latents: Latents) -> TokenBatch:
        """The sentence of each row of latents, the same at every call."""
        ...


@runtime_checkable
class WordwiseWriter(Protocol):
    """A ``LatentWriter`` of a latent a word, from which all words are written at once."""

    def draw_latents(self, n: int, length: int | None = None) -> Latents:
        """Latents of ``n`` new sentences of ``length`` words, or of lengths drawn for them."""
        ...

    def write_latents(self, latents: Latents) -> TokenBatch:
        """The sentence of each row of latents, the same at every call."""
        ...

    def relax_latents(self, latents: Latents, ids: Tensor) -> tuple[Tensor, TokenBatch]:
        """How much of each word of ``ids`` (B, T) there is in the relaxed sentences.

        Returns:
            (B, T) numbers in [0, 1], differentiable in ``latents.z``, 0 on padding; and the
            sentences that are written.
        """
        ...

    def layers_of(self, latents: Latents) -> list[Tensor]:
        """(B, T, H) states that the words have before the first layer and after each layer."""
        ...
