"""Fixtures of the tests of commands."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

from tests.checkout import RECIPES, Command, write_recipe
from textgan_bench.cli.openmp import share_processors

ROOT = Path(__file__).parent.parent

share_processors()  # of processes that tests start

# The networks of the tests are so small that threads only wait for each other.
torch.set_num_threads(1)

# The machine may be busy, and a run repeats. To search longer: --hypothesis-profile search
settings.register_profile(
    "suite",
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "search", settings.get_profile("suite"), max_examples=1000, derandomize=False
)
settings.load_profile("suite")

if not torch.cuda.is_available():
    # Kernels of a GPU by their interpreter. It is read when Triton is imported, as Lightning does.
    os.environ["TRITON_INTERPRET"] = "1"


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """No other process where what a test prints is to be seen, or where a GPU is timed."""
    alone = config.option.capture == "no" or config.option.markexpr == "gpu"
    return 0 if alone else None


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("WANDB_MODE", "disabled")
    for name, text in RECIPES.items():
        write_recipe(name, text)
    return tmp_path


@pytest.fixture
def command(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    return Command(monkeypatch, capsys)


@pytest.fixture
def default_signals() -> Iterator[None]:
    """Signals end the test's commands as they would end a user's, in this process or another.

    A shell lets its background jobs, such as a run of pytest, ignore SIGINT, and Lightning leaves
    it ignored where a command ends.
    """
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
