"""Trainings of tests: one epoch on a processor, which print, log and save nothing."""

from collections.abc import Sequence
from typing import Any, cast

from pytorch_lightning import Trainer
from torch.utils.data import DataLoader, Dataset

from textgan_bench.interfaces import Method
from textgan_bench.tokens import Batch


def trainer(**options: Any) -> Trainer:
    """A quiet trainer; ``options`` of Lightning's take the place of those given here."""
    quiet: dict[str, Any] = {
        "accelerator": "cpu",
        "max_epochs": 1,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    return Trainer(**quiet | options)


def loader(batches: Sequence[Batch]) -> DataLoader[Batch]:
    """A loader of batches that are ready."""
    return DataLoader(cast("Dataset[Batch]", batches), batch_size=None)


def fit(method: Method, batches: Sequence[Batch], **options: Any) -> Trainer:
    """The trainer, after ``method`` was trained on each of ``batches`` once."""
    done = trainer(**options)
    done.fit(method, loader(batches))
    return done
