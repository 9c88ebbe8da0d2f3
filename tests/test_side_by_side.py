"""Several seeds in one process: each comes to what it comes to alone."""

import os
import random
import re
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import wandb
from pytorch_lightning.accelerators import CPUAccelerator

from tests.boring import Boring, BoringData
from tests.checkout import Command, batches, write_recipe
from textgan_bench import bench, leaderboard, side_by_side
from textgan_bench.bench import Row, fit_side_by_side
from textgan_bench.runs import Run
from textgan_bench.side_by_side import Turns
from textgan_bench.tokens import TokenBatch

SEEDS = (0, 1, 2)
ROWS = [Row("boring", "noise", seed, "quick") for seed in SEEDS]

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
def witness(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    Witness.order = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)  # the recipe is of a processor
    write_recipe(
        "noise/boring.yaml",
        """
        model: {class_path: tests.test_side_by_side.Witness}
        trainer: {max_epochs: 4}
        """,
    )


def last(run: Run) -> Path:
    return run.checkpoint("last.ckpt")


def trained(rows: Iterable[Row] = ROWS) -> list[dict[str, Any]]:
    """All that a run goes on from, but for the time it took."""
    contents = [torch.load(last(row.run), weights_only=True) for row in rows]
    return [
        {
            "weights": content["state_dict"],
            "noise": content["callbacks"]["PeriodicCheckpoint"]["random_state"],
            "loops": content["loops"],
            "updates": content["callbacks"]["Evaluate"]["generator_updates"],
        }
        for content in contents
    ]


def assert_same(one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list):
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    else:
        assert one == other


def settings() -> dict[Row, list[str]]:
    return {row: row.settings for row in ROWS}


def test_side_by_side_is_what_each_is_alone(command: Command) -> None:
    command.bench("--seed", *SEEDS)
    assert Witness.order == [seed for seed in SEEDS for _ in range(12)], "a processor: in turn"
    alone = trained()
    assert not any("beside" in record.hardware for record in leaderboard.load_records())
    samples = [row.run.samples.read_bytes() for row in ROWS]
    assert len(set(samples)) == len(SEEDS)
    for row in ROWS:
        row.run.clear()
    Witness.order = []
    assert fit_side_by_side(settings(), force=False) == []
    assert Witness.order == list(SEEDS) * 12
    assert_same(trained(), alone)
    result = command.bench("--seed", *SEEDS)
    assert [row.run.samples.read_bytes() for row in ROWS] == samples

    # One table for all, a line for each, and records that say the device was shared.
    records = [next(iter(row.records().values())) for row in ROWS]
    assert [record.seed for record in records] == list(SEEDS)
    assert all(record.hardware.endswith("beside up to 2 other runs") for record in records)
    assert result.out.count("unigram") == 1
    assert len(re.findall(r"^record .*seed\d-r1.json, samples ", result.out, re.MULTILINE)) == 3


def test_what_is_finished_is_left_out(command: Command) -> None:
    command.bench("--seed", 1)
    Witness.order = []
    fit_side_by_side(settings(), force=False)
    assert Witness.order == [0, 2] * 12
    Witness.order = []
    fit_side_by_side(settings(), force=True)
    assert Witness.order == list(SEEDS) * 12


def test_nothing_is_discarded_unless_all_runs_are_free(command: Command) -> None:
    command.bench("--seed", 0)
    with Run(ROWS[2].run.folder).locked(), pytest.raises(ValueError, match="another process"):
        fit_side_by_side(settings(), force=True)
    assert batches(last(ROWS[0].run)) == 12


@pytest.fixture
def gains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "gains_side_by_side", lambda settings: True)


@pytest.mark.usefixtures("gains")
def test_bench_trains_them_side_by_side_where_they_gain_by_it(command: Command) -> None:
    command.bench("--seed", *SEEDS)
    assert Witness.order == list(SEEDS) * 12
    command.bench("--seed", 0, 1, "--force")
    assert Witness.order[36:] == [0, 1] * 12, "once, though they are repeated"
    again = command.bench("--seed", *SEEDS)
    assert len(Witness.order) == 60
    assert again.out.count("is finished; FORCE=1") == 3


