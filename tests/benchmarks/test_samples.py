"""The samples that a page shows are those of a run and its record."""

import sys
from pathlib import Path

import pytest

from benchmarks.figures.samples import KEPT, arguments, main, nearest
from datamodules import CFG, COCO, HMM, TextData
from tests.boring import BoringData
from tests.leaderboard.test_leaderboard import RUN
from textgan_bench import leaderboard
from textgan_bench.interfaces import Split
from textgan_bench.leaderboard.curves import load_curve
from textgan_bench.tokens import Sentence
from textgan_bench.training.row import Row

DATA = BoringData(revision=RUN.data_revision)

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
    path, beside = main(ROW, DATA)
    assert path == Path("leaderboard/samples/hmm/nagan-quick-seed0-0123456789ab.txt")
    assert path.read_text(encoding="utf-8").splitlines() == finished[:KEPT]
    assert beside == path.with_suffix(".csv")
    assert len(beside.read_text(encoding="utf-8").splitlines()) == 1 + KEPT


def test_the_curve_of_a_run_lies_beside_its_record(finished: list[str]) -> None:
    log = ROW.run.folder / "csv/version_0/metrics.csv"
    log.parent.mkdir(parents=True)
    log.write_text(
        "step,generator/loss,validation/oracle_nll,validation/unknown\n"
        "48,1.5,,\n49,,4.0000049,1\n99,,nan,1\n149,,3.5,1\n",
        encoding="utf-8",
    )
    *_, path = main(ROW, DATA)
    curve = load_curve(path)
    assert curve.batches == [50, 100, 150]
    assert curve.scores == {"oracle_nll": [4.0, None, 3.5]}


def test_text_that_is_not_ours_is_not_kept() -> None:
    class Small(TextData):
        def __init__(self, corpus: HMM | COCO) -> None:
            self.corpus = corpus

        def sentences(self, split: Split) -> list[Sentence]:
            return [["a", "cat", "sat"], ["a", "dog"]]

        def split_line(self, line: str) -> Sentence:
            return line.split()

    # {a, dog, a dog} of 5 n-grams, as "ran" and "dog ran" and "a dog ran" come beside: 3 / 6.
    ours = nearest(["a dog ran"], Small(HMM())).splitlines()
    assert ours[1:] == ["0.5000,a dog"]
    assert nearest(["a dog ran"], Small(COCO())).splitlines()[1:] == ["0.5000,"]
    assert (HMM.OURS, CFG.OURS, COCO.OURS) == (True, True, False)


def test_samples_of_other_data_are_refused(finished: list[str]) -> None:
    with pytest.raises(SystemExit, match=r"is of data 0123456789ab, and here are r1$"):
        main(ROW, BoringData())


def test_samples_of_another_training_are_refused(finished: list[str]) -> None:
    ROW.run.samples.write_text("\n".join(["a b"] * 30), encoding="utf-8")
    with pytest.raises(SystemExit, match=r"^no record on the leaderboard was scored on runs/hmm"):
        main(ROW, DATA)


def test_a_missing_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"is missing: train and test the row by make bench$"):
        main(ROW, DATA)


def test_a_row_is_named_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["samples", "hmm", "nagan", "--seed", "2", "--budget", "cpu"])
    assert arguments() == Row("nagan", "hmm", 2, "cpu")
