"""Checkpoints that a run is resumed or tested from, and why one does not fit."""

from pathlib import Path
from textwrap import shorten
from traceback import walk_tb
from typing import Any

from textgan_bench.errors import UserError
from textgan_bench.interfaces import Method
from textgan_bench.training.checkpoint_files import load_checkpoint
from textgan_bench.training.evaluate import Evaluate

STATE = ("loops", "optimizer_states", "lr_schedulers", "callbacks")
"""Parts of a checkpoint beside the weights."""

REASON = 200
"""Characters at most of why a checkpoint does not fit, which may name each of its tensors."""


def load_state(path: Path) -> dict[str, Any]:
    """Content of a checkpoint that a run can be resumed or tested from.

    Raises:
        FileNotFoundError: there is none.
        UserError: it cannot be read, or lacks a part without which a run would begin anew.
    """
    checkpoint = load_checkpoint(path)
    lacking = [part for part in STATE if part not in checkpoint]
    if not lacking and Evaluate.__qualname__ not in checkpoint["callbacks"]:
        lacking = ["evaluation"]
    if lacking:
        raise UserError(f"{path} is no checkpoint of a run: it has no {', '.join(lacking)}")
    return checkpoint


def is_restoring(error: Exception) -> bool:
    """Whether it comes of bringing back the state of a checkpoint, which fits in many ways not."""
    return any(
        frame.f_code.co_filename.endswith("checkpoint_connector.py")
        and frame.f_code.co_name.lstrip("_").startswith("restore")
        for frame, _ in walk_tb(error.__traceback__)
    )


def of_another_version(path: Path | str, model: Method, error: Exception) -> str:
    """What to say of a checkpoint that does not fit the method."""
    reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
    return (
        f"{path} is of another version of {type(model).__name__}; train again, by FORCE=1 (bench "
        f"--force): {shorten(reason, REASON)}"
    )


def trained_on(checkpoint: dict[str, Any]) -> str:
    """Revision of the data that a checkpoint was trained on, empty where it does not say."""
    states: dict[str, Any] = checkpoint.get("callbacks", {})
    return str(states.get(Evaluate.__qualname__, {}).get("data_revision", ""))
