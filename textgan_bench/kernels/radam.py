"""RAdam (Liu et al., 2020, "On the variance of the adaptive learning rate and beyond")."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from textgan_bench.kernels.shapes import shapes_are_fixed

ENDLESS = torch.tensor(1e12)
"""Steps after which Adam corrects no bias."""


class RAdam(Optimizer):
    """``torch.optim.RAdam`` with decoupled weight decay and one count of steps.

    PyTorch's RAdam for a CUDA graph counts the steps of each parameter on the device and launches
    seven kernels a parameter only to rectify: a third of all kernels of a step of NAGAN. Here all
    parameters share the count, the rectifier and the learning rate, so all of them must have a
    gradient from the first step on. Nothing is read back from the device.

    Args:
        params: parameters on one device and of one type.
        lr: learning rate; a graph needs it as a tensor on the device.
        betas, eps, weight_decay: constants with PyTorch's meaning.
        warm_up: number of steps in which the learning rate grows linearly to its value.

    Raises:
        ValueError: the learning rate is negative, or no number.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        warm_up: int = 0,
    ) -> None:
        if not lr >= 0:
            raise ValueError(f"Invalid learning rate: {lr}")  # as PyTorch's optimizers say
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults)
        self.warm_up = warm_up
        for group in self.param_groups:
            device = group["params"][0].device
            group["step"] = torch.zeros((), dtype=torch.float64, device=device)
            for parameter in group["params"]:
                moments = torch.zeros_like(parameter), torch.zeros_like(parameter)
                self.state[parameter] = dict(zip(("exp_avg", "exp_avg_sq"), moments, strict=True))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._update(group)
        return loss

    def _update(self, group: dict[str, Any]) -> None:
        parameters = list(group["params"])
        gradients = [parameter.grad for parameter in parameters]
        pairs = zip(gradients, parameters, strict=True)
        states = [self.state[parameter] for parameter in parameters]
        mean, square = ([state[name] for state in states] for name in ("exp_avg", "exp_avg_sq"))
        beta_1, beta_2 = group["betas"]
        t = group["step"].add_(1)
        rate = torch.as_tensor(group["lr"], dtype=t.dtype, device=t.device)
        if self.warm_up:
            rate = rate * (t / self.warm_up).clamp(max=1)
        longest = 2 / (1 - beta_2) - 1
        unseen = beta_2**t
        length = longest - 2 * t * unseen / (1 - unseen)  # of the approximated moving average
        rectified = (length > 5).to(t.dtype)
        size = rate / (1 - beta_1**t)
        length = length.clamp(min=5)  # shorter ones take the root of what may be negative
        variance = (length - 4) * (length - 2) / length * (longest / (longest - 4) / (longest - 2))
        adaptive = rectified * size * (variance * (1 - unseen)).sqrt()
        if adaptive.device.type == "cpu" and not shapes_are_fixed() and adaptive > 0:
            # One pass over all of a parameter. After endless steps Adam corrects no bias.
            torch._fused_adamw_(
                parameters,
                [_as(gradient, parameter) for gradient, parameter in pairs],
                mean,
                square,
                [],
                [ENDLESS] * len(parameters),
                lr=adaptive.item(),
                beta1=beta_1,
                beta2=beta_2,
                weight_decay=(rate * group["weight_decay"] / adaptive).item(),
                eps=group["eps"],
                amsgrad=False,
                maximize=False,
            )
            return

        kind = parameters[0].dtype  # the fast kernels for lists want one type
        if group["weight_decay"]:
            torch._foreach_mul_(parameters, (1 - rate * group["weight_decay"]).to(kind))
        torch._foreach_lerp_(mean, gradients, 1 - beta_1)
        torch._foreach_mul_(square, beta_2)
        torch._foreach_addcmul_(square, gradients, gradients, 1 - beta_2)

        adaptive, momentum = torch.stack([adaptive, size - rectified * size]).to(kind)
        # parameters -= (momentum + adaptive / (sqrt(square) + eps)) mean, one of the two being zero
        change = list(torch._foreach_sqrt(square))
        torch._foreach_add_(change, group["eps"])
        torch._foreach_reciprocal_(change)
        torch._foreach_mul_(change, adaptive)
        torch._foreach_add_(change, momentum, alpha=1)  # without alpha it reads a number back
        torch._foreach_addcmul_(parameters, mean, change, value=-1)


def _as(gradient: Tensor | None, parameter: Tensor) -> Tensor:
    """The gradient laid out as its parameter is: the fused kernel looks at no strides."""
    assert gradient is not None
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)
