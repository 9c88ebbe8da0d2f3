from types import SimpleNamespace
from typing import Any

import pytest
import torch

from textgan_bench.functional import gpu_kernels


def on_gpu(dtype: torch.dtype) -> Any:
    return SimpleNamespace(is_cuda=True, dtype=dtype)


def test_they_take_float32_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_kernels, "TRITON", True)
    assert gpu_kernels.can_take(on_gpu(torch.float32), on_gpu(torch.float32))
    assert not gpu_kernels.can_take(on_gpu(torch.float32), on_gpu(torch.float64))
    assert not gpu_kernels.can_take(on_gpu(torch.float32), torch.ones(1))


def test_without_triton_a_gpu_goes_on_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_kernels, "TRITON", False)
    with pytest.warns(UserWarning, match="no Triton"):
        assert not gpu_kernels.can_take(on_gpu(torch.float32))
    assert not gpu_kernels.can_take(torch.ones(1))
