"""The Makefile forwards variables, and says in one line what is missing."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from textgan_bench.cli.openmp import CHOICES, SPIN_COUNT

ROOT = Path(__file__).parent.parent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout without ``.venv``."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.fixture
def installed(checkout: Path) -> Path:
    """A checkout whose ``.venv`` is fresh and whose Python prints its arguments."""
    python = checkout / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@"\n', encoding="utf-8")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    (checkout / ".venv/.installed").touch()
    return checkout


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # The variables of the make that runs these tests are not ours.
    clean = ["env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "-u", "MFLAGS", "make", "-C", str(folder)]
    return subprocess.run([*clean, *arguments], capture_output=True, text=True, check=False)


def words(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["bench"], "METHOD is missing"),
        (["grid"], "METHODS is missing"),
        (["table"], "NAME is missing"),
        (["sweep"], "METHOD is missing"),
        (["setup", "PYTHON=false"], "Python 3.11 or newer"),
        (["setup", "CXX=no-such-compiler"], "no-such-compiler is not found"),
        (["test", "PYTHON=false"], "Python 3.11 or newer"),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    checkout: Path, arguments: list[str], complaint: str
) -> None:
    done = make(checkout, "--no-print-directory", *arguments)
    assert done.returncode != 0
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (checkout / ".venv").exists()


def test_table_forwards_its_variables(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")  # of the terminal, as shells set it
    assert words(make(installed, "-s", "table", "NAME=nagan-table2")) == (
        "-m textgan_bench table nagan-table2 --format md"
    )
    chosen = ["METHODS=mle nagan", "COLUMNS=COCO SNLI-FED", "FORMAT=tex"]
    assert words(make(installed, "-s", "table", "NAME=nagan-table2", *chosen)) == (
        "-m textgan_bench table nagan-table2 --format tex --methods mle nagan "
        "--columns COCO SNLI-FED"
    )
    refused = make(installed, "-s", "table", "NAME=nagan-table2", "METHOD=mle")
    assert "METHOD is not a variable of make table" in refused.stderr
    assert "COLUMNS is not a variable" in make(installed, "bench", "COLUMNS=COCO").stderr


def test_bench_forwards_its_variables(installed: Path) -> None:
    assert words(make(installed, "-s", "bench", "METHOD=nagan")) == (
        "-m textgan_bench bench nagan --data hmm --seed 0 --devices auto --budget quick"
    )
    data = ["DATA=coco", "DATA_DIR=/captions"]
    run = ["METHOD=mle", "SEED=1", "BUDGET=paper", "DEVICES=2", "FORCE=1"]
    assert words(make(installed, "-s", "bench", *data, *run)) == (
        "-m textgan_bench bench mle --data coco --data_dir /captions --seed 1 --devices 2 "
        "--budget paper --force"
    )
    seeds = make(installed, "-s", "bench", "METHOD=mle", "SEED=1 2")
    assert "--seed 1 2 --devices" in words(seeds)
    assert words(make(installed, "-s", "sweep", "METHOD=mle", "SEED=1 2")) == (
        "-m textgan_bench sweep runs/hmm/mle/quick-seed1 runs/hmm/mle/quick-seed2"
    )
    for target in ("bench", "smoke", "data"):
        own_text = make(installed, "-s", target, "METHOD=mle", "DATA=pets.txt", "TOKENISED=1")
        assert "pets.txt --tokenised" in words(own_text)
    extras = make(installed, "-s", "bench", "METHOD=mle", "EXTRAS=nearest rnn")
    assert words(extras).endswith("--budget quick --extras nearest rnn")
    changed = make(installed, "-s", "bench", "METHOD=mle", "SET=trainer.x=1 data.y=2", "RECORD=1")
    assert words(changed).endswith("--budget quick --set trainer.x=1 data.y=2 --record")
    assert words(make(installed, "-s", "sweep", *data, *run)) == (
        "-m textgan_bench sweep runs/coco/mle/paper-seed1"
    )


def test_grid_forwards_its_variables(installed: Path) -> None:
    assert words(make(installed, "-s", "grid", "METHODS=nagan mle")) == (
        "-m textgan_bench grid nagan mle --data hmm --seeds 0 --budget quick --cluster local "
        "--per_device 1 --hours 24 --retries 2"
    )
    rows = ["METHODS=mle", "DATA=hmm coco", "SEEDS=0 1", "BUDGET=cpu", "PER_DEVICE=2", "RETRIES=0"]
    queue = ["CLUSTER=slurm", "PARTITION=gpu", "HOURS=8", "SBATCH=mem=16G qos=low"]
    assert words(make(installed, "-s", "grid", *rows, *queue)) == (
        "-m textgan_bench grid mle --data hmm coco --seeds 0 1 --budget cpu --cluster slurm "
        "--partition gpu --per_device 2 --hours 8 --retries 0 --sbatch mem=16G qos=low"
    )


@pytest.mark.parametrize(
    ("variable", "complaint"),
    [
        ("METHOD=mle", "METHOD is not a variable of make grid (did you mean METHODS?)"),
        ("SEED=1", "SEED is not a variable of make grid (did you mean SEEDS?)"),
        ("FORCE=1", "FORCE is not a variable of make grid: METHODS SEEDS CLUSTER"),
    ],
)
def test_a_grid_refuses_the_variables_of_a_run(
    installed: Path, variable: str, complaint: str
) -> None:
    (installed / "textgan_bench").mkdir()
    shutil.copy(ROOT / "textgan_bench/errors.py", installed / "textgan_bench")
    done = make(installed, "-s", "grid", "METHODS=mle", variable)
    assert done.returncode != 0
    assert complaint in done.stderr
    assert not done.stdout


@pytest.mark.parametrize(
    ("chosen", "exported"),
    [
        ({}, f"[{SPIN_COUNT}] []"),
        ({"GOMP_SPINCOUNT": "5"}, "[5] []"),
        ({"OMP_WAIT_POLICY": "active"}, "[] [active]"),
    ],
)
def test_threads_wait_as_the_program_or_the_user_wants(
    installed: Path, monkeypatch: pytest.MonkeyPatch, chosen: dict[str, str], exported: str
) -> None:
    print_choices = '#!/bin/sh\necho "[$GOMP_SPINCOUNT] [$OMP_WAIT_POLICY]"\n'
    (installed / ".venv/bin/python").write_text(print_choices, encoding="utf-8")
    for name in CHOICES:
        monkeypatch.delenv(name, raising=False)
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    assert words(make(installed, "-s", "test")) == exported


def test_tests_run_in_several_processes_unless_the_arguments_say_otherwise(installed: Path) -> None:
    several = "-m pytest -n auto --maxprocesses 8 --dist worksteal"
    assert words(make(installed, "-s", "test")) == several
    assert words(make(installed, "-s", "test", "ARGS=-m slow -n 0")) == f"{several} -m slow -n 0"


def test_figures_forwards_budget_and_seed(installed: Path) -> None:
    done = make(installed, "-s", "figures", "BUDGET=cpu", "SEED=2")
    assert words(done) == (
        "-m benchmarks.figures.pages -m benchmarks.figures --budget cpu --seed 2"
    )


def test_a_look_inside_one_run_draws_nothing_else(installed: Path) -> None:
    done = make(installed, "-s", "figures", "INSIDE=runs/my text/nagan/quick-seed0")
    assert words(done) == (
        "-m benchmarks.figures --budget quick --seed 0 --inside runs/my text/nagan/quick-seed0"
    )
    assert make(installed, "figures", "INSIDE=run").stderr == ""


def test_a_value_with_blanks_and_quotes_is_one_argument(installed: Path) -> None:
    python = installed / ".venv/bin/python"
    python.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n", encoding="utf-8")
    text = "own dir/Ann's fe male.txt"
    for target in ("bench", "smoke", "data"):
        done = make(installed, "-s", target, "METHOD=mle", f"DATA={text}", "DATA_DIR=a  folder")
        assert {text, "a  folder"} < set(done.stdout.splitlines()), target
    done = make(installed, "-s", "sweep", "METHOD=mle", "DATA=a b", "SEED=0 1")
    runs = done.stdout.splitlines()[-2:]
    assert runs == ["runs/a b/mle/quick-seed0", "runs/a b/mle/quick-seed1"]


@pytest.mark.parametrize(
    ("variable", "complaint"),
    [
        ("SEEDS=3", "SEEDS is not a variable of this Makefile (did you mean SEED?)"),
        ("method=nagan", "method is not a variable of this Makefile (did you mean METHOD?)"),
        ("LR=0.1", "LR is not a variable of this Makefile: METHOD DATA SEED"),
    ],
)
def test_a_variable_that_nothing_reads_is_refused(
    installed: Path, variable: str, complaint: str
) -> None:
    (installed / "textgan_bench").mkdir()
    shutil.copy(ROOT / "textgan_bench/errors.py", installed / "textgan_bench")
    done = make(installed, "-s", "bench", "METHOD=mle", variable)
    assert done.returncode != 0
    assert complaint in done.stderr
    assert "one of the environment comes before make" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_a_changed_dependency_makes_the_setup_stale(installed: Path) -> None:
    assert "pip install" not in make(installed, "tables").stdout
    (installed / ".venv/.installed").unlink()
    assert "pip install" in make(installed, "tables").stdout


def test_help_lists_every_target(checkout: Path) -> None:
    listed = [line.split()[0] for line in make(checkout, "-s").stdout.splitlines()]
    before = ["help", "setup", "bench", "grid", "table", "data", "smoke", "sweep"]
    assert listed == [*before, "test", "lint", "speed", "tables", "site", "figures"]
