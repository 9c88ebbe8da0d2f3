"""Batch normalisation over the batch of all processes. Shapes: B batch, H width."""

import torch
from torch import Tensor, nn

from textgan_bench.losses.processes import process_count, process_mean


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation by the statistics of the batches of all processes together.

    torch's ``SyncBatchNorm`` needs a GPU and has no second derivative; a gradient penalty needs
    one.
    """

    momentum: float
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, H) from (B, H)."""
        if not self.training or process_count() == 1:
            return super().forward(inputs)
        mean = process_mean(inputs.mean(0))  # (H,)
        centred = inputs - mean
        variance = process_mean(centred.square().mean(0))  # (H,)
        n = process_count() * len(inputs)
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * n / (n - 1), self.momentum)
        return centred * (variance + self.eps).rsqrt() * self.weight + self.bias
