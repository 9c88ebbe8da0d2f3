"""One attempt of a grid: what its log tells, what it holds, and what ends it."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tqdm import tqdm

from textgan_bench.files import held, is_held
from textgan_bench.training.attempt import BEGINS, ENDED, Attempt, end, progress, reason

pytest.importorskip("submitit", reason="needs the extra [grid]")
pytestmark = pytest.mark.usefixtures("default_signals")

LOG = Path("runs/noise/mle/quick-seed0.log")
WAIT = "import time; print('at work', flush=True); time.sleep(600)"
ATTEMPT = """
import sys
from pathlib import Path
from textgan_bench.training.attempt import Attempt

sys.exit(Attempt(("-c", sys.argv[2]), Path(sys.argv[1]))() & 255)
"""
SECONDS = 120


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def attempted(program: str) -> int:
    return Attempt(("-c", program), LOG)()


def until(done: object) -> None:
    """Wait until a function of no arguments says so."""
    assert callable(done)
    last = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < last, LOG.read_text(encoding="utf-8")
        time.sleep(0.02)


def test_the_log_tells_the_command_what_it_said_and_how_it_ended() -> None:
    assert attempted("import sys; print('out'); print('err', file=sys.stderr)") == 0
    first, *said, last = LOG.read_text(encoding="utf-8").splitlines()
    assert first.startswith(f"{BEGINS} -c ")
    assert said == ["out", "err"]
    assert last == f"{ENDED} 0"
    assert end(LOG) == 0
    assert not is_held(LOG)


def test_a_bar_that_was_being_drawn_hides_no_end() -> None:
    attempted("import os; print('training: 45%', end='', flush=True); os.kill(os.getpid(), 9)")
    assert LOG.read_text(encoding="utf-8").splitlines()[1:] == ["training: 45%", f"{ENDED} -9"]
    assert end(LOG) == -9


@pytest.mark.parametrize(
    ("program", "status", "why"),
    [
        ("import sys; sys.exit('textgan_bench: no method x')", 1, "no method x"),
        ("raise ValueError('two\\nlines')", 1, "ValueError: two"),
        ("import os; os.kill(os.getpid(), 9)", -9, "killed by SIGKILL"),
        ("import sys; sys.exit(143)", 143, "stopped by SIGTERM"),
        ("import sys; sys.exit(255)", 255, "ended with status 255"),
    ],
)
def test_the_log_tells_why_a_run_failed(program: str, status: int, why: str) -> None:
    attempted("raise RuntimeError('of before')")
    since = LOG.stat().st_size
    assert attempted(program) == status
    assert (end(LOG, since), reason(LOG, since)) == (status, why)


def test_an_attempt_that_has_not_begun_has_no_reason() -> None:
    assert (end(LOG), reason(LOG)) == (None, "")
    attempted("raise RuntimeError('of before')")
    size = LOG.stat().st_size
    assert (end(LOG, size), reason(LOG, size)) == (None, "")


def test_lightning_is_told_of_no_job_to_requeue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_NTASKS", "1")
    monkeypatch.setenv("SLURM_JOB_NAME", "textgan-grid")
    detect = (
        "from lightning_fabric.plugins.environments.slurm import SLURMEnvironment as S; "
        "print('detected', S.detect())"
    )
    assert subprocess.check_output([sys.executable, "-c", detect], text=True) == "detected True\n"
    assert attempted(detect) == 0
    assert "detected False" in LOG.read_text(encoding="utf-8")


def test_a_run_takes_the_first_device_with_room() -> None:
    places = [(Path(f"device-{n}.lock"), str(n)) for n in (4, 7)]
    program = "import os; print('on', os.environ['CUDA_VISIBLE_DEVICES'])"
    attempt = Attempt(("-c", program), LOG, places)
    attempt()
    with held(places[0][0]):
        attempt()
    said = [line for line in LOG.read_text(encoding="utf-8").splitlines() if line[:2] == "on"]
    assert said == ["on 4", "on 7"]
    assert not any(is_held(path) for path, _ in places)


def start(program: str) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen([sys.executable, "-c", ATTEMPT, LOG, program])
    until(lambda: LOG.exists() and "\nat work" in LOG.read_text(encoding="utf-8"))
    return process


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def test_a_run_outlives_what_watched_over_it_and_its_log_stays_held() -> None:
    program = f"import os; print('number', os.getpid(), flush=True); {WAIT}"
    with start(program) as process:
        process.kill()
    assert is_held(LOG)
    (number,) = [
        int(line.split()[1])
        for line in LOG.read_text(encoding="utf-8").splitlines()
        if line.startswith("number ")
    ]
    os.kill(number, signal.SIGKILL)
    until(lambda: not is_held(LOG))
    assert end(LOG) is None
    assert "killed" in reason(LOG)


def test_what_ends_an_attempt_ends_its_run_and_waits_for_it() -> None:
    program = (
        "import signal, sys, time; signal.signal(15, lambda *_: (print('saved'), sys.exit(143))); "
        + WAIT
    )
    with start(program) as process:
        process.send_signal(signal.SIGINT)  # the run has its own from the terminal
        process.terminate()
        assert process.wait(SECONDS) == 143
    assert LOG.read_text(encoding="utf-8").splitlines()[-2:] == ["saved", f"{ENDED} 143"]


def test_a_second_attempt_waits_for_the_first() -> None:
    with start(f"print('first'); {WAIT}") as first:
        second = subprocess.Popen([sys.executable, "-c", ATTEMPT, LOG, "print('second')"])
        with second:
            with pytest.raises(subprocess.TimeoutExpired):
                second.wait(2)
            first.terminate()
            assert second.wait(SECONDS) == 0
    said = LOG.read_text(encoding="utf-8")
    assert said.index("first") < said.index(ENDED) < said.index("second")


LIMITED = """
import os, signal, sys
from pathlib import Path
from textgan_bench.training.attempt import Attempt

