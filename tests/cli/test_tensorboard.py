"""TensorBoard by one option, beside the loggers of the recipe."""

from pathlib import Path

import pytest

from tests.checkout import RUN, Command
from textgan_bench.training import command_line


def test_a_run_logs_for_tensorboard_beside_its_own_loggers(command: Command) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    command.bench("--tensorboard")
    trained = EventAccumulator(str(RUN / "tensorboard/version_0")).Reload()
    tested = EventAccumulator(str(RUN / "tensorboard/version_1")).Reload()
    curve = trained.Scalars("validation/words")
    assert [event.step for event in curve] == [5, 11], "after each of two epochs"
    assert "test/words" in tested.Tags()["scalars"]
    assert list(RUN.glob("csv/version_*/metrics.csv")), "the CSV file is there, too"
    again = command.bench()  # the option makes it no other run
    assert "is finished" in again.out


def test_without_tensorboard_the_option_says_how_to_install_it(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_line, "find_spec", lambda name: None)
    line = command.refused("bench", "boring", "--data", "noise", "--tensorboard")
    assert "TensorBoard is not installed: pip install 'textgan_bench[tensorboard]'" in line
    assert not Path("runs").exists()
