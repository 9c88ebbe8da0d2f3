"""The trials of NAGAN: their tables and their picture."""

from pathlib import Path

import pytest

from benchmarks.figures import trials
from benchmarks.figures.trials import SCORES, TRIALS, Trial, curves, table

ROOT = Path(__file__).parents[2]

CSV = """\
data,question,run,seed,commit,settings,generator_updates,distinct_words,oracle_gap,lm,reverse_lm,fed
hmm,rates,as they are,0,abc,a=1,250,480,2.345,5.5,6.123,0.05
hmm,rates,as they are,0,abc,a=1,1500,490,1.5,5.25,6,0.04
hmm,rates,"slower, larger",1,abc,a=2 b=1,250,1900,7,8,8,0.1
coco,rates,as they are,0,abc,a=1,500,1200,,5.25,6,0.0412
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "trials.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def test_a_table_holds_the_last_validation_of_each_run(small: Path) -> None:
    assert table(small, "hmm")().splitlines() == [
        "|  | Question | Run | Seed | Batches | Words | Gap | Reverse LM |",
        "| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: |",
        "| 1 | rates | as they are | 0 | 1,500 | 490 | 1.50 | 6.00 |",
        "| 2 | rates | slower, larger | 1 | 250 | 1,900 | 7.00 | 8.00 |",
    ]
    assert "| 500 | 1,200 | 5.25 | 6.00 | 0.041 |" in table(small, "coco")()
    assert list(curves(small, "coco")) == [Trial("rates", "as they are", 0)]


@pytest.mark.parametrize("data", SCORES)
def test_every_trial_has_a_commit_settings_and_each_checkpoint_once(data: str) -> None:
    runs = curves(ROOT / TRIALS, data)
    assert runs
    for rows in runs.values():
        batches = [trials.done(row) for row in rows]
        assert batches == sorted(set(batches))
        ((commit, settings),) = {(row["commit"], row["settings"]) for row in rows}
        assert commit
        assert settings


def test_the_picture_names_every_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [plot]")
    from benchmarks.figures import nagan

    monkeypatch.chdir(ROOT)
    (picture,) = nagan.draw(tmp_path)
    svg = picture.read_text(encoding="utf-8")
    for data in SCORES:
        for number, trial in enumerate(curves(TRIALS, data), 1):
            assert f"<!-- {number}. {trial.question}: {trial.run}, seed {trial.seed}, " in svg