attempt = Attempt(("-c", sys.argv[2]), Path(sys.argv[1]))

def up(number, frame):  # as submitit's handler
    again = attempt.checkpoint().function
    assert again == attempt and again is not attempt
    os._exit(7)

signal.signal(signal.SIGUSR2, up)
attempt()
"""


def test_a_time_limit_leaves_a_checkpoint_and_the_same_command() -> None:
    program = (
        "import os, signal, sys; signal.signal(15, lambda *_: (print('saved'), sys.exit(143))); "
        "os.kill(os.getpid(), signal.SIGUSR2); " + WAIT  # SLURM sends it to the run, too
    )
    process = subprocess.Popen([sys.executable, "-c", LIMITED, LOG, program])
    with process:
        until(lambda: LOG.exists() and "\nat work" in LOG.read_text(encoding="utf-8"))
        process.send_signal(signal.SIGUSR2)
        assert process.wait(SECONDS) == 7
    assert LOG.read_text(encoding="utf-8").splitlines()[-1] == "saved"
    assert not is_held(LOG)


def bar(name: str, done: int, of: int, rate: float) -> str:
    """What tqdm prints of a training that is so far."""
    text = io.StringIO()
    with tqdm(desc=f"training {name}, pretraining", unit="batch", total=of, file=text) as shown:
        shown.start_t -= done / rate
        shown.update(done)
        shown.refresh()
        return text.getvalue()


@pytest.mark.parametrize(
    ("done", "of", "rate", "what", "left"),
    [
        (25, 100, 1.0, "trains, 25 %", 75),
        (1, 20_000, 2.0, "trains, 0 %", 9999),
        (10, 100_000, 0.5, "trains, 0 %", 199_980),
        (100, 100, 1.0, "is scored", None),
    ],
)
def test_progress_is_that_of_the_bar(
    done: int, of: int, rate: float, what: str, left: float | None
) -> None:
    LOG.parent.mkdir(parents=True)
    of_before = bar("quick-seed0", 50, 100, 1.0)
    other = bar("an RNN-LM", 3, 100, 1.0)
    now = bar("quick-seed0", done, of, rate)
    LOG.write_text(f"{BEGINS} x\n{of_before}\n{BEGINS} x\n{now}\n{other}", encoding="utf-8")
    shown, seconds = progress(LOG)
    assert shown == what
    assert seconds == (left if left is None else pytest.approx(left, abs=5, rel=0.01))
    since = LOG.stat().st_size
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"\n{BEGINS} x\n")
    assert progress(LOG) == progress(LOG, since) == ("starts", None)


def test_time_passes_between_two_lines_of_the_bar() -> None:
    LOG.parent.mkdir(parents=True)
    LOG.write_text(bar("quick-seed0", 50, 100, 1.0), encoding="utf-8")
    os.utime(LOG, (time.time() - 20,) * 2)
    assert progress(LOG)[1] == pytest.approx(30, abs=5)
