"""A checkout of one small table, and the commands a user types in it."""

import sys
from pathlib import Path

import pytest
import torch

from textgan_bench.cli.main import main

RUN = Path("runs/noise/boring/quick-seed0")
RECORD = Path("leaderboard/records/noise/boring-quick-seed0-r1.json")

RECIPES = {
    "trainer.yaml": """
        trainer:
          accelerator: cpu
          devices: 1
          num_sanity_val_steps: 0
          enable_model_summary: false
          logger:
            - class_path: pytorch_lightning.loggers.CSVLogger
              init_args: {save_dir: ., name: csv}
    """,
    "smoke.yaml": """
        trainer: {max_epochs: 1, limit_train_batches: 1, limit_test_batches: 1}
        evaluate: {budget_label: one batch}
    """,
    "noise/data.yaml": "data: {class_path: tests.boring.BoringData}",
    "noise/boring.yaml": """
        model: {class_path: tests.boring.Boring}
        trainer: {max_epochs: 4}
        evaluate: {budget_label: four epochs}
    """,
    "noise/boring-quick.yaml": """
        trainer: {max_epochs: 2}
        evaluate: {budget_label: two epochs}
    """,
}


def write_recipe(name: str, text: str) -> None:
    path = Path("benchmarks") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = text.strip("\n").split("\n")
    margin = len(lines[0]) - len(lines[0].lstrip())
    path.write_text("\n".join(line[margin:] for line in lines), encoding="utf-8")


class Result:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err


class Command:
    """A command line carried out in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch = monkeypatch
        self.capsys = capsys

    def __call__(self, *arguments: object) -> Result:
        self.capsys.readouterr()
        self.monkeypatch.setattr(sys, "argv", ["textgan_bench", *map(str, arguments)])
        try:
            status = main()
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = self.capsys.readouterr()
        return Result(status, out, err)

    def refused(self, *arguments: object) -> str:
        """The one line a mistake of the user ends in."""
        result = self(*arguments)
        assert result.status == 2
        (line,) = result.err.splitlines()
        return line

    def bench(self, *arguments: object) -> Result:
        result = self("bench", "boring", "--data", "noise", *arguments)
        assert result.status == 0, result.err
        return result


def batches(checkpoint: Path = RUN / "checkpoints/last.ckpt") -> int:
    return int(torch.load(checkpoint, weights_only=True)["state_dict"]["batches"])
