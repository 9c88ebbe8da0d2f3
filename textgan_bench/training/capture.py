"""Training steps taken as CUDA graphs: thousands of kernels for the price of one launch."""

from collections.abc import Callable
from typing import Any, Protocol, cast

import torch.nn.functional as F
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.accelerators import CUDAAccelerator
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor

from textgan_bench.interfaces import Method
from textgan_bench.kernels.cuda_graphs import (
    CaptureError,
    CountedRAdam,
    GraphedStep,
    descend_in_graph,
)
from textgan_bench.kernels.shapes import fixed_shapes
from textgan_bench.networks.packing import BUCKET
from textgan_bench.tokens import PAD


class Capturable(Protocol):
    """A ``Method`` whose steps a CUDA graph can hold, as its ``capturable`` says."""

    max_length: int

    def step(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """The losses of one training step on ids (B, T), which may be wider than ``lengths`` (B,).

        In ``fixed_shapes`` it reads nothing back from the device. It moves parameters by
        ``descend``, without clipping.
        """
        ...

    @property
    def optimizers(self) -> Callable[..., Any]:
        """Lightning's method, which returns several ``CountedRAdam``."""
        ...


class CapturedSteps:
    """Stands in the place of a method's ``step``, with one CUDA graph for each length of a batch.

    Lightning goes on counting steps, running hooks and saving states: the optimizers are told of
    every step that a graph has taken.

    Args:
        method: its ``step`` and ``descend`` are replaced until ``release``.
    """

    def __init__(self, method: Capturable) -> None:
        self._method = method
        self._step = method.step
        self._graphed = GraphedStep(self._step_of_fixed_shapes)
        self._place(within_graph=True)
        vars(method).update(step=self, descend=_descend)

    def __call__(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """The losses of one step on ids (B, T), as wide as the longest sentence."""
        longest = ids.shape[1]
        padded = min(-(-longest // BUCKET) * BUCKET, self._method.max_length)
        try:
            losses = self._graphed(F.pad(ids, (0, padded - longest), value=PAD), lengths)
        except CaptureError as error:
            rank_zero_warn(f"no CUDA graph, so each step is several times slower: {error}")
            self.release()
            return self._step(ids, lengths)
        for optimizer in self._method.optimizers():
            optimizer.step()  # is counted; the graph has moved the parameters
        return losses

    def release(self) -> None:
        """Give the method back its own step; without effect the second time."""
        if vars(self._method).pop("step", None) is not None:
            del vars(self._method)["descend"]
            self._place(within_graph=False)

    def _step_of_fixed_shapes(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        with fixed_shapes():
            return self._step(ids, lengths)

    def _place(self, within_graph: bool) -> None:
        optimizers: list[CountedRAdam] = self._method.optimizers(use_pl_optimizer=False)
        for optimizer in optimizers:
            optimizer.place(within_graph)


def _descend(loss: Tensor, optimizer: Any) -> None:
    """``Method.descend`` as part of a captured step: Lightning's optimizer counts it afterwards."""
    descend_in_graph(loss, getattr(optimizer, "optimizer", optimizer))


class CaptureSteps(Callback):
    """Takes the steps of a ``capturable`` method as CUDA graphs, where nothing hinders it."""

    def __init__(self) -> None:
        self._captured: CapturedSteps | None = None

    def obstacle(self, trainer: Trainer) -> str:
        """What keeps ``trainer`` from taking steps as graphs; empty where nothing does."""
        if not isinstance(trainer.accelerator, CUDAAccelerator):
            return "no GPU"
        if trainer.world_size > 1 or trainer.precision != "32-true":
            return "several devices, or another precision than 32-true"
        return ""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not cast(Method, pl_module).capturable:
            return
        obstacle = self.obstacle(trainer)
        if not obstacle:
            self._captured = CapturedSteps(cast(Capturable, pl_module))
        elif pl_module.device.type == "cuda":
            rank_zero_warn(f"no CUDA graph: {obstacle}")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let go of the graphs: they hold addresses of parameters that Lightning moves now."""
        if self._captured is not None:
            self._captured.release()
            self._captured = None
