"""The trials of NAGAN's recipes: their tables and their pictures."""

import csv
from pathlib import Path

import pytest

from benchmarks.figures import trials
from benchmarks.figures.trials import COCO, HMM, curves, table

ROOT = Path(__file__).parents[2]
BASES = {"cpu recipe", "quick recipe", "earlier recipe", "recipe before", "first trials", "GPU"}

CSV = """\
base,run,generator_updates,distinct_words,lm,reverse_lm,fed
one,the recipe,250,1200,5.5,6.123,0.05
one,the recipe,500,1300,5.25,6,0.04
one,"slower, larger",250,900,7,8,0.1
two,the recipe,500,1,1,1,1
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "trials.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def test_a_table_holds_the_runs_of_one_base_at_the_latest_checkpoint(small: Path) -> None:
    assert table(small, "one", 499)().splitlines() == [
        "| Run | Batches | Words | LM score | Reverse LM | FED |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| the recipe | 250 | 1,200 | 5.50 | 6.12 | 0.050 |",
        "| slower, larger | 250 | 900 | 7.00 | 8.00 | 0.100 |",
    ]
    assert "| the recipe | 500 | 1,300 | 5.25 |" in table(small, "one", 500)()


@pytest.mark.parametrize("path", [HMM, COCO], ids=lambda path: path.stem)
def test_every_trial_has_a_base_and_each_checkpoint_once(path: Path) -> None:
    runs = curves(ROOT / path)
    assert {base for base, _ in runs} <= BASES
    for rows in runs.values():
        batches = [trials.done(row) for row in rows]
        assert batches == sorted(set(batches))


def test_measurements_are_rows_of_five_cells() -> None:
    with (ROOT / "docs/nagan_measurements.csv").open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["choice", "data", "setting", "measure", "value"]
    assert all(len(row) == 5 and row[0] and row[3] and row[4] for row in rows)


def test_a_picture_names_the_runs_that_change_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [plot]")
    from benchmarks.figures import nagan

    monkeypatch.chdir(ROOT)
    for trial, picture in zip((HMM, COCO), nagan.draw(tmp_path), strict=True):
        svg = picture.read_text(encoding="utf-8")
        named = {run for base, run in curves(trial) if f"<!-- {run} -->" in svg}
        assert named >= {run for base, run in curves(trial) if base == nagan.BASE}
        assert "<!-- other runs -->" in svg
