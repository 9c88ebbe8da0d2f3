"""One attempt of a grid at a run: its command in a process of its own, and the log of the run.

The log tells how far a run is, so that whoever reads it needs neither the process that began the
run nor submitit's files: it is held while the run is at work, and each attempt writes into it how
it began and how it ended.
"""

import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from textgan_bench.errors import one_line
from textgan_bench.files import held

if TYPE_CHECKING:
    from submitit.core.utils import DelayedSubmission

BEGINS, ENDED = "grid: begins", "grid: ended with status"
TAIL = 65_536
"""Bytes at the end of a log that are read: a bar of progress, and the traceback of an error."""
SIGNALS = (signal.SIGTERM, signal.SIGUSR2)

_LAST = re.compile(rf"^{BEGINS} .*$|^{ENDED} (-?\d+)$", re.MULTILINE)
_BAR = r"training {}[^\r\n]*?: +(\d+)%\|[^\r\n]*?\[[\d:]+<((?:\d+:)?\d+:\d+|\?)"
"""Of tqdm, as ``RunProgress`` has it, after the name of the run."""
_SAID = re.compile(r"^textgan_bench: (.*)$", re.MULTILINE)
_RAISED = re.compile(
    r"^Traceback \(most recent call last\):\n(?:[ \t|].*\n|\n)*(\S.*)$", re.MULTILINE
)


@dataclass
class Attempt:
    """What submitit calls, on this machine or on a node of a cluster.

    Args:
        command: arguments of ``python``; the same command goes on where an earlier one ended.
        log: file that is held meanwhile and that the command's output is added to.
        places: files, of which one is held meanwhile, and the device that belongs to each, as
            ``CUDA_VISIBLE_DEVICES`` has it; without, the process sees the devices that it is given.
    """

    command: tuple[str, ...]
    log: Path
    places: Sequence[tuple[Path, str]] = ()
    _process: int = field(default=0, init=False, repr=False, compare=False)

    def __call__(self) -> int:
        """Carry out the command; returns its exit status, a negative one for a signal."""
        # Ctrl-C reaches every process of a terminal, the command included.
        signal.signal(signal.SIGINT, lambda number, frame: None)
        signal.signal(signal.SIGTERM, self._pass_on)
        with ExitStack() as kept:
            kept.enter_context(held(self.log))
            variables = self._environment(kept)
            self._say(f"{BEGINS} {shlex.join(self.command)}, {time.strftime('%F %T')}")
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until it is known whom to tell
            try:
                self._process = self._start(variables)
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            status = os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])
            self._say(f"{ENDED} {status}")
        return status

    def checkpoint(self) -> "DelayedSubmission":
        """What submitit puts into the queue again where the time is up: the same command.

        It calls this from within ``__call__``, which does not go on.
        """
        from submitit.core.utils import DelayedSubmission  # of the extra [grid]

        with suppress(ProcessLookupError, ChildProcessError):  # it has just ended by itself
            os.kill(self._process, signal.SIGTERM)
            os.waitpid(self._process, 0)
        return DelayedSubmission(Attempt(self.command, self.log, self.places))

    def _environment(self, kept: ExitStack) -> dict[str, str]:
        """Variables of the command; waits for a place where all are taken.

        Without those of SLURM, as Lightning would take the job for its own: it would put it into
        the queue once more, and count the tasks.
        """
        variables = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
        variables["PYTHONUNBUFFERED"] = "1"  # what it says last stands last
        while self.places:
            for path, device in self.places:
                with suppress(BlockingIOError):
                    kept.enter_context(held(path, wait=False))
                    return variables | {"CUDA_VISIBLE_DEVICES": device}
            time.sleep(1)
        return variables

    def _start(self, variables: dict[str, str]) -> int:
        append = os.O_WRONLY | os.O_APPEND
        return os.posix_spawn(
            sys.executable,
            [sys.executable, *self.command],
            variables,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.fspath(self.log), append, 0),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            # SLURM sends it to all processes of a job, and it would end this one at once.
            setsigmask=[signal.SIGUSR2],
        )

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        if not self._process:
            sys.exit(128 + number)
        with suppress(ProcessLookupError):
            os.kill(self._process, number)

    def _say(self, line: str) -> None:
        with self.log.open("a+b") as log:
            log.seek(max(0, log.tell() - 1))
            inside = log.read() not in (b"", b"\n")  # of a bar that was being drawn
            log.write(f"{chr(10) * inside}{line}\n".encode())


def end(log: Path, since: int = 0) -> int | None:
    """Exit status of the latest attempt in a log, None where it was not left to end.

    Args:
        since: bytes of the log that are of earlier attempts.
    """
    found = list(_LAST.finditer(_tail(log, since)))
    return int(found[-1][1]) if found and found[-1][1] else None


def reason(log: Path, since: int = 0) -> str:
    """Why the latest attempt in a log failed, in a line; empty where the log does not say."""
    text = _tail(log, since)
    status = end(log, since)
    if status is None:
        return "killed together with what watched over it" if _LAST.search(text) else ""
    signals = {each.value: each.name for each in signal.Signals}
    if -status in signals:
        return f"killed by {signals[-status]}"
    if status - 128 in signals:  # as of ``bench``, after its checkpoint
        return f"stopped by {signals[status - 128]}"
    said = _SAID.findall(text) or _RAISED.findall(text) or [""]
    return one_line(said[-1]) or f"ended with status {status}"


def progress(log: Path, since: int = 0) -> tuple[str, float | None]:
    """What the latest attempt in a log does, and how many seconds its training has left."""
    text = _tail(log, since)
    begun = [found.start() for found in _LAST.finditer(text)]
    bars = re.findall(_BAR.format(re.escape(log.stem)), text[begun[-1] if begun else 0 :])
    if not bars:
        return "starts", None
    percent, left = bars[-1]
    if percent == "100":
        return "is scored", None
    if left == "?":
        return f"trains, {percent} %", None
    seconds = 0.0
    for part in left.split(":"):
        seconds = 60 * seconds + int(part)
    return f"trains, {percent} %", max(0.0, seconds - (time.time() - log.stat().st_mtime))


def _tail(log: Path, since: int) -> str:
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(since, log.stat().st_size - TAIL))
        return file.read().decode(errors="replace")
