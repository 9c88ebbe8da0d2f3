"""``grid``: the rows of methods, data sets and seeds that have no record yet, side by side."""

import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import product

from textgan_bench.errors import FailedRunsError, UserError
from textgan_bench.files import is_held
from textgan_bench.recipes import data_arguments
from textgan_bench.training.attempt import Attempt, end, progress, reason
from textgan_bench.training.jobs import Jobs, Slurm, processes
from textgan_bench.training.row import Row

WAITS, QUEUED, RUNS, RECORDED, FAILED = "waits", "queued", "runs", "recorded", "failed"
USAGE_ERROR = 2
"""Exit status of ``bench`` at what a repetition ends in, too."""
REFUSED = 60
"""Seconds until SLURM, which refused jobs, is asked again."""
COMMAND = ("-m", "textgan_bench", "bench")
HEADINGS = ("method", "data", "seed", "state", "", "left")


def grid(
    methods: Sequence[str],
    *,
    data: Sequence[str],
    seeds: Sequence[int],
    budget: str,
    cluster: str,
    partition: str | None,
    per_device: int,
    hours: float,
    retries: int,
    options: Mapping[str, str],
) -> None:
    """Carry out ``bench`` for each row of the grid that has no record, and show how far all are.

    Whatever is killed, this command or a run, the same command goes on: what is at work it waits
    for, what has no record it starts, and ``bench`` resumes.

    Args:
        cluster: ``local``, for processes of this machine, or ``slurm``, for its job arrays.
        per_device: runs at once on each device of this machine.
        hours: time limit of a job of SLURM, after which the run resumes in another one.
        retries: how many times a run is resumed that did not end by itself or in an error that a
            repetition ends in, too.
        options: further ones of ``sbatch``, by name.

    Raises:
        UserError: submitit or SLURM is missing, or SLURM refuses the jobs.
        FailedRunsError: runs failed, which have been listed.
    """
    tasks = []
    for method, name, seed in dict.fromkeys(product(methods, data, seeds)):
        row = Row(method, data_arguments(name, None)[0], seed, budget)
        command = (*COMMAND, method, "--data", name, "--seed", str(seed), "--budget", budget)
        tasks.append(Task(row, Attempt(command, row.log)))
    if not all(task.is_done() for task in tasks):
        jobs: AbstractContextManager[Jobs]
        if cluster == "local":
            jobs = processes(per_device)
        else:
            jobs = nullcontext(Slurm(partition, hours, options))
        with jobs as opened:
            try:
                _watch(tasks, opened, retries)
            except KeyboardInterrupt:
                opened.stop()
                raise
    failed = [task for task in tasks if task.state == FAILED]
    print(f"{len(tasks) - len(failed)} of {len(tasks)} rows have a record")
    for task in failed:
        print(f"{task.name} failed: {task.why}; see {task.row.log}")
    if failed:
        raise FailedRunsError(f"{len(failed)} of {len(tasks)} failed; the same command tries again")


@dataclass
class Task:
    """A row of the grid, and how far it is."""

    row: Row
    attempt: Attempt
    state: str = WAITS
    why: str = ""
    """What a job waits for in its queue, what a run does, or why it failed."""
    left: float | None = None
    """Seconds of its training, as far as they are known."""
    job: str = ""
    """Its number; empty where none is known, though one of another launcher may be at work."""
    since: int = 0
    """Bytes of the log that are of attempts before the latest one."""
    failures: int = 0

    @property
    def name(self) -> str:
        return f"{self.row.method} on {self.row.data}, seed {self.row.seed}"

    def is_done(self) -> bool:
        """Whether it has a record, and no command of a grid stopped between it and the tables."""
        done = self.row.has_record() and (not self.row.log.exists() or end(self.row.log) == 0)
        if done:
            self.state, self.why, self.left = RECORDED, "", None
        return done

    def submit(self, job: str) -> None:
        self.job = job
        self.state, self.why = QUEUED, f"again after: {self.why}" if self.failures else ""

    def look(self, active: Mapping[str, str], jobs: Jobs, retries: int) -> None:
        """See what has become of it."""
        if self.state in (RECORDED, FAILED):
            return
        if self.job and self.job not in active:
            self._end(jobs.said(self.job), retries)
        elif self.job and active[self.job]:
            self.state, self.why, self.left = QUEUED, active[self.job], None
        elif is_held(self.row.log):
            self.state = RUNS
            self.why, self.left = progress(self.row.log, self.since)
        elif not self.job and not self.is_done() and self.state != WAITS:
            self.state, self.why, self.left = WAITS, "", None  # of another launcher, and it failed

    def _end(self, said: str, retries: int) -> None:
        self.job = ""
        status = end(self.row.log, self.since)
        if is_held(self.row.log) or (status == 0 and self.is_done()):
            return  # the job alone was killed, not yet the run
        self.why = reason(self.row.log, self.since) or said or "its job ended before it began"
        self.failures += 1
        again = self.failures <= retries and status not in (0, USAGE_ERROR)
        self.state, self.left = WAITS if again else FAILED, None


