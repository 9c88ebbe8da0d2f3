"""Batch normalisation over the batch of all processes.

Shapes: B rows of a batch, of which processes may have different numbers; H width.
"""

import torch
from torch import Tensor, nn

from textgan_bench.errors import UserError
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
        """(B, H) from (B, H).

        Raises:
            UserError: one row alone has no variance.
        """
        if not self.training or process_count() == 1:
            if self.training and len(inputs) < 2:
                raise UserError("batch normalisation needs two rows or more: take larger batches")
            return super().forward(inputs)
        rows = process_count() * process_mean(inputs.new_tensor(len(inputs)))
        mean = self._mean(inputs, rows)
        centred = inputs - mean
        variance = self._mean(centred.square(), rows)
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * rows / (rows - 1), self.momentum)
        return centred * (variance + self.eps).rsqrt() * self.weight + self.bias

    def _mean(self, inputs: Tensor, rows: Tensor) -> Tensor:
        """(H,) mean over the ``rows`` of all processes."""
        return process_mean(inputs.sum(0) * (process_count() / rows))
