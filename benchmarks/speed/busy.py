"""A step of NAGAN on two threads, where other programs use the two processors, too.

The network and the batch of the HMM's `quick` recipe. Two threads that wait as ours do
(`textgan_bench/cli/openmp.py`) are compared with two that wait as they do in PyTorch: alone, and
beside four busy processes, where one thread is compared, too. The library of the threads reads its
environment once, so every setting is a process of its own; all stay ready and take turns. Times are
the clock's, since what others take is what is measured. Alone, only the least disturbed step of
each setting counts.
"""

import itertools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from multiprocessing import get_context
from unittest.mock import patch

import torch
from tqdm import tqdm

from benchmarks.speed.bare import Bare
from benchmarks.speed.claims import ROUNDS, SEED, Claim, Texts, main
from benchmarks.speed.nagan import random_batch
from textgan_bench.cli.openmp import CHOICES, share_processors
from textgan_bench.methods import NAGAN

PROCESSORS, BUSY = 2, 4
WARM_UP = 2
# Steps of each setting in a round.
ALONE = {"ours": 2, "usual": 2}
BESIDE = {"ours": 4, "one thread": 4}
ROUNDS_ALONE = 4 * ROUNDS
LOOP = "import os; parent = os.getppid()\nwhile os.getppid() == parent: pass"
"""A program that never waits, and ends with the one that started it."""


@cache
def step() -> Bare:
    torch.manual_seed(SEED)
    batch = random_batch(torch.full((64,), 20), 501, 20)
    return Bare(NAGAN(501, 20, blocks=2, embedding_dim=64), batch)


def seconds(steps: int) -> list[float]:
    """Of each of so many steps of this process."""
    stamps = [time.perf_counter()]
    for _ in range(steps):
        step()()
        stamps.append(time.perf_counter())
    return [after - before for before, after in itertools.pairwise(stamps)]


@contextmanager
def settings() -> Iterator[dict[str, ProcessPoolExecutor]]:
    """A process of each, which has taken its first steps."""

    def one_thread() -> None:
        os.environ["OMP_NUM_THREADS"] = "1"

    choices = {"ours": share_processors, "usual": lambda: None, "one thread": one_thread}
    with ExitStack() as stack:
        ready = {}
        for name, choose in choices.items():
            ready[name] = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn")))
            with patch.dict(os.environ):
                for variable in (*CHOICES, "OMP_NUM_THREADS"):
                    os.environ.pop(variable, None)
                choose()
                ready[name].submit(seconds, WARM_UP).result()
        yield ready


@contextmanager
def busy_processes() -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(BUSY):
            # Linux shares processors between sessions first: each is a program of its own.
            command = [sys.executable, "-c", LOOP]
            busy = stack.enter_context(subprocess.Popen(command, start_new_session=True))
            stack.callback(busy.kill)
        yield


def in_turn(
    ready: dict[str, ProcessPoolExecutor], turns: dict[str, int], rounds: int
) -> dict[str, list[float]]:
    """Seconds of the steps of each setting."""
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for _ in tqdm(range(rounds), " / ".join(turns), leave=False, disable=None):
        for name, steps in turns.items():
            taken[name] += ready[name].submit(seconds, steps).result()
    return taken


def on_two_processors() -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds of the steps alone, and beside the busy processes."""
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(everywhere)[:PROCESSORS])  # processes started here inherit it
    try:
        with settings() as ready:
            alone = in_turn(ready, ALONE, ROUNDS_ALONE)
            with busy_processes():
                beside = in_turn(ready, BESIDE, ROUNDS)
                return alone, beside | in_turn(ready, {"usual": 1}, rounds=2)  # slow
    finally:
        os.sched_setaffinity(0, everywhere)


def measure(texts: Texts) -> list[Claim]:
    beside = "step of NAGAN on two threads beside four busy processes: as PyTorch's wait / ours"
    alone = "the same alone: as PyTorch's threads wait / ours"
    if not hasattr(os, "sched_setaffinity"):  # and another library of OpenMP, as on macOS
        return [Claim(beside, 2, None), Claim(alone, 0.97, None)]
    undisturbed, disturbed = on_two_processors()
    least = {name: min(taken) for name, taken in undisturbed.items()}
    mean = {name: statistics.fmean(taken) for name, taken in disturbed.items()}
    note = ", ".join(f"{mean[name]:.2f} s {name}" for name in ("usual", "ours", "one thread"))
    return [
        Claim(beside, 2, mean["usual"] / mean["ours"], note=note),
        Claim(alone, 0.97, least["usual"] / least["ours"], note=f"{1e3 * least['ours']:.0f} ms"),
    ]


if __name__ == "__main__":
    main(measure)