def test_they_gain_by_it_where_steps_are_graphs(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_recipe(
        "noise/nagan.yaml",
        """
        model: {class_path: textgan_bench.methods.NAGAN, init_args: {width: 8, blocks: 1}}
        """,
    )
    boring, nagan = ROWS[0].settings, Row("nagan", "noise", 0, "paper").settings
    assert not bench.gains_side_by_side(nagan), "there is no GPU"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert not bench.gains_side_by_side(nagan), "the recipe is of a processor"
    monkeypatch.setattr("textgan_bench.graphed.CUDAAccelerator", CPUAccelerator)
    assert bench.gains_side_by_side(nagan)
    assert not bench.gains_side_by_side([*nagan, "--model.init_args.discriminator=rnn"])
    assert not bench.gains_side_by_side([*nagan, "--trainer.precision=bf16-mixed"])
    assert not bench.gains_side_by_side(boring)


@pytest.mark.usefixtures("gains")
def test_those_that_fail_stop_no_other(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Witness.training_step
    freed: list[weakref.ref[Witness]] = []

    def training_step(self: Witness, batch: TokenBatch, batch_idx: int) -> None:
        seed = self.trainer.default_root_dir[-1]
        if (seed, int(self.batches)) in (("0", 4), ("1", 2)):
            freed.append(weakref.ref(self))
            torch.ones(2) @ torch.ones(3)  # what a user cannot be told in a line
        if seed == "2" and int(self.batches) == 6:
            assert [model() for model in freed] == [None, None], "memory is for those that go on"
        step(self, batch, batch_idx)

    monkeypatch.setattr(Witness, "training_step", training_step)
    result = command("bench", "boring", "--data", "noise", "--seed", *SEEDS)
    assert result.status == 1
    assert result.err.count("torch.ones(2) @ torch.ones(3)") == 2, "where it happened"
    folders = [str(row.run.folder) for row in ROWS]
    reported = re.findall(r"^(\S+) failed: RuntimeError", result.err, re.MULTILINE)
    assert reported == [folders[1], folders[0]], "in the order in which they failed"
    (*_, last_line) = result.err.splitlines()
    assert f"{folders[0]}, {folders[1]} failed, see above" in last_line
    assert [last(row.run).exists() for row in ROWS] == [False, False, True]
    assert [len(row.records()) for row in ROWS] == [0, 0, 1]
    assert f"samples {ROWS[2].run.samples}" in result.out


@pytest.mark.usefixtures("gains")
def test_a_folder_of_another_run_is_told_in_a_line(command: Command) -> None:
    command.bench("--seed", 1)
    write_recipe("noise/boring-quick.yaml", "trainer: {max_epochs: 3}")
    result = command("bench", "boring", "--data", "noise", "--seed", *SEEDS)
    assert result.status == 1
    assert f"{ROWS[1].run.folder} failed: {ROWS[1].run.folder}" in result.err
    assert "Traceback" not in result.err
    assert [len(row.records()) for row in ROWS] == [1, 1, 1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_and_they_go_on_later(
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
) -> None:
    step = Witness.training_step

    def training_step(self: Witness, batch: TokenBatch, batch_idx: int) -> None:
        step(self, batch, batch_idx)
        if len(Witness.order) == 10:
            os.kill(os.getpid(), number)

    Witness.order = []
    handler = signal.getsignal(number)
    with monkeypatch.context() as context:
        context.setattr(Witness, "training_step", training_step)
        with pytest.raises(KeyboardInterrupt):
            fit_side_by_side(settings(), force=False)
    assert "stopping after this batch" in capsys.readouterr().err
    assert signal.getsignal(number) is handler
    assert 10 <= len(Witness.order) < 16
    assert sum(batches(last(row.run)) for row in ROWS) == len(Witness.order)
    fit_side_by_side(settings(), force=False)
    assert [batches(last(row.run)) for row in ROWS] == [12] * 3


@pytest.mark.parametrize("together", [False, True])
def test_one_that_cannot_be_tested_stops_no_other(
    command: Command, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    monkeypatch.setattr(bench, "gains_side_by_side", lambda settings: together)
    sample = Witness.sample

    def sampled(self: Witness, n: int, *, temperature: float = 1.0) -> TokenBatch:
        if self.trainer.testing and self.trainer.default_root_dir.endswith("1"):
            raise RuntimeError("no sentence comes")
        return sample(self, n, temperature=temperature)

    monkeypatch.setattr(Witness, "sample", sampled)
    result = command("bench", "boring", "--data", "noise", "--seed", *SEEDS)
    assert result.status == 1
    assert f"{ROWS[1].run.folder} failed: RuntimeError: no sentence comes" in result.err
    assert f"{ROWS[1].run.folder} failed, see above" in result.err.splitlines()[-1]
    assert [len(row.records()) for row in ROWS] == [1, 0, 1]
    assert f"samples {ROWS[2].run.samples}" in result.out
    monkeypatch.setattr(Witness, "sample", sample)
    command.bench("--seed", *SEEDS)
    assert len(Witness.order) == 36, "none is trained again"


STUCK = """
import time
from textgan_bench import side_by_side

def training(turns):
    print("begun", flush=True)
    time.sleep(100)

side_by_side.train({"one": training, "other": training})
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_at_once(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(number)
    while "stopping after this batch" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == -number


@pytest.fixture
def offline_wandb(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_each_has_a_run_of_its_own_in_wandb(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, step = wandb.Run.finish, Witness.training_step
    ended: list[tuple[str, int | None]] = []

    def watched(self: wandb.Run, exit_code: int | None = None) -> None:
        ended.append((self.id, exit_code))
        finish(self, exit_code)

    def training_step(self: Witness, batch: TokenBatch, batch_idx: int) -> None:
        if (self.trainer.default_root_dir[-1], int(self.batches)) == ("1", 8):
            raise RuntimeError("out of luck")
        step(self, batch, batch_idx)

    monkeypatch.setattr(wandb.Run, "finish", watched)
    with monkeypatch.context() as context:
        context.setattr(Witness, "training_step", training_step)
        assert fit_side_by_side(settings(), force=False) == [ROWS[1]]
    identities = [row.run.wandb_id() for row in ROWS]
    assert len(set(identities)) == 3
    assert ended == [(identities[1], 1), (identities[0], 0), (identities[2], 0)]
    command.bench("--seed", *SEEDS)
    names = [{path.name[-8:] for path in row.run.folder.glob("wandb/offline-*")} for row in ROWS]
    assert names == [{identity} for identity in identities]


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
    result = command("bench", "boring", "--data", "noise", "--seed", 0, 1)
    assert f"{ROWS[0].run.folder} failed: RuntimeError: none is the best" in result.err
    assert "SEED='0' is those alone" in result.err
    for row in ROWS[:2]:
        (folder,) = row.run.folder.glob("wandb/offline-*")
        assert folder.name.endswith(row.run.wandb_id())


@pytest.mark.usefixtures("gains", "offline_wandb")
def test_what_fails_before_it_logs_begins_no_run_in_wandb(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare_data(self: BoringData) -> None:
        raise RuntimeError("no data here")

    monkeypatch.setattr(BoringData, "prepare_data", prepare_data)
    result = command("bench", "boring", "--data", "noise", "--seed", 0, 1)
    assert result.err.count(" failed: RuntimeError: no data here") == 2
    assert not list(Path("runs").rglob("offline-*"))


def test_several_seeds_share_one_device(command: Command) -> None:
    refused = command.refused("bench", "boring", "--data", "noise", "--seed", 0, 1, "--devices", 2)
    assert "several seeds share one device" in refused
    assert not Path("runs").exists()


def test_nobody_runs_out_of_turn() -> None:
    at_work = threading.Lock()
    order = []

    def training(member: int) -> Any:
        def train(turns: Turns) -> None:
            for _ in range(member + 1):
                assert at_work.acquire(blocking=False)
                order.append(member)
                at_work.release()
                turns.give_way()

        return train

    assert side_by_side.train({str(member): training(member) for member in range(3)}) == []
    assert order == [0, 1, 2, 1, 2, 2]
