from typing import Any

import pytest
import torch
from torch import Tensor

from textgan_bench.kernels.cuda_graphs import GraphedStep


class Told(GraphedStep):
    """Says what it would do on a GPU."""

    def __init__(self) -> None:
        super().__init__(lambda: ())
        self.did: list[tuple[str, int]] = []

    def _on_stream(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        self.did.append(("carried out", len(inputs[0])))
        return ()

    def _capture(self, inputs: tuple[Tensor, ...]) -> Any:
        self.did.append(("captured", len(inputs[0])))
        raise StopIteration


def test_the_first_call_of_a_shape_is_carried_out_before_it_is_captured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is compiled for a shape cannot be compiled within a capture."""
    monkeypatch.setattr(torch.cuda, "Stream", object)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", object)
    step = Told()
    for n in (4, 4, 8, 12):
        step(torch.ones(n))
    for n in (4, 8, 12):
        with pytest.raises(StopIteration):
            step(torch.ones(n))
    carried_out = [("carried out", n) for n in (4, 4, 8, 12)]
    assert step.did == [*carried_out, *(("captured", n) for n in (4, 8, 12))]
