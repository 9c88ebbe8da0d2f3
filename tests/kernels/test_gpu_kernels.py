from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from textgan_bench.kernels import gpu_kernels


@pytest.fixture(autouse=True)
def ampere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine on which nothing is missing, and which is forgotten afterwards."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(gpu_kernels, "find_spec", lambda name: object())
    monkeypatch.setattr("shutil.which", lambda name: name)
    gpu_kernels._missing.cache_clear()
    yield
    gpu_kernels._missing.cache_clear()


def on_gpu(dtype: torch.dtype = torch.float32) -> Any:
    return SimpleNamespace(is_cuda=True, dtype=dtype, device=torch.device("cuda", 0))


def test_they_take_float32_on_a_gpu() -> None:
    assert gpu_kernels.can_take(on_gpu(), on_gpu())
    assert not gpu_kernels.can_take(on_gpu(), on_gpu(torch.float64))
    assert not gpu_kernels.can_take(on_gpu(), torch.ones(1))


@pytest.mark.parametrize(
    ("what", "change", "named"),
    [
        ("textgan_bench.kernels.gpu_kernels.find_spec", lambda name: None, "no Triton"),
        ("torch.cuda.get_device_capability", lambda device: (7, 5), "no kernels for this GPU"),
        ("torch.version.hip", "6.4", "no kernels for this GPU"),
        ("shutil.which", lambda name: None, "no C compiler"),
    ],
)
def test_a_gpu_goes_on_without_them_and_says_why(
    what: str, change: Any, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(what, change)
    with pytest.warns(UserWarning, match=named):
        assert not gpu_kernels.can_take(on_gpu())
    assert not gpu_kernels.can_take(torch.ones(1))
