"""``grid``: what it starts, what it waits for, what it repeats, and what it says.

Most tests put a script of a second in the place of ``bench``, which trains nothing.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.checkout import Command, write_recipe
from textgan_bench import leaderboard
from textgan_bench.cli import grid
from textgan_bench.files import is_held
from textgan_bench.leaderboard.records import store
from textgan_bench.training import jobs
from textgan_bench.training.attempt import BEGINS, Attempt, end
from textgan_bench.training.row import Row

pytest.importorskip("submitit", reason="needs the extra [grid]")
pytestmark = pytest.mark.usefixtures("default_signals")

SECONDS = 300
STUB = """
import json, os, signal, sys, time
from pathlib import Path

_, method, _, data, _, seed, _, budget = sys.argv[1:]
name = f"{method}-{seed}"
with Path("starts").open("a") as starts:
    starts.write(f"{name}\\n")
at_work = Path(f"at-work-{name}")
at_work.write_text(str(os.getpid()))
with Path("beside").open("a") as beside:
    beside.write(f"{len(list(Path().glob('at-work-*')))}\\n")
time.sleep(0.3)
while Path(f"wait-{name}").exists():
    time.sleep(0.05)
fate = Path(f"fate-{name}")
fates = fate.read_text().split("\\n") if fate.exists() else [""]
fate.write_text("\\n".join(fates[1:] or fates))
at_work.unlink()
if fates[0] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
if fates[0] == "defect":
    raise RuntimeError("out of luck")
if fates[0] == "mistake":
    print("textgan_bench: the loss is not finite", file=sys.stderr)
    print("wandb: good bye", file=sys.stderr)
    sys.exit(2)
record = json.loads(Path("record.json").read_text())
record |= {"method": method, "data": data, "seed": int(seed), "budget": budget}
path = Path(f"leaderboard/records/{data}/{method}-{budget}-seed{seed}-r1.json")
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps(record))
if fates[0] == "kill after":
    os.kill(os.getpid(), signal.SIGKILL)
"""
GRID = ("grid", "boring", "--data", "noise", "--seeds")
LAUNCH = """
import sys
from textgan_bench.cli import grid
from textgan_bench.cli.main import main

