"""Several seeds of one command: each comes to what it comes to alone, and none costs another."""

import os
import random
import re
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import wandb

from tests.boring import Boring, BoringData
from tests.checkout import Command, batches, write_recipe
from textgan_bench.tokens import TokenBatch
from textgan_bench.training.row import Row
from textgan_bench.training.run import Run

SEEDS = (0, 1, 2)
ROWS = [Row("boring", "noise", seed, "quick") for seed in SEEDS]
BENCH = ("bench", "boring", "--data", "noise", "--seed")

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


class Witness(Boring):
    """Draws from every generator there is, and notes who was at work."""

    order: list[int]

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        super().training_step(batch, batch_idx)
        with torch.no_grad():
            self.generator.add_(random.random() + np.random.normal())  # noqa: NPY002
        Witness.order.append(int(self.trainer.default_root_dir[-1]))


@pytest.fixture(autouse=True)
def witness(command: Command) -> None:
    Witness.order = []
    write_recipe(
        "noise/boring.yaml",
        """
        model: {class_path: tests.cli.test_several_seeds.Witness}
        trainer: {max_epochs: 4}
        evaluate: {budget_label: four epochs}
        """,
    )


def last(run: Run) -> Path:
    return run.checkpoint("last.ckpt")


def trained(rows: Iterable[Row] = ROWS) -> list[list[torch.Tensor]]:
    contents = [torch.load(last(row.run), weights_only=True) for row in rows]
    return [list(content["state_dict"].values()) for content in contents]


def test_each_is_what_it_is_alone(command: Command) -> None:
    for seed in SEEDS:
        command.bench("--seed", seed)
    alone = trained()
    samples = [row.run.samples.read_bytes() for row in ROWS]
    assert len(set(samples)) == len(SEEDS)
    for row in ROWS:
        row.run.clear()
    Witness.order = []
    result = command.bench("--seed", *SEEDS)
    assert Witness.order == [seed for seed in SEEDS for _ in range(12)]
    for one, other in zip(trained(), alone, strict=True):
        assert all(map(torch.equal, one, other))
    assert [row.run.samples.read_bytes() for row in ROWS] == samples

    # One table for all, and a line for each.
    records = [next(iter(row.records().values())) for row in ROWS]
    assert [record.seed for record in records] == list(SEEDS)
    assert result.out.count("unigram") == 1
    assert len(re.findall(r"^record .*seed\d-r1.json, samples ", result.out, re.MULTILINE)) == 3


def test_what_is_finished_is_left_out_unless_forced(command: Command) -> None:
    command.bench("--seed", 1)
    Witness.order = []
    command.bench("--seed", *SEEDS)
    assert Witness.order == [0] * 12 + [2] * 12
    command.bench("--seed", 0, 1, "--force")
    assert Witness.order[24:] == [0] * 12 + [1] * 12


def test_nothing_is_discarded_unless_all_runs_are_free(command: Command) -> None:
    command.bench("--seed", *SEEDS)
    with ROWS[2].run.locked():
        assert "another process" in command.refused(*BENCH, *SEEDS, "--force")
    assert [batches(last(row.run)) for row in ROWS] == [12] * 3
    assert len(Witness.order) == 36


def stopping(number: signal.Signals, batch: int, *, failing: bool = False) -> Any:
    """A training step during which a signal arrives, and which may fail then."""
    step = Witness.training_step

    def training_step(self: Witness, given: TokenBatch, batch_idx: int) -> None:
        step(self, given, batch_idx)
        if len(Witness.order) == batch:
            os.kill(os.getpid(), number)
            if failing:
                raise RuntimeError("out of luck")

    return training_step


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("failing", [False, True])
@pytest.mark.usefixtures("default_signals")
def test_a_signal_ends_all_of_them(
    command: Command, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, failing: bool
) -> None:
    handler = signal.getsignal(number)
    with monkeypatch.context() as context:
        context.setattr(Witness, "training_step", stopping(number, 14, failing=failing))
        assert command(*BENCH, *SEEDS).status == 128 + number
    signal.signal(number, handler)  # Lightning leaves SIGINT ignored where the process ends
    assert Witness.order == [0] * 12 + [1] * 2, "the third does not begin"
    command.bench("--seed", *SEEDS)
    assert [batches(last(row.run)) for row in ROWS] == [12] * 3


