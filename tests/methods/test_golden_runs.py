"""Every method and variant trains today as it did when its golden run was recorded.

A golden run is 20 seeded batches on a processor, in double precision, since in single precision the
draws of two processors soon differ; its losses stand in ``tests/golden/runs.json`` to six digits. A
change that is meant to leave a method as it is must leave its losses as they are. One that is meant
to change it records them again, and says so in its commit:

    python -m tests.methods.test_golden_runs [NAME ...]
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor

from tests.methods.small import SMALL
from tests.methods.test_contract import EXPORTED, MAX_LENGTH, VOCAB_SIZE, lesson
from tests.trainer import fit
from textgan_bench import methods
from textgan_bench.interfaces import Method
from textgan_bench.methods.nagan import Start

GOLDEN = Path(__file__).parent.parent / "golden" / "runs.json"
BATCHES = 20

START: Start = SMALL["NAGAN"]["start"]
AUTOREGRESSIVE = {"start": replace(START, frequency_rate=0.0)}
STARTS = {
    "start": replace(START, word_vectors=True, neighbours=True, warm_up=5),
    "embedding_dim": 4,
}

VARIANTS: dict[str, dict[str, Any]] = {
    "NAGAN.cnn": {"discriminator": "cnn"},
    "NAGAN.cnn_layer_norm": {"discriminator": "cnn_layer_norm"},
    "NAGAN.rnn": {"discriminator": "rnn"},
    "NAGAN.soft": {"generator": "autoregressive_soft", **AUTOREGRESSIVE},
    "NAGAN.gumbel": {"generator": "autoregressive_gumbel", **AUTOREGRESSIVE},
    "NAGAN.no_dropout": {"dropout": 0.0, "inference_dropout": 0.0},
    "NAGAN.no_penalty": {"gradient_penalty": 0.0},
    "NAGAN.paper": {"start": Start()},
    "NAGAN.starts": STARTS,
    "GumbelSoftmaxGAN.inputs": {"anneal_generator": False},
    "GumbelSoftmaxGAN.hidden": {"learnt_cell": True},
    "ImportanceSampledGAN.band": {"runs": 2},
    "ScratchGAN.unigram_start": {"unigram_start": True},
    "ARAETransfer.adam": {"autoencoder_optimizer": "adam", "autoencoder_lr": 2e-3},
}
"""What the recipes of a variant change."""

RUNS = [*(kind.__name__ for kind in EXPORTED), *VARIANTS]


def run(name: str) -> dict[str, list[str]]:
    """Each loss of each batch, to six digits."""
    kind: type[Method] = getattr(methods, name.partition(".")[0])
    losses: dict[str, list[str]] = {}

    def note(logged: dict[str, Tensor]) -> None:
        for loss, value in logged.items():
            losses.setdefault(loss, []).append(f"{float(value.detach()):.5e}")

    torch.manual_seed(0)
    settings = {**SMALL.get(kind.__name__, {}), **VARIANTS.get(name, {})}
    torch.set_default_dtype(torch.float64)
    try:
        method = kind(VOCAB_SIZE, MAX_LENGTH, **settings)
        torch.manual_seed(1)
        with patch.object(method, "log_losses", note):
            fit(method, [lesson(kind) for _ in range(BATCHES)])
    finally:
        torch.set_default_dtype(torch.float32)
    return losses


@pytest.mark.parametrize("name", RUNS)
def test_losses_are_those_of_the_golden_run(name: str) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))[name]
    losses = run(name)
    assert list(losses) == list(golden)
    for loss, values in losses.items():
        assert len(values) == len(golden[loss]) <= BATCHES  # fewer of steps that take turns
        # Another processor may round the last digit otherwise.
        expected = pytest.approx([float(value) for value in golden[loss]], rel=2e-5, abs=1e-6)
        assert [float(value) for value in values] == expected, loss


if __name__ == "__main__":
    old = json.loads(GOLDEN.read_text(encoding="utf-8"))
    named = sys.argv[1:] or RUNS
    new = {name: run(name) if name in named else old[name] for name in RUNS}
    GOLDEN.write_text(json.dumps(new, indent=1) + "\n", "utf-8")
