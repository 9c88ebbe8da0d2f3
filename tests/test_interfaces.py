import csv
from pathlib import Path

import pytest
import torch
from pytorch_lightning.loggers import CSVLogger
from torch import Tensor

from tests.boring import Boring
from tests.trainer import fit
from textgan_bench.tokens import TokenBatch, pad_sequences
from textgan_bench.training.checkpoints import PeriodicCheckpoint
from textgan_bench.training.progress import RunProgress


class Watched(Boring):
    """Keeps its losses."""

    def on_fit_start(self) -> None:
        self.losses: list[float] = []

    def log_losses(self, losses: dict[str, Tensor]) -> None:
        self.losses += [loss.item() for loss in losses.values()]
        super().log_losses(losses)


def test_losses_are_logged_when_due(tmp_path: Path) -> None:
    torch.manual_seed(0)
    method = Watched(3, 2)
    batch = pad_sequences([[1, 2], [2]], 2)

    fit(
        method,
        [batch] * 3,
        max_epochs=2,
        log_every_n_steps=2,
        logger=CSVLogger(tmp_path, "csv", flush_logs_every_n_steps=1),
        default_root_dir=tmp_path,
        callbacks=[RunProgress(), PeriodicCheckpoint()],
        enable_checkpointing=True,
        enable_progress_bar=True,
    )

    with (tmp_path / "csv/version_0/metrics.csv").open() as file:
        rows = [tuple(map(float, row.values())) for row in csv.DictReader(file)]
    due = [(1, 0), (3, 1), (5, 1)]
    assert rows == [(epoch, method.losses[step], step) for step, epoch in due]
    assert method.latest_losses == {"generator/loss": method.losses[5]}


class InPhases(Boring):
    """Its second batch belongs to another phase."""

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        self.phase = ("likelihood", "game")[self.batches_done]
        super().training_step(batch, batch_idx)


def test_the_bar_names_the_phase(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    batch = pad_sequences([[1, 2], [2]], 2)
    fit(
        InPhases(3, 2, seconds=0.6),  # a terminal's bar is drawn every half second
        [batch] * 2,
        default_root_dir=tmp_path / "quick-seed0",
        callbacks=[RunProgress()],
        enable_progress_bar=True,
    )
    lines = capsys.readouterr().err.split("\r")
    assert lines[-1].startswith("training quick-seed0, game: 100%")
