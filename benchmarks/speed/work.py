"""Counted work and memory of a call: what no other program on the machine can change."""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.flop_counter import flop_registry


class Work(TorchDispatchMode):
    """Counts the floating-point operations of matrix products, and the bytes of tensors alive.

    ``FlopCounterMode`` refuses first derivatives at a leaf under it, which a gradient penalty
    needs. Bytes are those of tensors made since the start; what an operation holds within itself
    is not seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0
        self.peak = 0
        self._alive = 0
        self._seen: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if count := flop_registry.get(func.overloadpacket):
            self.flops += count(*args, **(kwargs or {}), out_val=out)
        inputs = {x.untyped_storage() for x in tree_iter((args, kwargs)) if isinstance(x, Tensor)}
        for x in tree_iter(out):
            if isinstance(x, Tensor) and x.untyped_storage() not in inputs:
                self._watch(x.untyped_storage())
        return out

    def _watch(self, storage: torch.UntypedStorage) -> None:
        if storage in self._seen:
            return
        self._seen.add(storage)
        size = storage.nbytes()
        self._alive += size
        self.peak = max(self.peak, self._alive)
        weakref.finalize(storage, self._forget, size).atexit = False

    def _forget(self, size: int) -> None:
        self._alive -= size


def work(call: Callable[[], object]) -> Work:
    """What ``call`` does; attention is computed by matrix products, which alone are counted."""
    counted = Work()
    with sdpa_kernel(SDPBackend.MATH), counted:
        call()
    return counted
