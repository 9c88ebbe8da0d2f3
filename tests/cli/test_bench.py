"""``bench`` from a name to a row: what it repeats, resumes, refuses and leaves alone."""

import json
import math
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning.utilities import rank_zero_only

from tests.boring import Boring, BoringData
from tests.checkout import RECIPES, RECORD, RUN, Command, batches, write_recipe
from tests.disk import full_disk
from textgan_bench import leaderboard
from textgan_bench.files import UNFINISHED
from textgan_bench.tokens import TokenBatch
from textgan_bench.training.row import Row
from textgan_bench.training.run import Run

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_bench_goes_from_a_name_to_a_row_beside_the_anchors(command: Command) -> None:
    result = command.bench()
    record = leaderboard.load(RECORD)
    assert (record.method, record.data, record.seed) == ("boring", "noise", 0)
    assert (record.budget, record.budget_label) == ("quick", "two epochs")
    assert record.generator_updates == batches() == 12
    assert record.config["trainer"]["max_epochs"] == 2, "the layer overrides the row"
    assert record.config["model"]["class_path"] == "tests.boring.Boring"
    assert {r.method for r in leaderboard.load_records()} == {"boring", "real", "unigram"}
    for name in ("boring", "real", "unigram"):
        assert name in result.out
    assert "training quick-seed0: 100%" in result.err


def test_extra_scores_come_beside_those_of_the_recipe(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def judge_by(data: BoringData, *, extras: Sequence[str] = (), encoder: Any = None) -> None:
        asked.append(tuple(extras))

    monkeypatch.setattr(BoringData, "judge_by", judge_by)
    command.bench("--extras", "nearest", "perplexity")
    assert set(asked) == {("nearest", "perplexity")}
    asked.clear()
    write_recipe("noise/data.yaml", RECIPES["noise/data.yaml"] + "\nevaluate: {extras: [usem3]}")
    command.bench("--force", "--extras", "nearest", "usem3")
    assert set(asked) == {("usem3", "nearest")}


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize(("stopped", "epoch"), [(6, 2), (8, 2)])
def test_a_resumed_run_says_where_it_goes_on(
    command: Command, monkeypatch: pytest.MonkeyPatch, stopped: int, epoch: int
) -> None:
    step = Boring.training_step
    steps = []

    def training_step(self: Boring, batch: TokenBatch, batch_idx: int) -> None:
        step(self, batch, batch_idx)
        steps.append(batch_idx)
        if len(steps) == stopped:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Boring, "training_step", training_step)
    result = command("bench", "boring", "--data", "noise")
    assert result.status == 128 + signal.SIGTERM
    assert "goes on from its checkpoint" not in result.err
    place = f"{RUN} goes on from its checkpoint, after batch {stopped} of 12, in epoch {epoch}"
    assert place in command.bench().err


