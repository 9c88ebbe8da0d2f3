"""The samples that a page shows are those of a run and its record."""

import sys
from pathlib import Path

import pytest

from benchmarks.figures.samples import KEPT, arguments, main
from tests.leaderboard.test_leaderboard import RUN
from textgan_bench import leaderboard
from textgan_bench.training.row import Row

ROW = Row("nagan", "hmm", 0, "quick")


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A run of 30 sentences and its record, in the working folder."""
    monkeypatch.chdir(tmp_path)
    lines = [f"a w{i}" for i in range(30)]
    ROW.run.folder.mkdir(parents=True)
    ROW.run.samples.write_text("\n".join(lines), encoding="utf-8")
    scores = {"distinct_words": 31.0, "distinct_sentences": 1.0}
    fields = {**vars(RUN), "num_samples": 30, "scores": scores}
    leaderboard.write(leaderboard.Record(**fields))
    return lines


def test_the_first_samples_of_a_run_lie_beside_its_record(finished: list[str]) -> None:
    path = main(ROW)
    assert path == Path("leaderboard/samples/hmm/nagan-quick-seed0-0123456789ab.txt")
    assert path.read_text(encoding="utf-8").splitlines() == finished[:KEPT]


def test_samples_of_another_training_are_refused(finished: list[str]) -> None:
    ROW.run.samples.write_text("\n".join(["a b"] * 30), encoding="utf-8")
    with pytest.raises(SystemExit, match=r"^no record on the leaderboard was scored on runs/hmm"):
        main(ROW)


def test_a_missing_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"is missing: train and test the row by make bench$"):
        main(ROW)


def test_a_row_is_named_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["samples", "hmm", "nagan", "--seed", "2", "--budget", "cpu"])
    assert arguments() == Row("nagan", "hmm", 2, "cpu")
