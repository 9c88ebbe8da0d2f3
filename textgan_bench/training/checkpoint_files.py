"""What stands in the file of a checkpoint."""

import io
import pickle
import re
from pathlib import Path
from typing import Any

import torch

from textgan_bench.errors import MissingError, UserError

OTHER_OBJECT = re.compile(r"GLOBAL (\S+) was not an allowed global")
"""What PyTorch says of an object that it does not make from a checkpoint."""


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Content of a checkpoint, on the CPU.

    Raises:
        MissingError: there is none.
        UserError: it cannot be read, is of something else than a run, or holds weights that are
            not finite.
    """
    if not path.is_file():
        raise MissingError(f"there is no checkpoint {path}; train first")
    damage = f"the checkpoint {path} is damaged; delete it to train from the start, or restore it"
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        other = OTHER_OBJECT.search(str(error))
        if other is None:
            raise UserError(damage) from error
        raise UserError(
            f"the checkpoint {path} holds an object of {other[1]}, and only tensors, numbers, "
            "text, lists and dicts are loaded; save_hyperparameters(ignore=...) leaves it out"
        ) from error
    except (RuntimeError, EOFError, KeyError, OSError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # it may be whole
        raise UserError(damage) from error
    if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
        raise UserError(f"{path} is no checkpoint of a run: it has no state_dict")
    for name, value in content["state_dict"].items():
        if torch.is_tensor(value) and not value.isfinite().all():
            raise UserError(
                f"{name} of the checkpoint {path} is not finite; delete it and train anew"
            )
    return content


def is_loaded_again(value: Any) -> bool:
    """Whether a checkpoint that holds a value can be loaded."""
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    try:
        torch.load(file, weights_only=True)
    except pickle.UnpicklingError:
        return False
    return True
