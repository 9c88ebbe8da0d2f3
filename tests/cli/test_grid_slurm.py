"""``grid`` on a real SLURM: one node, this machine, whose daemons the tests start and stop.

    apt-get install slurm-wlm munge
    make test ARGS='-m slurm -n 0'

as root, or as a user who may start ``slurmd``.
"""

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.checkout import write_recipe
from textgan_bench import leaderboard
from textgan_bench.training.attempt import BEGINS
from textgan_bench.training.row import Row

SECONDS = 900
NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "squeue")
PATH = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where daemons lie, of which not every user's shell knows."""
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge/socket
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,bf_interval=2
MpiDefault=none
ReturnToService=2
SwitchType=switch/none
MaxArraySize=4
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus}
PartitionName=small Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(
        not all(shutil.which(name, path=f"{os.environ['PATH']}:{PATH}") for name in NEEDED),
        reason="needs SLURM and munge: apt-get install slurm-wlm munge",
    ),
]


def until(done: Callable[[], object], seconds: float = SECONDS, why: Path | None = None) -> None:
    last = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < last, why and why.read_text(encoding="utf-8", errors="replace")
        time.sleep(0.2)


def free_ports(n: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def asked(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder of a SLURM of one node; its daemons end with the tests of this file."""
    folder = tmp_path_factory.mktemp("slurm")
    with pytest.MonkeyPatch.context() as environment, ExitStack() as daemons:
        environment.setenv("PATH", f"{os.environ['PATH']}:{PATH}")
        environment.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        for name in ("munge", "state", "spool"):
            (folder / name).mkdir(mode=0o755)
        key = folder / "munge" / "key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        controller, node = free_ports(2)
        text = CONFIGURATION.format(
            folder=folder,
            host=socket.gethostname().partition(".")[0],
            user=getpass.getuser(),
            controller=controller,
            node=node,
            cpus=os.cpu_count(),
        )
        (folder / "slurm.conf").write_text(text, encoding="utf-8")

        def start(*command: str) -> None:
            with (folder / f"{command[0]}.said").open("wb") as said:
                daemon = subprocess.Popen(command, stdout=said, stderr=said)
            daemons.callback(stop, daemon)

        start(
            *("munged", "--foreground", "--force", "--num-threads=1"),
            *(f"--{name}-file={folder}/munge/{name}" for name in ("key", "pid", "log", "seed")),
            f"--socket={folder}/munge/socket",
        )
        until((folder / "munge" / "socket").exists, 60, folder / "munged.said")
        start("slurmctld", "-D", "-i", "-f", str(folder / "slurm.conf"))
        start("slurmd", "-D", "-f", str(folder / "slurm.conf"))
        until(lambda: "idle" in asked("sinfo", "-h", "-o", "%T"), 120, folder / "slurmd.log")
        yield folder
        subprocess.run(["scancel", "--me", "--signal=KILL"], check=False)


def stop(daemon: "subprocess.Popen[bytes]") -> None:
    daemon.terminate()
    try:
        daemon.wait(30)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


METHODS, DATA, SEEDS = ("boring", "dull", "flat"), ("noise", "hum"), (0, 1)
ROWS = [Row(method, data, seed, "quick") for method in METHODS for data in DATA for seed in SEEDS]


@pytest.fixture
def grid(cluster: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command of a grid of rows that take some seconds each."""
    for name in DATA:
        write_recipe(f"{name}/data.yaml", "data: {class_path: tests.boring.BoringData}")
        for method in METHODS:
            write_recipe(
                f"{name}/{method}.yaml",
                """
                model: {class_path: tests.boring.Boring, init_args: {seconds: 0.1}}
                trainer: {max_epochs: 20}
                evaluate: {budget_label: twenty epochs}
                """,
            )
            write_recipe(f"{name}/{method}-quick.yaml", "trainer: {max_epochs: 20}")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    queue = ["--cluster", "slurm", "--partition", "small"]
    return [sys.executable, "-m", "textgan_bench", "grid", *METHODS, "--data", *DATA, *queue]


def log(row: Row) -> str:
    return row.log.read_text(encoding="utf-8") if row.log.exists() else ""


def run_of(row: Row) -> int:
    """The process that ``bench`` of a row is."""
    line = f"-m textgan_bench bench {row.method} --data {row.data} --seed {row.seed} "
    return int(asked("pgrep", "-f", f"^{sys.executable} {line}"))


def job_of(row: Row) -> str:
    """The number that SLURM gave the job whose process ``bench`` is."""
    parent = Path(f"/proc/{run_of(row)}/stat").read_text("utf-8").rpartition(")")[2].split()[1]
    variables = Path(f"/proc/{parent}/environ").read_text("utf-8").split("\0")
    return next(v.partition("=")[2] for v in variables if v.startswith("SLURM_JOB_ID="))


def is_training(row: Row) -> bool:
    return row.run.checkpoint("last.ckpt").exists() and not row.has_record()


def records() -> Counter[tuple[str, str, int]]:
    return Counter(
        (each.method, each.data, each.seed)
        for each in leaderboard.load_records()
        if each.source == "run"
    )


def test_a_grid_survives_kills_of_runs_jobs_and_the_launcher(grid: list[str]) -> None:
    """12 rows in arrays of at most 4, as ``MaxArraySize`` says: 12 records, and none twice."""
    command = [*grid, "--seeds", *map(str, SEEDS), "--hours", "1"]
    with Path("said").open("wb") as said:
        launcher = subprocess.Popen(command, stdout=said, stderr=said)
    first, second = ROWS[:2]
    until(lambda: is_training(first), why=Path("said"))
    os.kill(run_of(first), signal.SIGKILL)  # the run alone
    until(lambda: is_training(second), why=Path("said"))
    job = job_of(second)
    assert asked("squeue", "-h", "-j", job, "-o", "%j").strip() == "textgan-grid"
    launcher.kill()
    launcher.wait()
    subprocess.run(["scancel", "--signal=KILL", "--full", job], check=True)  # the job as a whole
    waiting = asked("squeue", "--me", "-h", "-r", "-o", "%i").split()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "12 of 12 rows have a record"
    assert len(waiting) >= 8, "the second launcher found the jobs of the first"
    found = records()
    assert len(found) == len(ROWS)
    assert set(found.values()) == {1}
    for row in (first, second):
        assert f"{row.run.folder} goes on from its checkpoint" in log(row)
    assert [log(row).count(BEGINS) for row in ROWS] == [2, 2] + [1] * 10, "none was begun twice"
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert again.stdout == "12 of 12 rows have a record\n"


def test_a_run_goes_on_in_the_same_job_when_it_is_told_that_the_time_is_up(
    grid: list[str],
) -> None:
    """By the signal that SLURM sends before the limit, and to be preempted."""
    write_recipe(
        "noise/boring-quick.yaml", "model: {init_args: {seconds: 0.5}}\ntrainer: {max_epochs: 20}"
    )
    row = ROWS[0]
    command = [*grid[:5], "--data", "noise", *grid[grid.index("--cluster") :], "--hours", "1"]
    with Path("said").open("wb") as said:
        launcher = subprocess.Popen(command, stdout=said, stderr=said)
    until(lambda: is_training(row), why=Path("said"))
    job = job_of(row)
    subprocess.run(["scancel", "--signal=USR2", job], check=True)
    until(lambda: log(row).count(BEGINS) == 2, why=Path("said"))
    until(lambda: is_training(row) and asked("pgrep", "-f", "textgan_bench bench"))
    assert job_of(row) == job, "which submitit put into the queue again"
    assert launcher.wait(SECONDS) == 0, Path("said").read_text(encoding="utf-8")
    assert f"{row.run.folder} goes on from its checkpoint" in log(row)
    assert list(records().values()) == [1]


def test_jobs_that_slurm_refuses_are_told_in_a_line(grid: list[str]) -> None:
    command = [*grid[:-1], "nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "nvalid partition" in done.stderr
    assert done.stderr.count("\n") == 1
