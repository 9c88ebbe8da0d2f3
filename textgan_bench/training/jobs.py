"""Where the attempts of a grid are carried out: processes of this machine, or jobs of SLURM.

submitit starts both. What it says of their state is not used: it asks ``sacct``, which a cluster
without accounting does not have, and reads results, which a killed job does not leave.
"""

import io
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from textgan_bench.errors import UserError, one_line
from textgan_bench.files import locked
from textgan_bench.training.attempt import Attempt
from textgan_bench.training.row import RUNS

if TYPE_CHECKING:
    from submitit import AutoExecutor

FOLDER = RUNS / ".grid"
NAME = "textgan-grid"
"""Of the jobs of SLURM."""
YEAR = 366 * 24 * 60
"""Minutes after which submitit stops a process of this machine; 2 if it is not told."""
LIMITS = 100
"""Time limits after which submitit gives a job up; 3 if it is not told. Each leaves a checkpoint,
so that training comes to its end in any case; a test that takes longer than a limit never does."""
NOTICE = 120
"""Seconds before the time limit in which the run ends its batch and writes its checkpoint."""
ARRAY = 1001
"""Jobs of an array at most where SLURM does not say: its default."""
STOPPING = 60
"""Seconds that processes have to end their batches when the grid is stopped."""


class Jobs(Protocol):
    """What carries out attempts. A job is known by its number, which is a text."""

    places: Sequence[tuple[Path, str]]
    """As of ``Attempt``."""
    room: int
    """Jobs at once at most."""
    seconds: float
    """Between two looks at what has become of them."""

    def adopted(self) -> dict[str, Attempt]:
        """Jobs that a launcher of before submitted and that have not ended."""

    def submit(self, attempts: Sequence[Attempt]) -> list[str]:
        """Their jobs.

        Raises:
            UserError: they are refused.
        """

    def active(self) -> Mapping[str, str]:
        """Jobs that have not ended, and what each waits for; nothing for one that is at work."""

    def said(self, job: str) -> str:
        """The last line that an ended job has left besides the log of its run; forgets the job."""

    def stop(self) -> None:
        """Let jobs end that would not go on without a launcher."""


class Processes:
    """Processes of this machine, as many at once as there is room for."""

    seconds = 1.0

    def __init__(self, folder: Path, devices: Sequence[str], per_device: int) -> None:
        self.places: Sequence[tuple[Path, str]] = [
            (FOLDER / f"device{device and '-'}{device}-{n}.lock", device)
            for n in range(per_device)
            for device in devices
        ]
        self.room = len(self.places)
        self._folder = folder
        self._executor = _executor("local", folder)
        self._executor.update_parameters(timeout_min=YEAR)
        self._jobs: dict[str, Any] = {}

    def adopted(self) -> dict[str, Attempt]:
        return {}  # whoever is at work holds the log of its run

    def submit(self, attempts: Sequence[Attempt]) -> list[str]:
        jobs = {job.job_id: job for job in map(self._executor.submit, attempts)}
        self._jobs |= jobs
        return list(jobs)

    def active(self) -> Mapping[str, str]:
        return {number: "" for number, job in self._jobs.items() if not job.done()}

    def said(self, job: str) -> str:
        self._jobs.pop(job, None)
        return _said(self._folder, job)

    def stop(self) -> None:
        for job in self.active():
            os.kill(int(job), signal.SIGTERM)
        until = time.monotonic() + STOPPING
        while self.active() and time.monotonic() < until:
            time.sleep(0.1)


