"""What every run does beside training: keep checkpoints and show how far it is."""

import io
import math
import signal
import sys
import time
import zlib
from pathlib import Path
from types import FrameType
from typing import Any, cast

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities.exceptions import SIGTERMException

from textgan_bench.errors import TerminatedError, UserError
from textgan_bench.files import replaced
from textgan_bench.interfaces import Method
from textgan_bench.training.run import BEST, LAST

FORWARD_SCORES = ("oracle_nll", "oracle_gap", "lm_score", "perplexity", "bleu_f")


class CheckpointFile(TorchCheckpointIO):
    """Writes a checkpoint beside its target, whose place it takes when all of it is written.

    Lightning's own writes into the temporary folder, which may lie on another disk.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        content = io.BytesIO()  # torch hides the error of a full disk behind one of its own
        torch.save(checkpoint, content)
        with replaced(Path(path)) as file:
            file.write(content.getbuffer())


class PeriodicCheckpoint(Checkpoint):
    """Keep ``checkpoints/last.ckpt`` of the run folder, whatever ends the run.

    Saved every so many minutes, after each epoch and on Ctrl-C or SIGTERM, and replaced in one
    step, so that a kill leaves the previous one intact. Lightning's ``ModelCheckpoint`` knows no
    time interval under manual optimization, and counts a step for each of a GAN's optimizers.

    Any other exception leaves the file as it is: the state that failed is not one to resume. Nor
    is one that is not finite, which ends the training where a checkpoint of it is due.

    Args:
        minutes: between two checkpoints at most, give or take a training batch.
        select: a validation score (``fed/hash128``); the checkpoint where it was smallest is kept
            as ``best.ckpt`` and is the one tested. Without, the last one is.
    """

    DISTRIBUTED_STRIDE = 50
    """Batches between two looks at the clock where all ranks must agree on it."""

    def __init__(self, minutes: float = 5.0, select: str | None = None) -> None:
        if not minutes >= 0:  # nor is what is no number
            raise UserError(f"minutes={minutes}: between two checkpoints pass 0 or more")
        if select is not None and select.startswith(FORWARD_SCORES):
            raise UserError(f"select={select}: a collapsed generator wins every forward score")
        self.minutes = minutes
        self.select = select
        self.smallest = math.inf
        self._saved_at = 0.0
        self._random_state: dict[str, torch.Tensor] = {}
        self._interruption: BaseException | None = None
        self._handlers: dict[signal.Signals, Any] = {}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        trainer.strategy.checkpoint_io = CheckpointFile()

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Continue the random numbers of the interrupted run instead of repeating its first."""
        if not self._random_state:
            return
        if trainer.world_size == 1:
            torch.set_rng_state(self._random_state["cpu"])
            if pl_module.device.type == "cuda" and "cuda" in self._random_state:
                torch.cuda.set_rng_state(self._random_state["cuda"], pl_module.device)
        else:  # only rank zero's state is stored, and no two ranks may share one
            progress = zlib.crc32(self._random_state["cpu"].numpy().tobytes())
            torch.manual_seed(torch.initial_seed() + progress)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._saved_at = time.monotonic()
        # Between the steps of two players a checkpoint would hold half a batch's work, so a signal
        # waits for the batch. Several ranks would wait for different ones: Lightning stops those.
        if trainer.world_size == 1:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._handlers[number] = signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._interruption is not None:
            if number == signal.SIGTERM:
                return  # SLURM sends it to a process and to the parent, which passes it on
            raise self._interruption
        self._interruption = TerminatedError() if number == signal.SIGTERM else KeyboardInterrupt()
        print(
            "\nstopping after this batch; without FORCE=1 (bench --force) the same command resumes",
            file=sys.stderr,
        )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.is_last_batch:
            return  # resumed from here the epoch would go without its validation
        if trainer.world_size > 1 and (batch_idx + 1) % self.DISTRIBUTED_STRIDE:
            return
        interrupted = self._interruption is not None
        due = interrupted or time.monotonic() - self._saved_at >= 60 * self.minutes
        if trainer.strategy.broadcast(due):
            self._save(trainer, LAST)
        if self._interruption is not None:
            raise self._interruption

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._save(trainer, LAST)
        if self._interruption is not None:
            raise self._interruption

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """What a generator writes whose weights are not finite fails under many names."""
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            cast(Method, pl_module).check_finite()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.select is None or trainer.state.fn != TrainerFn.FITTING or trainer.sanity_checking:
            return
        scores = trainer.callback_metrics
        key = f"validation/{self.select}"
        if key not in scores:
            raise UserError(f"select={self.select} is not among {', '.join(sorted(scores))}")
        # What a method logs may differ between ranks, and they must agree before they save.
        score = float(trainer.strategy.broadcast(scores[key]))
        none_yet = not _place(trainer, BEST).exists()  # of which one is to be tested, be it bad
        if trainer.strategy.broadcast(score < self.smallest or none_yet):
            self.smallest = min(self.smallest, score)
            self._save(trainer, BEST)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._restore_handlers()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._restore_handlers()
        # Lightning lets several ranks stop at the same batch on SIGTERM.
        if isinstance(exception, SIGTERMException) and trainer.training:
            self._save(trainer, LAST)
        if self._interruption is not None and exception is not self._interruption:
            raise self._interruption from exception  # what failed after it is no other seed's turn

    def _restore_handlers(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()

    def _save(self, trainer: Trainer, name: str) -> None:
        cast(Method, trainer.lightning_module).check_finite()
        trainer.save_checkpoint(_place(trainer, name), weights_only=False)
        if name == LAST:
            self._saved_at = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        random_state = {"cpu": torch.get_rng_state()}
        if torch.cuda.is_available():
            random_state["cuda"] = torch.cuda.get_rng_state()
        return {"smallest": self.smallest, "random_state": random_state}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.smallest = state_dict["smallest"]
        self._random_state = state_dict["random_state"]


def _place(trainer: Trainer, name: str) -> Path:
    return Path(trainer.default_root_dir) / "checkpoints" / name
