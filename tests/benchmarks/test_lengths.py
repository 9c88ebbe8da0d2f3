"""Figure 3 of NAGAN's paper: records by the length of the oracle's sentences."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.figures import lengths
from benchmarks.figures.lengths import Result, draw, main, read, result
from textgan_bench.errors import UserError
from textgan_bench.leaderboard import Record, load_records

RECORD = Path("leaderboard/records/hmm/nagan.started-quick-seed0-a74d7f2724a6.json")


@pytest.fixture(scope="module")
def record() -> Record:
    return next(
        each
        for each in load_records()
        if (each.data, each.method, each.budget, each.seed) == ("hmm", "nagan.started", "quick", 0)
    )


def of_length(record: Record, length: int) -> Record:
    data = record.config["data"]
    corpus = {"class_path": "datamodules.HMM", "init_args": {"max_length": length}}
    changed = {**data, "init_args": {**data["init_args"], "corpus": corpus}}
    return replace(record, config={**record.config, "data": changed})


def test_scores_are_above_the_entropy(record: Record) -> None:
    known = result(record)
    entropy = record.scores["oracle_nll"] - record.scores["oracle_gap"]
    assert known.length == 20, "that of the paper where the recipe names none"
    assert known.gap == pytest.approx(record.scores["oracle_gap"], abs=1e-3)
    assert known.reverse + entropy == pytest.approx(record.scores["reverse_lm/kn4"], abs=1e-3)
    assert known.batches == 2000
    assert result(of_length(record, 5)).length == 5


def test_another_data_set_is_refused(record: Record) -> None:
    with pytest.raises(UserError, match=r"nagan\.started on coco is no run on the HMM"):
        result(replace(record, data="coco"))


def test_other_settings_are_refused(record: Record) -> None:
    longer = replace(record, budget="quick+data.corpus.max_length=5+trainer.max_epochs=2")
    assert result(longer) == result(record)
    other = replace(record, budget="quick+model.start.neighbours=false")
    with pytest.raises(UserError, match=r"nagan\.started has model\.start\.neighbours=false"):
        result(other)


def test_a_run_stands_once_and_the_new_one_counts() -> None:
    old = Result("nagan.started", 5, 0, 500, "abc", 400, 1.0, 1.5)
    other = old._replace(length=10)
    new = old._replace(commit="def", gap=0.5)
    assert lengths.merged([old, other], [new]) == [new, other]


def test_results_survive_the_file_and_are_drawn(
    record: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lengths.csv"
    with pytest.raises(UserError, match="is missing"):
        draw(tmp_path, path)
    main([RECORD], path)
    assert "1 runs" in capsys.readouterr().out
    assert read(path) == [result(record)]
    assert "AR (Gumbel)" in draw(tmp_path, path).read_text(encoding="utf-8")
    with pytest.raises(SystemExit, match=r"lengths: .*missing\.json"):
        main([tmp_path / "missing.json"], path)
