"""Scores of a run: curves while it trains, one record when it is tested."""

import csv
import io
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.trainer.states import TrainerFn
from torchmetrics import MetricCollection

from textgan_bench import leaderboard
from textgan_bench.errors import UserError
from textgan_bench.evaluation import provenance
from textgan_bench.evaluation.divergence import Divergence, divergence_of
from textgan_bench.evaluation.fingerprint import data_fingerprint
from textgan_bench.evaluation.sampler import sampler_fingerprint, write_sampler
from textgan_bench.evaluation.scores import chunked, score_chunks
from textgan_bench.evaluation.text import write_sentences
from textgan_bench.files import named, replace_text
from textgan_bench.interfaces import Likelihood, Method, TextDataModule, TextGenerator
from textgan_bench.leaderboard import Record
from textgan_bench.leaderboard.curves import curve_of, store_curve
from textgan_bench.reading import read_sentences
from textgan_bench.tokens import Sentence, TokenBatch
from textgan_bench.training.checkpoint_files import load_checkpoint
from textgan_bench.training.run import LAST, Run
from textgan_bench.training.wandb_logger import TEST, Kept, RunWandbLogger

SHOWN = 10
"""Sentences a validation logs for reading."""

SHOWN_OF_TEST = 100
"""Sentences of a test that W&B shows in a table; all of them are in its artifact."""

NOT_TRAINED, THEN = "none: not trained", "; then "
"""What the hardware of a record says without training, and between that of two sessions."""

VALIDATION_SAMPLES = "validation_samples.csv"