def test_what_was_forced_and_stopped_is_trained_by_the_command_without_force(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.bench("--seed", *SEEDS)
    Witness.order = []
    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as context:
        context.setattr(Witness, "training_step", stopping(signal.SIGINT, 3))
        command(*BENCH, *SEEDS, "--force")
    signal.signal(signal.SIGINT, handler)
    assert "is finished" not in command.bench("--seed", *SEEDS).out
    assert Witness.order == [0] * 12 + [1] * 12 + [2] * 12


def test_those_that_fail_in_training_stop_no_other(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Witness.training_step

    def training_step(self: Witness, batch: TokenBatch, batch_idx: int) -> None:
        if (self.trainer.default_root_dir[-1], int(self.batches)) in (("0", 4), ("1", 2)):
            torch.ones(2) @ torch.ones(3)  # what a user cannot be told in a line
        step(self, batch, batch_idx)

    monkeypatch.setattr(Witness, "training_step", training_step)
    result = command(*BENCH, *SEEDS)
    assert result.status == 1
    assert result.err.count("torch.ones(2) @ torch.ones(3)") == 2, "where it happened"
    folders = [str(row.run.folder) for row in ROWS]
    reported = re.findall(r"^(\S+) failed: RuntimeError", result.err, re.MULTILINE)
    assert reported == folders[:2]
    (*_, last_line) = result.err.splitlines()
    assert f"{folders[0]}, {folders[1]} failed, see above; SEED='0 1'" in last_line
    assert [last(row.run).exists() for row in ROWS] == [False, False, True]
    assert [len(row.records()) for row in ROWS] == [0, 0, 1]
    assert f"samples {ROWS[2].run.samples}" in result.out


def test_a_folder_of_another_run_is_told_in_a_line(command: Command) -> None:
    command.bench("--seed", 1)
    write_recipe("noise/boring-quick.yaml", "trainer: {max_epochs: 3}")
    result = command(*BENCH, *SEEDS)
    assert result.status == 1
    assert f"{ROWS[1].run.folder} failed: {ROWS[1].run.folder}" in result.err
    assert "Traceback" not in result.err
    assert [len(row.records()) for row in ROWS] == [1, 1, 1]


def test_one_that_cannot_be_tested_stops_no_other(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = Witness.sample

    def sampled(self: Witness, n: int, *, temperature: float = 1.0) -> TokenBatch:
        if self.trainer.testing and self.trainer.default_root_dir.endswith("1"):
            raise RuntimeError("no sentence comes")
        return sample(self, n, temperature=temperature)

    monkeypatch.setattr(Witness, "sample", sampled)
    result = command(*BENCH, *SEEDS)
    assert result.status == 1
    assert f"{ROWS[1].run.folder} failed: RuntimeError: no sentence comes" in result.err
    assert f"{ROWS[1].run.folder} failed, see above" in result.err.splitlines()[-1]
    assert [len(row.records()) for row in ROWS] == [1, 0, 1]
    assert f"samples {ROWS[2].run.samples}" in result.out
    monkeypatch.setattr(Witness, "sample", sample)
    command.bench("--seed", *SEEDS)
    assert len(Witness.order) == 36, "none is trained again"


@pytest.fixture
def offline_wandb(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb.teardown()  # it keeps the mode that another test of this process began with
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    write_recipe(
        "noise/boring-quick.yaml",
        """
        trainer:
          max_epochs: 2
          log_every_n_steps: 1
          logger:
            - class_path: pytorch_lightning.loggers.WandbLogger
              init_args: {project: textgan_bench}
        """,
    )


@pytest.mark.usefixtures("offline_wandb")
def test_a_seed_that_cannot_be_tested_leaves_wandb_to_the_next(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested = Run.tested_checkpoint

    def tested_checkpoint(self: Run) -> str:
        if self.folder.name.endswith("0"):
            raise RuntimeError("none is the best")
        return tested(self)

    monkeypatch.setattr(Run, "tested_checkpoint", tested_checkpoint)
    result = command(*BENCH, 0, 1)
    assert f"{ROWS[0].run.folder} failed: RuntimeError: none is the best" in result.err
    assert "SEED='0' (--seed 0) is those alone" in result.err
    for row in ROWS[:2]:
        (folder,) = row.run.folder.glob("wandb/offline-*")
        assert folder.name.endswith(row.run.wandb_id())


@pytest.mark.usefixtures("offline_wandb")
def test_what_fails_before_it_logs_begins_no_run_in_wandb(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare_data(self: BoringData) -> None:
        raise RuntimeError("no data here")

    monkeypatch.setattr(BoringData, "prepare_data", prepare_data)
    result = command(*BENCH, 0, 1)
    assert result.err.count(" failed: RuntimeError: no data here") == 2
    assert not list(Path("runs").rglob("offline-*"))


def test_several_seeds_share_one_device(command: Command) -> None:
    refused = command.refused(*BENCH, 0, 1, "--devices", 2)
    assert "several seeds share one device" in refused
    assert not Path("runs").exists()