class Slurm:
    """Job arrays of SLURM, which go on without the launcher."""

    places: Sequence[tuple[Path, str]] = ()
    room = 1_000_000
    seconds = 10.0

    def __init__(self, partition: str | None, hours: float, options: Mapping[str, str]) -> None:
        self._folder = FOLDER / "slurm"
        self._executor = _executor("slurm", self._folder, slurm_max_num_timeout=LIMITS)
        self._executor.update_parameters(
            name=NAME,
            timeout_min=round(60 * hours),
            slurm_partition=partition,
            slurm_signal_delay_s=NOTICE,
            slurm_additional_parameters=dict(options),
            # srun does not take over what sbatch was told, since SLURM 22.05.
            slurm_setup=[
                '[ -z "$SLURM_CPUS_PER_TASK" ] || export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"'
            ],
        )
        self._active: dict[str, str] = {}

    def adopted(self) -> dict[str, Attempt]:
        from submitit.core.utils import DelayedSubmission

        # In this order: what is submitted in between is not taken for ended.
        files = list(self._folder.glob("*"))
        self._active = _queue()
        arrays = {job.partition("_")[0] for job in self._active}
        found: dict[str, Attempt] = {}
        for path in files:
            job = path.name.removesuffix("_submitted.pkl")
            if job in self._active:
                found[job] = cast(Attempt, DelayedSubmission.load(path).function)
            number = re.match(r"\d+(?=_)", path.name)
            if (number and number[0] not in arrays) or not path.exists():
                path.unlink(missing_ok=True)
        return found

    def submit(self, attempts: Sequence[Attempt]) -> list[str]:
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        size = _largest_array()
        jobs: list[str] = []
        for start in range(0, len(attempts), size):
            try:
                with redirect_stderr(io.StringIO()):  # the error says it, too
                    array = self._executor.submit_array(attempts[start : start + size])
            except (FailedJobError, FailedSubmissionError) as error:
                if jobs:
                    break
                raise UserError(one_line(str(error))) from None
            jobs += [job.job_id for job in array]
        self._active |= dict.fromkeys(jobs, "PENDING")
        return jobs

    def active(self) -> Mapping[str, str]:
        with suppress(UserError):  # a controller that is busy, and asked again
            self._active = _queue()
        return self._active

    def said(self, job: str) -> str:
        return _said(self._folder, job)

    def stop(self) -> None:
        print(f"jobs of SLURM go on; scancel --me --name={NAME} ends them")


@contextmanager
def processes(per_device: int) -> Iterator[Processes]:
    """Processes of this machine; what submitit writes for them goes with the launcher."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("local-*"):  # of launchers that were killed
        with suppress(OSError), locked(old, wait=False):
            shutil.rmtree(old)
    folder = Path(tempfile.mkdtemp(prefix="local-", dir=FOLDER))
    with locked(folder):
        try:
            yield Processes(folder, _devices(), per_device)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _devices() -> list[str]:
    """Names of the GPUs for ``CUDA_VISIBLE_DEVICES``; one without a name where there are none."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        import torch  # seconds, which a cluster does not wait for

        return [str(n) for n in range(torch.cuda.device_count())] or [""]
    return [name for name in map(str.strip, chosen.split(",")) if name] or [""]


def _executor(cluster: str, folder: Path, **options: object) -> "AutoExecutor":
    try:
        import submitit
    except ModuleNotFoundError:
        raise UserError(
            "a grid needs submitit: pip install 'textgan_bench[grid]', in a checkout make setup"
        ) from None
    if cluster == "slurm" and not shutil.which("sbatch"):
        raise UserError("there is no SLURM here: sbatch is not found")
    return submitit.AutoExecutor(folder, cluster=cluster, **options)


def _queue() -> dict[str, str]:
    """Jobs of the user that SLURM has not ended, and what each waits for.

    Raises:
        UserError: SLURM does not say.
    """
    jobs = {}
    for line in _asked("squeue", "--me", "--noheader", "--array", "--format=%i|%T|%r").splitlines():
        job, state, why = line.strip().split("|", 2)
        running = state in ("RUNNING", "COMPLETING")
        jobs[job] = "" if running else state if why == "None" else f"{state}, {why}"
    return jobs


def _largest_array() -> int:
    found = re.search(
        r"^MaxArraySize\s*= (\d+)", _asked("scontrol", "show", "config"), re.MULTILINE
    )
    return int(found[1]) if found else ARRAY


def _asked(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(one_line(f"{command[0]}: {done.stderr}"))
    return done.stdout


def _said(folder: Path, job: str) -> str:
    lines: list[str] = []
    for path in sorted(folder.glob(f"{job}_*")):
        if path.name.endswith("_log.err"):
            lines += path.read_text(encoding="utf-8", errors="replace").split("\n")
        path.unlink(missing_ok=True)
    return one_line(next((line for line in reversed(lines) if line.strip()), ""))
