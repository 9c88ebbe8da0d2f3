"""Whether the GPU kernels of this folder, ``triton_*.py``, can take some tensors."""

import warnings
from importlib.util import find_spec

import torch
from torch import Tensor

# It comes with the builds of PyTorch that know a GPU, but for those of Windows.
TRITON = find_spec("triton") is not None


def can_take(*tensors: Tensor) -> bool:
    """True for float32 tensors on a GPU, where there is Triton; a warning says where it is not."""
    if not all(x.is_cuda and x.dtype == torch.float32 for x in tensors):
        return False
    if not TRITON:
        warnings.warn("no Triton here, so that a step of a Transformer is slower", stacklevel=3)
    return TRITON
