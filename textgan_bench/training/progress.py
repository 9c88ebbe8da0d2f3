"""How far a training is: one bar for all of it."""

import math
import sys
from pathlib import Path
from typing import Any, cast

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar
from tqdm import tqdm

from textgan_bench.interfaces import Method


class RunProgress(ProgressBar):
    """One bar for the whole training: rate, time left until its end, latest losses."""

    def __init__(self) -> None:
        super().__init__()
        self._bar: tqdm[Any] | None = None
        self._enabled = True
        self._phase = ""

    def disable(self) -> None:
        self._enabled = False

    def enable(self) -> None:
        self._enabled = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        total = _planned_batches(trainer)
        done = trainer.fit_loop.total_batch_idx + 1
        if done and self._enabled:
            of = "" if total is None else f" of {total:,}"
            print(
                f"{trainer.default_root_dir} goes on from its checkpoint, after batch {done:,}{of},"
                f" in epoch {trainer.current_epoch + 1}",
                file=sys.stderr,
            )
        # A terminal is redrawn; a log file gets a line a minute.
        self._bar = tqdm(
            desc=_title(trainer),
            unit="batch",
            total=total,
            initial=done,
            disable=not self._enabled,
            dynamic_ncols=True,
            mininterval=0.5 if sys.stderr.isatty() else 60,
        )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        method = cast(Method, pl_module)
        if self._bar is None:
            return
        if method.phase != self._phase:
            self._phase = method.phase
            self._bar.set_description(f"{_title(trainer)}, {self._phase}", refresh=False)
        if self._bar.update():
            self._bar.set_postfix(method.latest_losses, refresh=False)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._close()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _title(trainer: Trainer) -> str:
    return f"training {Path(trainer.default_root_dir).name}"


def _planned_batches(trainer: Trainer) -> int | None:
    epochs, batches = trainer.max_epochs, trainer.num_training_batches
    if epochs is None or epochs < 0 or math.isinf(batches):
        return None
    return epochs * int(batches)
