"""What a validation pass costs beside an epoch of NAGAN on captions, as published.

A few training batches and two validation passes of one run; an epoch of 1,500 batches of 64 is
extrapolated. The first pass, which prepares the references, is left out and reported beside.
"""

import logging
import statistics
import tempfile
import warnings
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from benchmarks.speed.claims import Claim, Texts, main, seconds
from benchmarks.speed.training import trainer
from textgan_bench.methods import NAGAN
from textgan_bench.training.evaluate import Evaluate

EPOCH = 1_500  # batches, A.7
BATCHES, EPOCHS = 6, 2


class Stopwatch(Callback):
    """Seconds of each training batch and of each validation pass, sampling and scoring."""

    def __init__(self) -> None:
        self.batches: list[float] = []
        self.passes: list[float] = []
        self._start = 0.0

    def on_train_batch_start(self, *_: Any) -> None:
        self._start = seconds()

    def on_train_batch_end(self, *_: Any) -> None:
        self.batches.append(seconds() - self._start)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start = seconds()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.passes.append(seconds() - self._start)


def measure(texts: Texts) -> list[Claim]:
    data = texts.data
    model = NAGAN(data.vocab_size, data.max_length)
    stopwatch = Stopwatch()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
        bare = trainer(
            max_epochs=EPOCHS,
            limit_train_batches=BATCHES,
            num_sanity_val_steps=0,
            default_root_dir=folder,
            callbacks=[Evaluate(leaderboard=str(Path(folder) / "leaderboard")), stopwatch],
            enable_progress_bar=True,
        )
        bare.fit(model, data)
    first, one_pass = stopwatch.passes
    batch = statistics.median(stopwatch.batches)
    note = (
        f"extrapolated from {len(stopwatch.batches)} batches of {data.batch_size} at {batch:.2f} s "
        f"on the processor; a pass is {one_pass:.1f} s, the first {first:.1f} s"
    )
    share = 100 * one_pass / (EPOCH * batch)
    return [Claim("validation pass / epoch of NAGAN", 5, share, "%", at_least=False, note=note)]


if __name__ == "__main__":
    main(measure)
