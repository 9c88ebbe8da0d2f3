"""A training step as one CUDA graph: thousands of kernels for the price of one launch.

A captured step must not read a value back from the device, take a shape from data (``nonzero``,
boolean masks) or draw from a generator of its own. It may use PyTorch's default generator: each
replay goes on where the last one ended.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from textgan_bench.kernels.radam import RAdam


class CaptureError(RuntimeError):
    """A step cannot be captured."""


@dataclass(frozen=True)
class _Captured:
    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


class GraphedStep:
    """Calls ``step``, captured once for each shape of its inputs.

    The first ``WARM_UP`` calls, and the first of each shape, run as they are, on a stream of their
    own as captures do. They create the states of the optimizers, the libraries' own memory, and
    kernels that are compiled for a shape. Every call is exactly one step, since a capture itself
    computes nothing.

    The graphs share their memory. That is safe because nothing in it outlives a replay: parameters
    and states were allocated before, each step makes gradients anew, outputs are copied.

    Args:
        step: function from tensors on one device to tensors, its losses.
    """

    WARM_UP = 3

    def __init__(self, step: Callable[..., tuple[Tensor, ...]]) -> None:
        self._step = step
        self._calls = 0
        self._seen: set[tuple[torch.Size, ...]] = set()
        self._captured: dict[tuple[torch.Size, ...], _Captured] = {}
        self._stream = torch.cuda.Stream()
        self._memory = torch.cuda.graph_pool_handle()

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The losses of one step, in memory of their own.

        Raises:
            CaptureError: the step cannot be captured; nothing has been computed.
        """
        self._calls += 1
        shapes = tuple(x.shape for x in inputs)
        if self._calls <= self.WARM_UP or shapes not in self._seen:
            self._seen.add(shapes)
            return self._on_stream(inputs)
        if shapes not in self._captured:
            self._captured[shapes] = self._capture(inputs)
        captured = self._captured[shapes]
        for static, x in zip(captured.inputs, inputs, strict=True):
            static.copy_(x)
        captured.graph.replay()
        return tuple(x.clone() for x in captured.outputs)

    def _on_stream(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            outputs = self._step(*inputs)
        current.wait_stream(self._stream)
        return tuple(x.detach() for x in outputs)

    def _capture(self, inputs: tuple[Tensor, ...]) -> _Captured:
        static = tuple(x.clone() for x in inputs)
        graph = torch.cuda.CUDAGraph()
        noise = torch.cuda.default_generators[torch.cuda.current_device()]
        before = noise.clone_state()
        try:
            # The outer context brings back the stream: a capture that fails does not.
            with (
                torch.cuda.stream(torch.cuda.current_stream()),
                torch.cuda.graph(graph, pool=self._memory, stream=self._stream),
            ):
                outputs = self._step(*static)
        except RuntimeError as error:
            noise.graphsafe_set_state(before)  # else it draws nothing outside of a capture
            # Ending a failed capture raises anew, over what made it fail.
            cause = error.__context__ or error
            reason = str(cause).partition("\n")[0] or type(cause).__name__
            raise CaptureError(reason) from error
        return _Captured(graph, static, tuple(x.detach() for x in outputs))


class CountedRAdam(RAdam):
    """RAdam whose updates may be part of a larger step.

    Lightning counts calls of ``step``, runs its hooks around them and saves the optimizer's state.
    With ``within_graph`` a call leaves the parameters alone; the captured step moves them by
    ``update``.
    """

    within_graph = False

    def update(self) -> None:
        """Move the parameters, as ``step`` does without a graph."""
        super().step()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        if self.within_graph:
            return closure() if closure is not None else None
        return super().step(closure)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state from any device to the device of the parameters."""
        super().load_state_dict(state_dict)
        self.place(self.within_graph)

    def place(self, within_graph: bool) -> None:
        """Keep the step count on the device, and for a graph the learning rate, too."""
        self.within_graph = within_graph
        for group in self.param_groups:
            device = group["params"][0].device
            group["step"] = group["step"].to(device)
            rate = torch.tensor(float(group["lr"]), dtype=torch.float64)
            group["lr"] = rate.to(device) if within_graph else rate.item()


def descend_in_graph(loss: Tensor, optimizer: CountedRAdam) -> None:
    """One step of ``optimizer`` on ``loss`` as part of a captured step."""
    loss.backward()
    optimizer.update()
    optimizer.zero_grad()