def _watch(tasks: Sequence[Task], jobs: Jobs, retries: int) -> None:
    """Keep as many runs at work as there is room for until each row is recorded or has failed."""
    adopted = {attempt.log: job for job, attempt in jobs.adopted().items()}
    for task in tasks:
        task.attempt.places = jobs.places
        if task.row.log in adopted and task.state == WAITS:
            task.submit(adopted[task.row.log])
    board = _Board()
    refused_at = -float(REFUSED)
    while True:
        active = jobs.active()
        for task in tasks:
            task.look(active, jobs, retries)
        states = Counter(task.state for task in tasks)
        room = jobs.room - states[RUNS] - states[QUEUED]
        due = [task for task in tasks if task.state == WAITS][: max(0, room)]
        if due and time.monotonic() - refused_at >= REFUSED:
            try:
                _submit(due, jobs)
            except UserError as error:  # later ones may be refused for a while
                if states[RUNS] + states[QUEUED] == 0:
                    raise
                refused_at = time.monotonic()
                for task in due:
                    task.why = str(error)
        board.show(tasks)
        if all(task.state in (RECORDED, FAILED) for task in tasks):
            return
        time.sleep(jobs.seconds)


def _submit(due: Sequence[Task], jobs: Jobs) -> None:
    for task in due:
        log = task.row.log
        task.since = log.stat().st_size if log.exists() else 0
    for task, job in zip(due, jobs.submit([task.attempt for task in due]), strict=False):
        task.submit(job)


class _Board:
    """The states of all rows: a table that is drawn anew in a terminal, elsewhere what changes."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._drawn = 0
        self._known: dict[str, str] = {}

    def show(self, tasks: Sequence[Task]) -> None:
        if self._live:
            width, height = shutil.get_terminal_size()
            lines = [line[: width - 1] for line in _table(tasks, height - 2)]
            up = f"\x1b[{self._drawn}F" if self._drawn else ""
            print(up + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J", end="", flush=True)
            self._drawn = len(lines)
            return
        for task in tasks:
            what = f"{task.state}, {task.why}" if task.why else task.state
            if self._known.get(task.name, WAITS) != what:
                self._known[task.name] = what
                left = "" if task.left is None else f", {_clock(task.left)} left"
                print(f"{task.name}: {what}{left}", flush=True)


def _table(tasks: Sequence[Task], lines: int) -> Iterator[str]:
    """At most so many lines, of which the last is a summary; what is at work comes first."""
    order = (RUNS, FAILED, QUEUED, WAITS, RECORDED)
    shown = sorted(tasks, key=lambda task: order.index(task.state))[: max(0, lines - 2)]
    kept = {task.name for task in shown}
    cells = [HEADINGS]
    for task in tasks:
        if task.name in kept:
            row, left = task.row, "" if task.left is None else _clock(task.left)
            cells.append((row.method, row.data, str(row.seed), task.state, task.why, left))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(padded).rstrip()
    states = Counter(task.state for task in tasks)
    yield ", ".join(f"{states[state]} {state}" for state in order if states[state])


def _clock(seconds: float) -> str:
    """Hours, minutes and seconds.

    >>> _clock(3725.4)
    '1:02:05'
    """
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
