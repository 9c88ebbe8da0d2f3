"""What the page on trust says of a column: its cheats, and its order of models."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from scipy.stats import spearmanr

from benchmarks.figures import trust
from benchmarks.figures.trust import BROKEN, Seen, Table
from textgan_bench.leaderboard.columns import column
from textgan_bench.leaderboard.sweeps import KNOB
from textgan_bench.leaderboard.tables import DATA_ITSELF, Block, Line, Mean

ROOT = Path(__file__).parents[2]
LM, REVERSE = column("lm_score/kn4"), column("reverse_lm/kn4")


def line(kind: str, method: str, **scores: float) -> Line:
    keys = {"lm": LM.key, "reverse": REVERSE.key, "distinct": "distinct_sentences", "kl": "kl"}
    return Line(
        "anchor" if kind == "anchor" else "run",
        method,
        {keys[name]: Mean(value) for name, value in scores.items()},
    )


@pytest.fixture
def table() -> Table:
    rows = [
        line("anchor", "real", lm=4.0, reverse=4.0, distinct=1.0),
        line("anchor", "memorised", lm=4.01, reverse=3.9, distinct=1.0),
        line("anchor", "likeliest", lm=2.5, reverse=4.2, distinct=1.0),
        line("run", "good", lm=4.5, reverse=4.2, distinct=1.0, kl=0.2),
        line("run", "bad", lm=3.0, reverse=6.0, distinct=1.0, kl=2.0),
        line("run", "collapsed", lm=4.0, reverse=4.0, distinct=0.1, kl=3.0),
    ]
    return Table("coco", Block("", rows))


def test_a_column_takes_for_text_what_chance_would(table: Table) -> None:
    memorised, likeliest = table.rows(("memorised", "likeliest"))
    assert table.seen(LM, memorised) is Seen.NO
    assert table.seen(REVERSE, memorised) is Seen.NO, "better than text is not found out"
    assert table.seen(LM, likeliest) is Seen.YES
    # The method that repeats itself sets no mark.
    assert table.seen(REVERSE, likeliest) is Seen.BEATS
    assert table.seen(column("bleu_f/5"), memorised) is None


def test_agreement_is_the_rank_correlation_with_the_judge(table: Table) -> None:
    off = [0.5, 1.0, 0.0]
    expected = spearmanr(off, [0.2, 2.0, 3.0]).statistic
    found, count = table.agreement(LM, "kl", table.runs)
    assert found == pytest.approx(expected)
    assert count == 3
    without = [replace(row, scores={}) for row in table.runs]
    assert table.agreement(LM, "kl", without) == (0.0, 0)


def test_a_setting_of_a_knob_counts_once_however_many_seeds_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sweeps" / "hmm"
    folder.mkdir(parents=True)
    sweeps = {
        "a": [{KNOB: 0.1, LM.key: 3.0, "kl": 1.0}, {KNOB: 0.2, LM.key: 4.0}],
        "b": [{KNOB: 0.1, LM.key: 5.0}],
    }
    for name in sweeps:
        (folder / f"{name}.json").touch()
    monkeypatch.setattr(
        trust,
        "load",
        lambda path: SimpleNamespace(method="nagan", budget="quick", points=sweeps[path.stem]),
    )
    low, high = trust.swept("hmm", tmp_path)
    assert low.scores == {LM.key: Mean(4.0)}, "of seeds that lack a score there is no mean"
    assert high.scores == {LM.key: Mean(4.0)}
    assert (low.method, high.method) == ("nagan at 0.1", "nagan at 0.2")


def test_every_committed_table_has_all_that_is_broken() -> None:
    root = ROOT / "leaderboard"
    for name in trust.TABLES:
        own = Table.of(name, root)
        assert [row.method for row in own.rows(BROKEN)] == list(BROKEN)
        # Real text passes for text in every column.
        (data, *_) = own.rows(DATA_ITSELF)
        assert {own.seen(each, data) for each in own.columns} <= {Seen.NO, None}


def test_the_same_records_give_the_same_picture(tmp_path: Path) -> None:
    root = ROOT / "leaderboard"
    first = trust.draw(tmp_path, root).read_bytes()
    assert trust.draw(tmp_path, root).read_bytes() == first


def test_the_page_is_short() -> None:
    assert len((ROOT / "docs/trust.md").read_text(encoding="utf-8").split()) <= 1_500