grid.COMMAND = ("stub.py", "bench")
sys.exit(main())
"""


def record(seed: int = 0) -> leaderboard.Record:
    return leaderboard.Record(
        method="boring",
        data="noise",
        seed=seed,
        budget="quick",
        budget_label="two epochs",
        scores={},
        fingerprint={},
        data_revision="r1",
        data_source="noise",
        num_samples=1,
        generator_updates=1,
        wall_clock_hours=1.0,
        hardware="none",
        config={},
        commit="0123abc",
        versions={},
    )


@pytest.fixture(autouse=True)
def stub(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "COMMAND", ("stub.py", "bench"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    Path("stub.py").write_text(STUB, encoding="utf-8")
    path = store(record())
    path.rename("record.json")


def starts() -> Counter[str]:
    path = Path("starts")
    return Counter(path.read_text(encoding="utf-8").split()) if path.exists() else Counter()


def fate(seed: int, *ends: str) -> None:
    """How each of the next attempts ends; the last one again and again."""
    Path(f"fate-boring-{seed}").write_text("\n".join(ends), encoding="utf-8")


def until(done: object) -> None:
    """Wait until a function of no arguments says so."""
    assert callable(done)
    last = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < last
        time.sleep(0.05)


def recorded() -> list[int]:
    return sorted(each.seed for each in leaderboard.load_records())


def test_what_has_a_record_is_not_started(command: Command) -> None:
    store(record(1))
    result = command(*GRID, 0, 1)
    assert result.status == 0, result.err
    assert starts() == {"boring-0": 1}
    assert recorded() == [0, 1]
    assert "boring on noise, seed 0: recorded" in result.out
    assert result.out.splitlines()[-1] == "2 of 2 rows have a record"
    assert command(*GRID, 0, 1, 1).out == "2 of 2 rows have a record\n"
    assert starts() == {"boring-0": 1}
    assert [path.name for path in jobs.FOLDER.glob("*")] == ["device-0.lock"], "no litter"


def test_a_seed_is_not_taken_for_one_that_begins_like_it(command: Command) -> None:
    store(record(11))
    assert not Row("boring", "noise", 1, "quick").has_record()
    assert Row("boring", "noise", 11, "quick").has_record()


def test_failures_are_repeated_where_it_helps_and_listed_last(command: Command) -> None:
    fate(0, "kill", "")
    fate(1, "mistake")
    fate(2, "defect")
    result = command(*GRID, 0, 1, 2, 3, "--retries", 1)
    logs = "runs/noise/boring/quick-seed"
    assert result.status == 1
    assert starts() == {"boring-0": 2, "boring-1": 1, "boring-2": 2, "boring-3": 1}
    assert recorded() == [0, 3]
    assert result.out.splitlines()[-3:] == [
        "2 of 4 rows have a record",
        f"boring on noise, seed 1 failed: the loss is not finite; see {logs}1.log",
        f"boring on noise, seed 2 failed: RuntimeError: out of luck; see {logs}2.log",
    ]
    assert "boring on noise, seed 0: queued, again after: killed by SIGKILL" in result.out
    (line,) = result.err.splitlines()
    assert line == "textgan_bench: 2 of 4 failed; the same command tries again"


def test_a_run_that_is_killed_between_its_record_and_the_tables_ends_in_them(
    command: Command,
) -> None:
    fate(0, "kill after", "")
    assert command(*GRID, 0).status == 0
    assert starts() == {"boring-0": 2}


@pytest.mark.parametrize("per_device", [1, 2])
def test_as_many_are_at_work_as_there_is_room_for(command: Command, per_device: int) -> None:
    first = range(per_device)
    for seed in first:  # each waits until all are at work
        Path(f"wait-boring-{seed}").touch()

    def release() -> None:
        until(lambda: all(Path(f"at-work-boring-{seed}").exists() for seed in first))
        for seed in first:
            Path(f"wait-boring-{seed}").unlink()

    releasing = threading.Thread(target=release)
    releasing.start()
    assert command(*GRID, 0, 1, 2, 3, "--per_device", per_device).status == 0
    releasing.join()
    beside = [int(line) for line in Path("beside").read_text(encoding="utf-8").split()]
    assert max(beside) == per_device


def launched(*seeds: int) -> "subprocess.Popen[bytes]":
    """A grid in a process of its own, whose first run is at work."""
    with Path("said").open("wb") as said:  # a pipe would be open until the runs end
        process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, *GRID, *map(str, seeds)], stdout=said, stderr=said
        )
    until(Path(f"at-work-boring-{seeds[0]}").exists)
    return process


def test_a_launcher_takes_over_from_one_that_was_killed(command: Command) -> None:
    waiting = Path("wait-boring-0")
    waiting.touch()
    launcher = launched(0, 1)
    launcher.kill()
    launcher.wait()
    threading.Timer(3, waiting.unlink).start()
    result = command(*GRID, 0, 1)
    assert result.status == 0, result.err
    assert starts() == {"boring-0": 1, "boring-1": 1}, "the run was left to end"
    assert recorded() == [0, 1]
    beside = Path("beside").read_text(encoding="utf-8").split()
    assert beside == ["1", "1"], "and had the device for itself"
    assert not list(jobs.FOLDER.glob("local-*"))


def test_what_dies_with_its_launcher_is_begun_anew(command: Command) -> None:
    waiting = Path("wait-boring-0")
    waiting.touch()
    launcher = launched(0)
    launcher.kill()
    launcher.wait()
    os.kill(int(Path("at-work-boring-0").read_text(encoding="utf-8")), signal.SIGKILL)
    waiting.unlink()
    Path("at-work-boring-0").unlink()
    assert command(*GRID, 0).status == 0
    assert starts() == {"boring-0": 2}
    assert recorded() == [0]


def test_what_stops_the_launcher_stops_its_runs(command: Command) -> None:
    Path("wait-boring-0").touch()
    launcher = launched(0, 1)
    launcher.terminate()
    assert launcher.wait(SECONDS) == 128 + signal.SIGTERM
    said = Path("said").read_text(encoding="utf-8")
    assert said.endswith("interrupted; the same command goes on from here\n")
    log = Row("boring", "noise", 0, "quick").log
    assert not is_held(log)
    assert end(log) == -signal.SIGTERM, "which the script does not catch"
    assert starts() == {"boring-0": 1}


def test_a_grid_without_submitit_or_slurm_says_what_is_missing(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert "sbatch is not found" in command.refused(*GRID, 0, "--cluster", "slurm")
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert "pip install 'textgan_bench[grid]'" in command.refused(*GRID, 0)
    store(record(0))
    assert command(*GRID, 0).status == 0, "nothing is to be done"


def tasks(*states: str) -> list[grid.Task]:
    rows = [Row("nagan", "hmm", seed, "quick") for seed in range(len(states))]
    return [
        grid.Task(row, Attempt((), row.log), state) for row, state in zip(rows, states, strict=True)
    ]


def test_the_table_shows_states_and_the_time_left() -> None:
    shown = tasks(grid.RECORDED, grid.RUNS, grid.WAITS)
    shown[1].why, shown[1].left = "trains, 45 %", 750.0
    assert list(grid._table(shown, 24)) == [
        "method  data  seed  state                   left",
        "nagan   hmm   0     recorded",
        "nagan   hmm   1     runs      trains, 45 %  0:12:30",
        "nagan   hmm   2     waits",
        "1 runs, 1 waits, 1 recorded",
    ]


def test_a_table_of_more_rows_than_lines_keeps_what_is_at_work() -> None:
    shown = tasks(*[grid.RECORDED] * 50, grid.RUNS, grid.FAILED)
    lines = list(grid._table(shown, 5))
    assert len(lines) == 5
    assert [line.split()[2:4] for line in lines[1:4]] == [
        ["0", "recorded"],
        ["50", "runs"],
        ["51", "failed"],
    ]
    assert lines[-1] == "1 runs, 1 failed, 50 recorded"


def test_a_terminal_is_drawn_anew(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdout, "fileno", lambda: -1)
    board = grid._Board()
    board.show(tasks(grid.RUNS))
    board.show(tasks(grid.RECORDED))
    _, second = capsys.readouterr().out.split("\x1b[J", 1)
    assert second.startswith("\x1b[3F"), "three lines up"
    assert re.findall(r"recorded", second) == ["recorded"] * 2


@pytest.mark.slow
def test_a_grid_survives_kills_of_a_run_and_of_the_launcher() -> None:
    """3 methods on 2 data sets with 2 seeds by ``bench`` itself: 12 records, and none twice."""
    for name in ("noise", "hum"):
        write_recipe(f"{name}/data.yaml", "data: {class_path: tests.boring.BoringData}")
        for method in ("boring", "dull", "flat"):
            write_recipe(
                f"{name}/{method}.yaml",
                """
                model: {class_path: tests.boring.Boring, init_args: {seconds: 0.05}}
                trainer: {max_epochs: 20}
                evaluate: {budget_label: twenty epochs}
                """,
            )
            write_recipe(f"{name}/{method}-quick.yaml", "trainer: {max_epochs: 20}")
    line = ["grid", "boring", "dull", "flat", "--data", "noise", "hum", "--seeds", "0", "1"]
    start = [sys.executable, "-m", "textgan_bench", *line, "--per_device", "2"]
    first = subprocess.Popen(start, stdout=subprocess.DEVNULL)
    last = Path("runs/noise/boring/quick-seed0/checkpoints/last.ckpt")
    until(last.exists)
    log = Row("boring", "noise", 0, "quick").log
    command_line = re.escape("bench boring --data noise --seed 0")
    (run,) = subprocess.check_output(
        ["pgrep", "-f", f"^{sys.executable} -m textgan_bench {command_line}"], text=True
    ).split()
    os.kill(int(run), signal.SIGKILL)
    until(lambda: log.read_text(encoding="utf-8").count(BEGINS) == 2)
    until(lambda: len(list(Path("leaderboard").rglob("*-quick-*.json"))) >= 2)
    first.kill()
    first.wait()
    done = subprocess.run(start, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "12 of 12 rows have a record"
    found = Counter(
        (each.method, each.data, each.seed)
        for each in leaderboard.load_records()
        if each.source == "run"
    )
    assert len(found) == 12
    assert set(found.values()) == {1}
    logs = {path: path.read_text(encoding="utf-8") for path in Path("runs").rglob("*.log")}
    assert len(logs) == 12
    assert f"{last.parents[1]} goes on from its checkpoint" in logs[log]
    others = [text.count(BEGINS) for path, text in logs.items() if path != log]
    assert others == [1] * 11, "no run was begun twice"
    again = subprocess.run(start, capture_output=True, text=True, check=True)
    assert again.stdout == "12 of 12 rows have a record\n"
