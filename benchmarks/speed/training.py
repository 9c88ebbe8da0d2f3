"""A training of which only the steps are measured: nothing is logged, saved or printed."""

from collections.abc import Sequence
from typing import Any, cast

from pytorch_lightning import Trainer
from torch.utils.data import DataLoader, Dataset

from textgan_bench.interfaces import Method
from textgan_bench.tokens import Batch


def trainer(**options: Any) -> Trainer:
    """A trainer of one epoch; ``options`` of Lightning's take the place of those given here."""
    bare: dict[str, Any] = {
        "accelerator": "cpu",
        "max_epochs": 1,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    return Trainer(**bare | options)


def fit(method: Method, batches: Sequence[Batch], **options: Any) -> None:
    """Train ``method`` on each of ``batches`` once."""
    loader = DataLoader(cast("Dataset[Batch]", batches), batch_size=None)
    trainer(**options).fit(method, loader)