class Evaluate(Callback):
    """Score the samples of validation and test steps by the metrics of the data module.

    Validation logs scores and sentences against generator updates. Test writes ``samples.txt``
    into the run folder, scores exactly that file, and writes the record, which holds the
    configuration that the folder does; nothing else writes one. The curve of the validations is
    stored beside it.

    A training batch from which the generator learns counts as one update of it, however many steps
    other players take in it. Each phase's batches and hours are counted, too (``pretraining``).

    Args:
        method: stem of the recipe.
        data: folder of the recipe.
        budget: name of the layer over the paper's setting, ``paper`` for none.
        budget_label: one line on what that layer changes.
        seed: linked to ``seed_everything``.
        leaderboard: folder the record is written into, that of the run if None.
        extras: of ``metrics.profiles.EXTRAS``, scores that the record shall have too.
        knob: setting of the generator's knob in the test, where it is not that of validation.
    """

    def __init__(
        self,
        *,
        method: str = "unnamed",
        data: str = "unnamed",
        budget: str = "paper",
        budget_label: str = "unnamed",
        seed: int = 0,
        leaderboard: str | None = None,
        extras: Sequence[str] = (),
        knob: float | None = None,
    ) -> None:
        self.method = method
        self.data = data
        self.budget = budget
        self.budget_label = budget_label
        self.seed = seed
        self.leaderboard = leaderboard
        self.extras = tuple(extras)
        self.knob = knob
        self.generator_updates = 0
        self.phases: dict[str, dict[str, Any]] = {}
        """Of each phase so far: ``batches``, ``hours``, and ``scores``, those of the last
        validation in it."""
        self.data_revision = ""
        """Of the data trained on; the command line knows it before the weights are restored."""
        self._device = self._hardware = NOT_TRAINED
        self._seconds_before = 0.0
        self._training: dict[str, Any] = {}
        self._started_at: float | None = None
        self._counted = 0.0
        self._metrics: MetricCollection | None = None
        self._divergence: Divergence | None = None
        self._sentences: list[Sentence] = []

    @property
    def seconds(self) -> float:
        """Training time so far, interruptions left out."""
        now = 0.0 if self._started_at is None else time.monotonic() - self._started_at
        return self._seconds_before + now

    def state_dict(self) -> dict[str, Any]:
        return {
            "generator_updates": self.generator_updates,
            "phases": self.phases,
            "seconds": self.seconds,
            "data_revision": self.data_revision,
            "hardware": self._hardware,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.generator_updates = state_dict["generator_updates"]
        self.phases = state_dict["phases"]
        self._seconds_before = state_dict["seconds"]
        self.data_revision = state_dict["data_revision"]
        self._hardware = state_dict["hardware"]

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._check_revision(trainer)  # weights of another vocabulary would not fit
        if self.knob is not None and getattr(pl_module, "knob", None) is None:
            raise UserError(
                f"evaluate.knob={self.knob}: {type(pl_module).__name__} has no knob to turn"
            )

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._check_revision(trainer)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._started_at, self._counted = time.monotonic(), self._seconds_before
        self._device = provenance.hardware(pl_module.device, trainer.world_size)
        self._describe(trainer, self._device)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        method = cast(Method, pl_module)
        self.generator_updates += method.updates_generator
        if method.phase:
            self._count(method.phase)
        # Here, as a run that is resumed with nothing left to train uses none.
        if self._hardware == NOT_TRAINED:
            self._hardware = self._device
        elif self._hardware.split(THEN)[-1] != self._device:
            self._hardware += THEN + self._device

    def _count(self, phase: str) -> None:
        """One more batch of a phase, and the time since the last one was counted."""
        now = self.seconds
        of_phase = self.phases.setdefault(phase, {"batches": 0, "hours": 0.0})
        of_phase["batches"] += 1
        of_phase["hours"] += (now - self._counted) / 3600
        self._counted = now

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._seconds_before, self._started_at = self.seconds, None

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._sentences = []

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._collect(trainer, outputs)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._metrics is None:  # what depends on the references is computed once
            self._metrics = _data(trainer).metrics("validation").to(pl_module.device)
        scores, left_out = score_chunks(self._metrics, chunked(self._sentences))
        scores |= dict.fromkeys(left_out, math.nan)  # a gap in the curve
        phase = cast(Method, pl_module).phase
        if trainer.state.fn == TrainerFn.FITTING and phase in self.phases:
            self.phases[phase]["scores"] = {
                name: float(value) for name, value in scores.items() if math.isfinite(value)
            }
        curves = {f"validation/{name}": value for name, value in scores.items()}
        for logger in _wandb(trainer):
            logger.expect(curves)
        pl_module.log_dict(curves, sync_dist=True)  # the metrics have been merged already
        if trainer.is_global_zero:
            self._show(trainer, [" ".join(sentence) for sentence in self._sentences[:SHOWN]])

    def _show(self, trainer: Trainer, sentences: list[str]) -> None:
        path = Path(trainer.default_root_dir) / VALIDATION_SAMPLES
        columns = ["generator_updates", "sentence"]
        rows = [[str(self.generator_updates), sentence] for sentence in sentences]
        text = io.StringIO()
        csv.writer(text).writerows([columns, *self._shown(path), *rows])
        replace_text(path, text.getvalue())
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                with named(tempfile.gettempdir()):  # from where W&B moves it into the run folder
                    logger.log_text("validation/samples", columns, rows)

    def _shown(self, path: Path) -> list[list[str]]:
        """Rows of earlier updates; a killed run may have shown later ones, which come again."""
        if not path.exists():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if len(row) == 2 and row[0].isdecimal()]
        return [row for row in rows if int(row[0]) < self.generator_updates]

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.world_size > 1:
            raise UserError(
                f"test draws its samples on one device, not on {trainer.world_size}: shards of the "
                "references are padded by repeats (--trainer.devices 1)"
            )
        self._check_revision(trainer)
        if self.knob is not None:
            cast(TextGenerator, pl_module).setting = self.knob
        self._describe(trainer, self._hardware)
        self._training = self._whole_training(trainer)
        self._sentences = []
        self._nll, self._words = 0.0, 0
        self._divergence = divergence_of(_data(trainer).metrics("test"))
        torch.manual_seed(self.seed)  # the samples depend on the checkpoint and the seed alone

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._collect(trainer, outputs)
        if isinstance(pl_module, Likelihood):
            knob = _knob(pl_module)
            log_prob = pl_module.log_prob(batch, **knob)
            self._nll -= float(log_prob.double().sum())
            self._words += int(batch.lengths.sum())
            if self._divergence is not None:
                samples = outputs["samples"]
                self._divergence.add_samples(samples, pl_module.log_prob(samples, **knob))
                self._divergence.add_text(batch, log_prob)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        run = Run(Path(trainer.default_root_dir))
        path = run.samples
        write_sentences(path, self._sentences)
        sampler: dict[str, Any] = {}
        if isinstance(pl_module, TextGenerator):
            sampler = sampler_fingerprint(pl_module, self.seed)
            write_sampler(path, sampler)
        data = _data(trainer)
        sentences = read_sentences(path, data.split_line)
        written_from_nothing = isinstance(pl_module, TextGenerator)
        aligned = None if written_from_nothing else data.aligned("test")
        scores, left_out = score_chunks(data.metrics("test"), chunked(sentences), aligned=aligned)
        if self._words and math.isfinite(self._nll):
            # By words, though end symbols add to the sum, as in the LM score.
            scores["nll"] = self._nll / self._words
            if self._divergence is not None:
                found = self._divergence.compute()
                scores |= {key: value for key, value in found.items() if math.isfinite(value)}
        pl_module.log_dict({f"test/{name}": value for name, value in scores.items()})
        record = Record(
            method=self.method,
            data=self.data,
            seed=self.seed,
            budget=self.budget,
            budget_label=self.budget_label,
            scores=scores,
            left_out=left_out,
            fingerprint=data_fingerprint(data, len(sentences)),
            data_revision=data.revision,
            data_source=data.source,
            num_samples=len(sentences),
            generator_updates=self.generator_updates,
            wall_clock_hours=self.seconds / 3600,
            **self._training,
            passes=pl_module.passes if isinstance(pl_module, TextGenerator) else None,
            hardware=self._hardware,
            config=run.recipe(),
            commit=provenance.commit(),
            versions=provenance.versions(),
            knob=_knob(pl_module),
            sampler=sampler,
        )
        root = Path(self.leaderboard or trainer.default_root_dir)
        stored = leaderboard.write(record, root)
        validations = run.validations()
        curve = curve_of(record, validations)
        if curve.scores:
            store_curve(curve, root)
        self._keep(trainer, run, stored, scores, validations)

    def _describe(self, trainer: Trainer, hardware: str) -> None:
        """Tell W&B which run this is, and what it was made by."""
        for logger in _wandb(trainer):
            logger.describe(
                {
                    "method": self.method,
                    "data": self.data,
                    "seed": self.seed,
                    "budget": self.budget,
                    "budget_label": self.budget_label,
                    "commit": provenance.commit(),
                    "versions": provenance.versions(),
                    "data_revision": self.data_revision,
                    "data_source": _data(trainer).source,
                    "hardware": hardware,
                    "devices": trainer.world_size,
                    "batch_size": getattr(_data(trainer), "batch_size", None),
                    "parameters": count_parameters(trainer.lightning_module),
                    "recipe": Run(Path(trainer.default_root_dir)).recipe(),
                },
                lambda: self.generator_updates,
            )

    def _keep(
        self,
        trainer: Trainer,
        run: Run,
        record: Path,
        scores: dict[str, float],
        validations: Mapping[int, Mapping[str, float]],
    ) -> None:
        """Hand W&B what the test made, and the checkpoint that made it."""
        facts = {"generator_updates": self.generator_updates, "data_revision": self.data_revision}
        files = [Kept("record", record, facts | scores, True)]
        files.append(Kept("samples", run.samples, facts, True))
        if trainer.ckpt_path is not None:
            files.append(Kept("model", Path(trainer.ckpt_path), facts, False))
        for logger in _wandb(trainer):
            shown = [[" ".join(sentence)] for sentence in self._sentences[:SHOWN_OF_TEST]]
            with named(tempfile.gettempdir()):
                logger.settle(validations)
                logger.log_text(f"{TEST}samples", ["sentence"], shown)
                logger.keep(run.folder, files)

    def _whole_training(self, trainer: Trainer) -> dict[str, Any]:
        """What the training came to after the checkpoint that is tested, if it is still there."""
        last = Run(Path(trainer.default_root_dir)).checkpoint(LAST)
        if not last.exists():
            return {}
        states = load_checkpoint(last).get("callbacks", {})
        if self.state_key not in states:
            return {}
        state = states[self.state_key]
        return {
            "training_updates": state["generator_updates"],
            "training_hours": state["seconds"] / 3600,
            "phases": state["phases"],
        }

    def _collect(self, trainer: Trainer, outputs: dict[str, TokenBatch]) -> None:
        self._sentences += _data(trainer).text(outputs["samples"])

    def _check_revision(self, trainer: Trainer) -> None:
        revision = _data(trainer).revision
        Run(Path(trainer.default_root_dir)).check_revision(self.data_revision, revision)
        self.data_revision = revision


def count_parameters(model: LightningModule) -> dict[str, int]:
    """Numbers that are learnt: of each part of a method, as its attributes name them, and in all.

    A number that two parts share is one of the first.
    """
    counts: dict[str, int] = {}
    for name, weight in model.named_parameters():
        part = name.partition(".")[0]
        counts[part] = counts.get(part, 0) + weight.numel()
    return counts | {"total": sum(counts.values())}


def _wandb(trainer: Trainer) -> list[RunWandbLogger]:
    """The loggers of W&B, none in a process that leaves them to the first one."""
    loggers = trainer.loggers if trainer.is_global_zero else []
    return [logger for logger in loggers if isinstance(logger, RunWandbLogger)]


def _data(trainer: Trainer) -> TextDataModule:
    data: Any = getattr(trainer, "datamodule", None)
    if not isinstance(data, TextDataModule):
        raise TypeError(f"evaluation needs a TextDataModule, not {type(data).__name__}")
    return data


def _knob(model: LightningModule) -> dict[str, float]:
    """Name and value of the knob the test's samples are drawn at."""
    if not isinstance(model, TextGenerator) or model.knob is None:
        return {}
    return {model.knob: model.setting}
