"""Sums over processes that give a batch shared between them the gradient of the whole batch.

Processes average their gradients (PyTorch's distributed data parallel). A loss that is a mean over
equally many sentences of each process needs no more. These functions serve all other losses: means
over words, sums of likelihoods, maxima, moments. In a single process each returns its argument.

Shapes: W processes, B sentences of each.
"""

from typing import Any

import torch
from torch import Tensor, distributed


def process_count() -> int:
    """W, the number of processes that train together; 1 outside of distributed training."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return 1
    return distributed.get_world_size()


class _Mean(torch.autograd.Function):
    """The mean over processes. Its gradient is a mean again, so that it has every derivative."""

    @staticmethod
    def forward(ctx: object, value: Tensor) -> Tensor:
        total = value.detach().clone()
        distributed.all_reduce(total)
        return total / process_count()

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        mean: Tensor = _Mean.apply(gradient)
        return mean


def process_mean(value: Tensor) -> Tensor:
    """The mean of ``value`` over the processes, differentiable any number of times.

    Of a batch of N words a process has n. The mean over processes of ``sum / process_mean(n)`` is
    the sum over all words divided by N.
    """
    if process_count() == 1:
        return value
    mean: Tensor = _Mean.apply(value)
    return mean


def process_share(rows: int, device: torch.device) -> Tensor:
    """How many rows this process has, over the mean of all processes; 1 in a single process.

    The mean over processes of a mean over ``rows`` times this share is the mean over all rows,
    however unequally the processes share them.
    """
    if process_count() == 1:
        return torch.ones((), device=device)
    count = torch.tensor(float(rows), device=device)
    return count / process_mean(count)


class _Gather(torch.autograd.Function):
    """The rows of all processes. A row's gradient is the sum of what every process has for it."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        parts = [torch.empty_like(value) for _ in range(process_count())]
        distributed.all_gather(parts, value.detach().contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        mean = process_mean(gradient)
        own = mean.chunk(process_count())[distributed.get_rank()]
        return process_count() * own


def process_rows(value: Tensor) -> Tensor:
    """(W B, …) rows of all processes from the B of each, in the order of the processes.

    The mean over processes of a loss of all rows has the gradient of that loss.
    """
    if process_count() == 1:
        return value
    rows: Tensor = _Gather.apply(value)
    return rows


def process_sum(value: Tensor) -> Tensor:
    """The sum of ``value`` over the processes, differentiable any number of times."""
    return process_mean(value) * process_count()


def process_logmeanexp(value: Tensor) -> Tensor:
    """log of the mean of exp(``value``) over the processes, differentiable."""
    if process_count() == 1:
        return value
    largest = value.detach().clone()
    distributed.all_reduce(largest, distributed.ReduceOp.MAX)
    return process_mean((value - largest).exp()).log() + largest


def holder_weight(value: Tensor) -> Tensor:
    """W in the process whose scalar ``value`` is largest, the first on a tie, and 0 in others.

    The mean over processes of a value times this weight is the value of that process.
    """
    if process_count() == 1:
        return torch.ones_like(value)
    values = [torch.empty_like(value) for _ in range(process_count())]
    distributed.all_gather(values, value.detach())
    holder = torch.stack(values).argmax() == distributed.get_rank()
    return holder * torch.full_like(value, process_count())
