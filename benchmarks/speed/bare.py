"""A method's training steps without a trainer."""

from torch import Tensor

from textgan_bench.interfaces import Method
from textgan_bench.tokens import Batch


class Bare:
    """Called, it trains ``method`` on ``batch``, which logs nothing."""

    def __init__(self, method: Method, batch: Batch) -> None:
        self.method = method
        self.batch = batch
        self.steps = 0
        optimizers = method.configure_optimizers()
        for name, function in {
            "optimizers": lambda use_pl_optimizer=True: optimizers,
            "manual_backward": Tensor.backward,
            "log_losses": lambda losses: None,
        }.items():
            setattr(method, name, function)

    def __call__(self) -> None:
        self.method.training_step(self.batch, self.steps)
        self.steps += 1
