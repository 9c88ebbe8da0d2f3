"""Generators whose training step a CUDA graph can hold: thousands of kernels for one launch."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, cast

import torch.nn.functional as F
from pytorch_lightning import Trainer
from pytorch_lightning.accelerators import CUDAAccelerator
from pytorch_lightning.core.optimizer import LightningOptimizer
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor

from textgan_bench.functional.cuda_graphs import (
    CaptureError,
    CountedRAdam,
    GraphedStep,
    descend_in_graph,
)
from textgan_bench.functional.shapes import fixed_shapes, shapes_are_fixed
from textgan_bench.interfaces import TextGenerator
from textgan_bench.networks.packing import BUCKET
from textgan_bench.tokens import PAD, TokenBatch


class GraphedGenerator(TextGenerator):
    """Carries out ``step``, on a GPU of its own as one graph for each length of a batch.

    Lightning goes on counting steps, running hooks and saving states: the optimizers, which are
    ``CountedRAdam``, are told of every step that a graph has taken.
    """

    capturable = True
    """Whether ``step`` reads nothing back from the device, as a graph needs."""
    _graphed: GraphedStep | None = None

    @abstractmethod
    def step(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """The losses of one training step on ids (B, T), which may be wider than ``lengths``."""

    def players(self) -> tuple[Callable[[Tensor, Any], None], list[Any]]:
        """The ``descend`` function to use in ``step``, and the optimizers that it takes."""
        if shapes_are_fixed():
            return descend_in_graph, cast("list[Any]", self.optimizers(use_pl_optimizer=False))
        return self.descend, cast("list[Any]", self.optimizers())

    def obstacle(self, trainer: Trainer) -> str:
        """What keeps ``trainer`` from taking steps as graphs; empty where nothing does."""
        if not isinstance(trainer.accelerator, CUDAAccelerator):
            return "no GPU"
        if trainer.world_size > 1 or trainer.precision != "32-true":
            return "several devices, or another precision than 32-true"
        return "" if self.capturable else "one cannot hold the step of this discriminator"

    def on_train_start(self) -> None:
        obstacle = self.obstacle(self.trainer)
        if obstacle and self.device.type == "cuda":
            rank_zero_warn(f"no CUDA graph: {obstacle}")
        self.use_graphs(not obstacle)

    def on_train_end(self) -> None:
        """Let go of the graphs: they hold addresses of parameters that Lightning moves now."""
        self.use_graphs(False)

    def on_before_batch_transfer(self, batch: TokenBatch, dataloader_idx: int) -> TokenBatch:
        """Cut a batch to its longest sentence here, where to ask for it waits for no device."""
        if not self.trainer.training:
            return batch
        return TokenBatch(batch.ids[:, : int(batch.lengths.max())], batch.lengths)

    def carry_out(self, batch: TokenBatch) -> tuple[Tensor, ...]:
        """The losses of one step on ``batch``, which is as wide as its longest sentence."""
        longest = batch.ids.shape[1]
        if self._graphed is None:
            return self.step(*batch)
        padded = min(-(-longest // BUCKET) * BUCKET, self.max_length)
        ids = F.pad(batch.ids, (0, padded - longest), value=PAD)
        try:
            losses = self._graphed(ids, batch.lengths)
        except CaptureError as error:
            rank_zero_warn(f"no CUDA graph, so each step is several times slower: {error}")
            self.use_graphs(False)
            return self.step(*batch)
        for optimizer in cast("list[LightningOptimizer]", self.optimizers()):
            optimizer.step()  # is counted; the graph has moved the parameters
        return losses

    def _step_of_fixed_shapes(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        with fixed_shapes():
            return self.step(ids, lengths)

    def use_graphs(self, use: bool) -> None:
        """Take the next steps as graphs, or no longer; the optimizers follow."""
        self._graphed = GraphedStep(self._step_of_fixed_shapes) if use else None
        for optimizer in cast("list[CountedRAdam]", self.optimizers(use_pl_optimizer=False)):
            optimizer.place(within_graph=use)