@pytest.mark.usefixtures("default_signals")
def test_a_run_that_is_told_twice_to_end_still_ends_its_batch(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by SLURM, which tells the run and the process that passes it on."""
    step = Boring.training_step

    def training_step(self: Boring, batch: TokenBatch, batch_idx: int) -> None:
        for _ in range(2 * (int(self.batches) == 7)):
            os.kill(os.getpid(), signal.SIGTERM)
        step(self, batch, batch_idx)

    monkeypatch.setattr(Boring, "training_step", training_step)
    assert command("bench", "boring", "--data", "noise").status == 128 + signal.SIGTERM
    assert batches() == 8


def test_a_gpu_would_multiply_with_its_tensor_cores(
    command: Command,
) -> None:
    torch.backends.cuda.matmul.allow_tf32 = False
    command.bench()
    assert torch.backends.cuda.matmul.allow_tf32


def test_a_finished_run_is_shown_and_not_repeated(command: Command) -> None:
    first = command.bench()
    before = RECORD.stat().st_mtime_ns, (RUN / "checkpoints/last.ckpt").stat().st_mtime_ns
    again = command.bench()
    assert "is finished; FORCE=1" in again.out
    assert first.out.splitlines() == again.out.splitlines()[1:]
    assert before == (
        RECORD.stat().st_mtime_ns,
        (RUN / "checkpoints/last.ckpt").stat().st_mtime_ns,
    )
    Path("leaderboard/records/noise/anchor-unigram-r1.json").unlink()
    assert "unigram" in command.bench().out
    assert "is finished" not in command.bench("--force").out
    assert before[0] != RECORD.stat().st_mtime_ns


def test_the_record_of_another_checkout_does_not_stand_for_a_run(command: Command) -> None:
    command.bench()
    shutil.rmtree("runs")
    assert "is finished" not in command.bench().out
    assert batches() == 12


def test_a_lost_record_is_written_anew_without_training(command: Command) -> None:
    command.bench()
    samples, trained = (RUN / "samples.txt").read_bytes(), batches()
    RECORD.unlink()
    command.bench()
    assert RECORD.exists()
    assert batches() == trained
    assert (RUN / "samples.txt").read_bytes() == samples


def test_a_setting_may_be_infinite(command: Command) -> None:
    with Path("benchmarks/noise/boring-quick.yaml").open("a", encoding="utf-8") as recipe:
        recipe.write("\ncheckpoint: {minutes: .inf}\n")
    command.bench()
    assert leaderboard.load(RECORD).config["checkpoint"]["minutes"] == "Infinity"
    assert "is finished" in command.bench().out


def test_budgets_and_seeds_have_folders_of_their_own(command: Command) -> None:
    command.bench("--budget", "paper", "--seed", "3")
    assert batches(Path("runs/noise/boring/paper-seed3/checkpoints/last.ckpt")) == 24
    record = leaderboard.load(Path("leaderboard/records/noise/boring-paper-seed3-r1.json"))
    assert record.budget_label == "four epochs"
    assert record.config["seed_everything"] == 3


CHANGED = ("--set", "model.init_args.lr=0.5", "--set", "data.init_args.size=32")
CHANGED_NAME = "quick+data.size=32+model.lr=0.5"


def test_a_run_with_changed_settings_is_one_of_its_own_apart_from_the_leaderboard(
    command: Command,
) -> None:
    command.bench()
    shown = command.bench(*CHANGED)
    stem = f"runs/noise/records/noise/boring-{CHANGED_NAME}-seed0-r1.json"
    record = leaderboard.load(Path(stem))
    assert record.budget_label == "two epochs, data.size=32, model.lr=0.5"
    assert record.config["model"]["init_args"]["lr"] == 0.5
    assert record.generator_updates == 16, "of 32 sentences"
    assert {r.budget for r in leaderboard.load_records()} == {"quick", "anchor"}
    assert [line.split()[:3] for line in shown.out.splitlines() if "boring" in line.split()[:2]]
    assert "is finished" in command.bench(*CHANGED[2:], *CHANGED[:2]).out, "in any order"
    assert "is finished" not in command.bench("--set", "model.init_args.lr=0.25").out


def test_a_run_with_changed_settings_may_be_recorded(command: Command) -> None:
    command.bench(*CHANGED)
    trained = (Path("runs/noise/boring") / f"{CHANGED_NAME}-seed0/checkpoints/last.ckpt").stat()
    command.bench(*CHANGED, "--record")
    record = leaderboard.load(RECORD.with_name(f"boring-{CHANGED_NAME}-seed0-r1.json"))
    assert record.budget == CHANGED_NAME
    again = (Path("runs/noise/boring") / f"{CHANGED_NAME}-seed0/checkpoints/last.ckpt").stat()
    assert trained.st_mtime_ns == again.st_mtime_ns, "no second training"
    refused = command.refused("bench", "boring", "--data", "noise", "--record")
    assert "--record is said of a run with --set" in refused
    smoke = ("--budget", "smoke", "--record")
    refused = command.refused("bench", "boring", "--data", "noise", *CHANGED, *smoke)
    assert "smoke tests have no record on the leaderboard" in refused


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("model.init_args.lrr=1", "tests.boring.Boring has no option lrr (did you mean lr?)"),
        ("trainer.max_epoch=1", "Trainer has no option max_epoch (did you mean max_epochs?)"),
        (
            "data.init_args.sise=1",
            "tests.boring.BoringData has no option sise (did you mean size?)",
        ),
    ],
)
def test_a_misspelt_change_is_named(change: str, complaint: str, command: Command) -> None:
    assert complaint in command.refused("bench", "boring", "--data", "noise", "--set", change)


@pytest.mark.parametrize("setting", ["lrr: 1", "lr: many"])
def test_a_recipe_that_no_run_can_have_leaves_no_folder_behind(
    setting: str, command: Command
) -> None:
    write_recipe("noise/boring-quick.yaml", f"model: {{init_args: {{{setting}}}}}")
    assert setting.partition(":")[0] in command.refused("bench", "boring", "--data", "noise")
    assert not Path("runs").exists()


def test_names_of_changed_runs_are_those_of_files_and_differ() -> None:
    values = ["a/b", "a b", "a:b", f"{'x' * 300}1", f"{'x' * 300}2"]
    rows = [Row("mle", "hmm", 0, "quick", (f"model.init_args.glove={each}",)) for each in values]
    assert len({row.name for row in rows}) == len(values)
    assert all(re.fullmatch(r"[\w.,=+-]{1,110}", row.name) for row in rows)


def test_smoke_keeps_no_record(command: Command) -> None:
    assert "boring" in command.bench("--budget", "smoke").out
    assert not Path("leaderboard").exists()


def test_seeds_of_a_smoke_test_are_one_row(command: Command) -> None:
    shown = command.bench("--budget", "smoke", "--seed", 0, 1).out
    assert re.search(r"^> boring .* smoke +2 ", shown, re.MULTILINE)


def test_another_recipe_does_not_continue_a_run(command: Command) -> None:
    command.bench()
    before = {path: path.read_bytes() for path in RUN.rglob("*") if path.is_file()}
    write_recipe("noise/boring-quick.yaml", "trainer: {max_epochs: 3}")
    line = command.refused("bench", "boring", "--data", "noise")
    assert "another configuration" in line
    assert "FORCE=1" in line
    assert "max_epochs: 2, now 3" in line or "budget_label" in line
    assert before == {path: path.read_bytes() for path in RUN.rglob("*") if path.is_file()}
    command.bench("--force")
    assert batches() == 18


def test_a_start_that_failed_binds_nothing(command: Command) -> None:
    write_recipe("noise/boring-quick.yaml", "trainer: {strategy: nope}")
    assert "nope" in command.refused("bench", "boring", "--data", "noise")
    write_recipe("noise/boring-quick.yaml", RECIPES["noise/boring-quick.yaml"])
    command.bench()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("nope", "--data", "noise"), "no method nope: benchmarks/noise has boring"),
        (
            ("boring", "--data", "nope"),
            "no data set nope (did you mean noise?): benchmarks has noise",
        ),
        (
            ("boring", "--data", "noise", "--budget", "nope"),
            "no budget nope: boring on noise has paper, smoke, quick",
        ),
        (
            ("boring-quick", "--data", "noise"),
            "(did you mean boring?): benchmarks/noise has boring",
        ),
        (("boring", "--data", "noise", "--data_dir", "x"), "data_dir"),
        (("boring", "--data", "noise", "--seed", "x"), "--seed"),
    ],
)
def test_bench_names_what_there_is(
    command: Command, arguments: tuple[str, ...], expected: str
) -> None:
    assert expected in command.refused("bench", *arguments)
    assert not [path for path in Path("runs").rglob("*") if path.is_file()]
    assert not Path("leaderboard").exists()


def test_two_processes_do_not_share_a_run(command: Command) -> None:
    command.bench()
    with Run(RUN).locked():
        line = command.refused("bench", "boring", "--data", "noise", "--force")
    assert "another process is at work" in line
    assert RECORD.exists()
    assert batches() == 12


def test_the_next_run_clears_what_a_kill_left(command: Command) -> None:
    command.bench()
    table = Path("leaderboard/tables/noise.md")
    whole = table.read_text(encoding="utf-8")
    folders = (RUN, RUN / "checkpoints", RECORD.parent, table.parent)
    orphans = [folder / f"{UNFINISHED}0123abcd" for folder in folders]
    for orphan in orphans:
        orphan.write_text("half", encoding="utf-8")
    table.unlink()  # as between a record and its tables
    assert "is finished" in command.bench().out
    assert not any(orphan.exists() for orphan in orphans)
    assert table.read_text(encoding="utf-8") == whole


def test_a_full_disk_is_named_in_one_line(command: Command) -> None:
    with full_disk(4096):
        failed = command("bench", "boring", "--data", "noise")
    assert failed.status == 2
    assert "Traceback" not in failed.err
    last = RUN / "checkpoints/last.ckpt"
    assert failed.err.splitlines()[-1] == f"textgan_bench: {last}: File too large"
    assert not list(RUN.rglob(f"{UNFINISHED}*"))
    command.bench()


@pytest.fixture
def second_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of two tasks that ``srun`` starts, as its environment and Lightning say it."""
    task = {"PROCID": 1, "NODEID": 0, "LOCALID": 1, "NTASKS": 2, "NNODES": 1}
    job = {"JOB_ID": 1, "JOB_NAME": "bench", "NODELIST": "127.0.0.1"}
    for name, value in (task | job).items():
        monkeypatch.setenv(f"SLURM_{name}", str(value))
    monkeypatch.setattr(rank_zero_only, "rank", 1)


@pytest.mark.usefixtures("second_task")
def test_a_task_that_no_device_is_for_trains_a_run_of_its_own_or_none(command: Command) -> None:
    with Run(RUN).locked():
        line = command.refused("bench", "boring", "--data", "noise")
    assert "another process is at work" in line
    assert not (RUN / "config.yaml").exists()
    command.bench("--seed", 1)
    assert list(Path("runs/noise/boring/quick-seed1").glob("csv/*/metrics.csv")), "it logs"
    assert "is finished" in command.bench("--seed", 1).out


@pytest.mark.usefixtures("second_task")
def test_tasks_and_devices_are_as_many(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    arguments = ("bench", "boring", "--data", "noise", "--devices", 4)
    assert "Use `--ntasks-per-node=2` instead" in command.refused(*arguments)
    monkeypatch.setenv("SLURM_NTASKS_PER_NODE", "2")
    assert "2 processes were started for a run on 4 devices" in command.refused(*arguments)


def test_torchrun_starts_as_many_as_there_are_devices(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    line = command.refused("bench", "boring", "--data", "noise")
    assert "2 processes were started for a run on 1 devices" in line


def test_bench_belongs_into_a_checkout(command: Command) -> None:
    shutil.rmtree("benchmarks")
    assert "run from the root of the checkout" in command.refused("bench", "boring")


class Fragile(Boring):
    """Its weights are lost in batch 9, and it draws from them as a plug-in may."""

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        if self.batches == 8:
            self.generator.data.fill_(math.nan)
        torch.multinomial(self.generator.softmax(-1), 1)
        super().training_step(batch, batch_idx)


def test_what_is_not_finite_is_told_in_a_line_and_the_last_checkpoint_stays(
    command: Command,
) -> None:
    write_recipe("noise/boring.yaml", "model: {class_path: tests.cli.test_bench.Fragile}")
    for _ in range(2):  # the same command resumes, and says why it comes to the same end
        result = command("bench", "boring", "--data", "noise")
        assert result.status == 2
        assert "Traceback" not in result.err
        (*_, line) = result.err.splitlines()
        assert "generator is not finite in batch 9; the checkpoint" in line
        assert "takes the same steps: change a learning rate" in line
        assert batches() == 6
    path = RUN / "checkpoints/last.ckpt"
    content = torch.load(path, weights_only=True)
    content["state_dict"]["critic"][0] = math.inf
    torch.save(content, path)
    for arguments in (("bench", "boring", "--data", "noise"), ("sample", RUN)):
        assert f"critic of the checkpoint {path} is not finite" in command.refused(*arguments)


def damage(path: Path) -> bytes:
    content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    return content


def test_a_damaged_checkpoint_is_named_and_left_alone(command: Command) -> None:
    command.bench()
    RECORD.unlink()
    path = RUN / "checkpoints/last.ckpt"
    content = damage(path)
    assert f"{path} is damaged" in command.refused("bench", "boring", "--data", "noise")
    assert f"{path} is damaged" in command.refused("sample", RUN)
    assert path.read_bytes() == content


def test_a_checkpoint_of_another_version_is_named(command: Command) -> None:
    command.bench()
    path = RUN / "checkpoints/last.ckpt"
    content = torch.load(path, weights_only=True)
    content["state_dict"]["no_longer_there"] = torch.zeros(1)
    torch.save(content, path)
    assert f"{path} is of another version of Boring; train again" in command.refused("sample", RUN)


def test_a_newer_record_is_refused(command: Command) -> None:
    command.bench()
    content = json.loads(RECORD.read_text(encoding="utf-8")) | {"schema": 99}
    RECORD.write_text(json.dumps(content), encoding="utf-8")
    assert str(RECORD) in command.refused("bench", "boring", "--data", "noise")


BENCH = [sys.executable, "-m", "textgan_bench", "bench", "boring", "--data", "noise"]


@pytest.fixture
def long_recipe(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """180 batches in nine seconds, with a checkpoint after every one or, on two devices, epoch."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    shutil.copy(ROOT / "benchmarks/trainer.yaml", "benchmarks/trainer.yaml")
    write_recipe(
        "noise/boring-quick.yaml",
        """
        model: {init_args: {seconds: 0.05}}
        trainer: {max_epochs: 30}
        checkpoint: {minutes: 0.001}
        """,
    )


def started(arguments: list[str]) -> subprocess.Popen[str]:
    """``bench`` under way: ten batches are behind it."""
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    path = RUN / "checkpoints/last.ckpt"
    deadline = time.monotonic() + 120
    while not path.exists() or batches() < 10:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


def resume(arguments: list[str], stopped: int, total: int) -> None:
    resumed = subprocess.run(arguments, capture_output=True, text=True, timeout=240, check=False)
    assert resumed.returncode == 0, resumed.stderr
    assert batches() == leaderboard.load(RECORD).generator_updates == total
    assert f"| {stopped}/{total}" in resumed.stderr, "the bar goes on where it stopped"


@pytest.mark.slow
@pytest.mark.usefixtures("checkout")
def test_recipes_are_utf_8_whatever_the_terminal_is() -> None:
    data = Path("benchmarks/noise/data.yaml")
    data.write_text(f"# Vigenère – 男\n{data.read_text()}", encoding="utf-8")
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [*BENCH, "--budget", "smoke"], env=os.environ | plain, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("long_recipe", "default_signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_goes_on_at_the_same_command(number: signal.Signals) -> None:
    process = started(BENCH)
    os.kill(process.pid, number)
    process.communicate(timeout=60)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    stopped = batches()
    assert 10 <= stopped < 180
    assert not RECORD.exists()
    resume(BENCH, stopped, 180)
    (identity,) = {path.name[-8:] for path in (RUN / "wandb").glob("offline-run-*")}
    assert identity == (RUN / "wandb_id.txt").read_text(encoding="utf-8").strip()


@pytest.mark.slow
@pytest.mark.usefixtures("long_recipe")
def test_a_killed_process_of_two_ends_the_run_with_a_message() -> None:
    arguments = [*BENCH, "--devices", "2"]
    process = started(arguments)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    (child,) = (c for c in children if "textgan_bench" in Path(f"/proc/{c}/cmdline").read_text())
    os.kill(int(child), signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    assert process.returncode != 0
    # Whichever notices first: the launcher, or the other process at its next collective operation.
    assert f"PID {child} terminated" in err or "another process of this run has ended" in err
    assert not RECORD.exists()
    resume(arguments, batches(), 90)  # half of them in each process


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def by_torchrun(node: int, port: int) -> tuple[list[str], dict[str, str]]:
    nodes = ["--nnodes", "2", "--nproc-per-node", "1", "--node-rank", str(node)]
    address = ["--master-addr", "127.0.0.1", "--master-port", str(port)]
    return [sys.executable, "-m", "torch.distributed.run", *nodes, *address, *BENCH[1:]], {}


def by_slurm(node: int, port: int) -> tuple[list[str], dict[str, str]]:
    """The environment that ``srun`` gives to the task of a node, as far as Lightning reads it."""
    task = {"PROCID": node, "NODEID": node, "LOCALID": 0, "NTASKS": 2, "NTASKS_PER_NODE": 1}
    job = {"NNODES": 2, "JOB_ID": 1, "JOB_NAME": "bench", "NODELIST": "127.0.0.1"}
    variables = {f"SLURM_{name}": str(value) for name, value in (task | job).items()}
    return BENCH, variables | {"MASTER_PORT": str(port)}


@pytest.mark.slow
@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize("launch", [by_torchrun, by_slurm])
def test_two_nodes_train_one_run_and_show_it_when_asked_again(
    launch: Callable[[int, int], tuple[list[str], dict[str, str]]],
) -> None:
    shutil.copy(ROOT / "benchmarks/trainer.yaml", "benchmarks/trainer.yaml")
    write_recipe("noise/boring-quick.yaml", "trainer: {max_epochs: 2}")
    arguments = ["--devices", "1", "--nodes", "2"]
    for more, finished in ([], False), ([], True), (["--force"], False):
        port = free_port()
        nodes = []
        for node in (0, 1):
            command, variables = launch(node, port)
            nodes.append(
                subprocess.Popen(
                    [*command, *arguments, *more],
                    env=os.environ | variables,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        (out, err), (silent, other) = [node.communicate(timeout=240) for node in nodes]
        assert [node.returncode for node in nodes] == [0, 0], err + other
        assert "unigram" in out
        assert not silent, "one of them shows the row"
        assert ("is finished" in out) == finished
        assert batches() == leaderboard.load(RECORD).generator_updates == 6, "half in each"
