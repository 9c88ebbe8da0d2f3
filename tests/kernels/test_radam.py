import copy
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from textgan_bench.kernels.radam import RAdam
from textgan_bench.kernels.shapes import fixed_shapes

STEPS = 60
BETAS = (0.5, 0.9)


def parameters() -> list[nn.Parameter]:
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(shape, dtype=torch.float64)) for shape in ((3, 4), (5,), ())]


def descend(optimizer: torch.optim.Optimizer, values: list[nn.Parameter], steps: range) -> None:
    for step in steps:
        noise = torch.Generator().manual_seed(step)
        for value in values:
            value.grad = value.detach() * torch.randn(
                value.shape, generator=noise, dtype=torch.float64
            )
        optimizer.step()


modes = pytest.mark.parametrize("mode", [nullcontext, fixed_shapes])
"""Fused, and as a GPU and a graph take it."""

Mode = Callable[[], AbstractContextManager[None]]


@modes
@pytest.mark.parametrize("options", [{"eps": 1e-5}, {"eps": 1e-8, "weight_decay": 0.05}])
def test_steps_are_those_of_torchs(options: dict[str, Any], mode: Mode) -> None:
    """With those that are not rectified, the first five, and a zero among the moments."""
    ours, theirs = parameters(), parameters()
    for values in (ours, theirs):
        values[0].data[0] = 0.0
    one = RAdam(ours, lr=5e-2, betas=BETAS, **options)
    other = torch.optim.RAdam(theirs, lr=5e-2, betas=BETAS, decoupled_weight_decay=True, **options)
    for step in range(STEPS):
        with mode():
            descend(one, ours, range(step, step + 1))
        descend(other, theirs, range(step, step + 1))
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_gradients_of_other_strides_are_taken() -> None:
    ours, theirs = parameters(), parameters()
    one, other = RAdam(ours, lr=1e-2, betas=BETAS), RAdam(theirs, lr=1e-2, betas=BETAS)
    for step in range(9):
        descend(other, theirs, range(step, step + 1))
        for value, same in zip(ours, theirs, strict=True):
            assert same.grad is not None
            value.grad = same.grad.T.contiguous().T if same.dim() == 2 else same.grad.clone()
        one.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)


def test_a_learning_rate_on_the_device_can_change_and_be_zero() -> None:
    ours, theirs = parameters(), parameters()
    rate = torch.tensor(1e-2, dtype=torch.float64)
    one, other = RAdam(ours, lr=1e-2, betas=BETAS), RAdam(theirs, lr=1e-2, betas=BETAS)
    one.param_groups[0]["lr"] = rate
    for step in range(9):
        rate.fill_(1e-2 * (step % 3))
        other.param_groups[0]["lr"] = 1e-2 * (step % 3)
        descend(one, ours, range(step, step + 1))
        descend(other, theirs, range(step, step + 1))
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)


def test_the_learning_rate_warms_up_in_a_straight_line() -> None:
    ours, theirs = parameters(), parameters()
    one = RAdam(ours, lr=1e-2, betas=BETAS, warm_up=4)
    other = RAdam(theirs, lr=1e-2, betas=BETAS)
    for step, share in enumerate([0.25, 0.5, 0.75, 1.0, 1.0, 1.0]):
        other.param_groups[0]["lr"] = 1e-2 * share
        descend(one, ours, range(step, step + 1))
        descend(other, theirs, range(step, step + 1))
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)


def test_a_saved_state_goes_on() -> None:
    straight, resumed = parameters(), parameters()
    descend(RAdam(straight, lr=1e-2, betas=BETAS), straight, range(12))
    optimizer = RAdam(resumed, lr=1e-2, betas=BETAS)
    descend(optimizer, resumed, range(7))
    saved = copy.deepcopy(optimizer.state_dict())
    optimizer = RAdam(resumed, lr=0.5)
    optimizer.load_state_dict(saved)
    descend(optimizer, resumed, range(7, 12))
    torch.testing.assert_close(resumed, straight, rtol=0, atol=0)


def test_the_closure_is_called_with_gradients() -> None:
    (value, *_) = parameters()
    optimizer = RAdam([value], lr=1e-2)

    def closure() -> Tensor:
        loss = value.square().sum()
        loss.backward()
        return loss

    before = value.detach().square().sum()
    assert optimizer.step(closure) == before
    assert value.square().sum() < before


@pytest.mark.parametrize("lr", [-1.0, float("nan")])
def test_a_learning_rate_that_is_none_is_refused(lr: float) -> None:
    with pytest.raises(ValueError, match=f"Invalid learning rate: {lr}"):
        RAdam(parameters(), lr)
