"""Whether the GPU kernels of this folder, ``triton_*.py``, can take some tensors."""

import os
import shutil
import warnings
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor

AMPERE = 8, 0
"""Compute capability of the first GPUs that multiply in TF32."""


def can_take(*tensors: Tensor) -> bool:
    """True for float32 tensors on a GPU if nothing is missing; a warning names what is."""
    if not all(x.is_cuda and x.dtype == torch.float32 for x in tensors):
        return False
    missing = _missing(tensors[0].device)
    if missing:
        warnings.warn(f"Transformers are slower here: no {missing}", stacklevel=3)
    return not missing


@cache
def _missing(device: torch.device) -> str:
    if torch.version.hip is not None or torch.cuda.get_device_capability(device) < AMPERE:
        return "kernels for this GPU"
    if find_spec("triton") is None:  # Windows
        return "Triton"
    if not (os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")):
        return "C compiler, which Triton needs"
    return ""
