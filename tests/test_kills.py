"""However often ``bench`` is killed, the same command comes to the same end and leaves no trace.

The processes are forked from one that has imported everything, which takes longer than the run.
"""

import json
import os
import random
import re
import select
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.checkout import write_recipe

KILLS = 100
SECONDS = 600  # that one process may take
ROOT = Path(__file__).parent.parent
STARTER = """
import os, sys
import datamodules, textgan_bench.cli.bench, textgan_bench.methods
from textgan_bench.cli.main import main

print(0, flush=True)
for _ in sys.stdin:
    child = os.fork()
    if not child:
        os.dup2(2, 1)
        sys.exit(main())
    print(child, flush=True)
    _, status, usage = os.wait4(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
    print(int(1000 * (usage.ru_utime + usage.ru_stime)), flush=True)
"""
WORDS = (
    ("small", "tall", "young", "old", "wet"),
    ("man", "dog", "cat", "child", "horse"),
    ("sees", "likes", "finds", "eats", "sells"),
    ("red", "blue", "good", "new", "big"),
    ("ball", "tree", "fish", "house", "tea"),
)
LOG = Path("log")
WRITTEN = ("runs", "leaderboard", "data", "temporary")
ENDED = {
    signal.SIGKILL: (-signal.SIGKILL,),
    # Before and after all work the signal itself ends it, which is the same to a shell.
    signal.SIGTERM: (128 + signal.SIGTERM, -signal.SIGTERM),
}


class Starter:
    """Starts processes of one command, one at a time, by ``STARTER``."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.asked, self.told = process.stdin, process.stdout
        self._number()

    def begin(self) -> int:
        """Start a process; returns its number."""
        os.truncate(LOG, 0)
        self.asked.write(b"\n")
        return self._number()

    def ends_before(self, process: int, seconds: float) -> bool:
        """Whether it ends before it has taken so many seconds of a processor."""
        while not self._tells_within(0.02):
            if time_taken(process) >= seconds:
                return False
        return True

    def end(self) -> tuple[int, float, str]:
        """Wait for the process; returns exit status, seconds of a processor, and what it said."""
        status, milliseconds = self._number(), self._number()
        return status, milliseconds / 1000, LOG.read_text(encoding="utf-8", errors="replace")

    def _tells_within(self, seconds: float) -> bool:
        ready, _, _ = select.select([self.told], [], [], seconds)
        return bool(ready)

    def _number(self) -> int:
        assert self._tells_within(SECONDS), LOG.read_text(encoding="utf-8", errors="replace")
        return int(self.told.readline())


def time_taken(process: int) -> float:
    """Seconds of a processor, which other programs do not stretch."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2]
    except FileNotFoundError:  # it has just ended
        return 0
    return sum(map(int, fields.split()[11:13])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def starter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starter]:
    """In a checkout of its own, whose data, temporary files and leaderboard no one else uses."""
    monkeypatch.chdir(tmp_path)
    for package in ("textgan_bench", "datamodules"):
        shutil.copytree(ROOT / package, package, ignore=shutil.ignore_patterns("__pycache__"))
    Path("text.txt").write_text("".join(f"a {' '.join(words)}\n" for words in product(*WORDS)))
    for name in ("trainer.yaml", "smoke.yaml"):
        write_recipe(name, (ROOT / "benchmarks" / name).read_text(encoding="utf-8"))
    write_recipe(
        "small/data.yaml",
        """
        data:
          class_path: datamodules.TextData
          init_args:
            corpus: {class_path: datamodules.Text, init_args: {data_dir: text.txt}}
            batch_size: 16
            batches_per_epoch: 10
        """,
    )
    write_recipe(
        "small/mle.yaml",
        """
        model: {class_path: textgan_bench.methods.MLE, init_args: {hidden: 16, embedding: 16}}
        trainer: {max_epochs: 8, log_every_n_steps: 5}
        checkpoint: {minutes: 0.0, select: nll}
        evaluate: {budget_label: eight epochs of ten batches}
        """,
    )
    write_recipe("small/mle-quick.yaml", "trainer: {max_epochs: 4}")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    Path("temporary").mkdir()
    command = [sys.executable, "-c", STARTER, "bench", "mle", "--data", "small"]
    with (
        LOG.open("ab") as log,
        subprocess.Popen(
            command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        ) as process,  # which ends with its input
    ):
        yield Starter(process)


def clear() -> None:
    for name in WRITTEN:
        shutil.rmtree(name, ignore_errors=True)
    Path("temporary").mkdir()


def content(path: Path) -> Any:
    """What a file holds, times and the random identity in W&B left out."""
    if path.name == "wandb_id.txt":
        return None
    if path.suffix == ".ckpt":
        weights = torch.load(path, weights_only=True)["state_dict"]
        return {name: weight.tolist() for name, weight in weights.items()}
    if path.suffix == ".json" and "records" in path.parts:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {name: value for name, value in record.items() if not name.endswith("_hours")}
    if path.suffix in (".md", ".tex"):
        return re.sub(r"\d+\.\d\d h", "", path.read_text(encoding="utf-8"))
    return path.read_bytes()


def state() -> dict[str, Any]:
    """All that was written, but for the logs, in which each session has a part of its own."""
    paths = [path for name in WRITTEN for path in Path(name).rglob("*")]
    kept = [path for path in paths if not {"csv", "wandb"} & set(path.parts)]
    return {str(path): content(path) if path.is_file() else "folder" for path in kept}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="times of processes are not here")
def test_a_run_that_is_killed_again_and_again_ends_as_an_undisturbed_one(starter: Starter) -> None:
    clear()
    starter.begin()
    status, seconds, said = starter.end()
    assert status == 0, said
    expected = state()
    chance = random.Random(0)
    ends: Counter[int] = Counter()
    kills = 0
    while kills < KILLS:
        clear()
        status = -1
        while status:
            number = chance.choice(list(ENDED)) if kills < KILLS else None
            process = starter.begin()
            if number is not None and not starter.ends_before(process, chance.uniform(0, seconds)):
                os.kill(process, number)
                kills += 1
            status, _, said = starter.end()
            ends[status] += 1
            if status:
                assert number is not None, said
                assert status in ENDED[number], said
                assert "Traceback" not in said
            print(f"{kills} kills, status {status}", flush=True)
        found = state()
        assert found.keys() == expected.keys()
        for path, value in expected.items():
            assert found[path] == value, path
    print(f"{kills} kills; exit statuses: {dict(ends)}; {ends[0]} runs ended as the first one")
