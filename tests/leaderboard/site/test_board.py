"""Tables of the page: their rows, columns, samples and words."""

import html
import re
import shutil
from dataclasses import replace
from pathlib import Path

from tests.leaderboard.site.pages import (
    COMMITTED_PAGE,
    RIVAL,
    boards_of,
    cells_of,
    notes_below,
    page_of,
    row_of,
    stored,
)
from tests.leaderboard.test_leaderboard import COLLAPSED, COMMITTED, ORACLE, RUN, SECOND_SEED
from textgan_bench.leaderboard import Record
from textgan_bench.leaderboard.columns import COLUMNS
from textgan_bench.leaderboard.curves import Curve, store_curve
from textgan_bench.leaderboard.site import meanings


def test_a_row_has_the_numbers_of_the_tables(tmp_path: Path) -> None:
    page = page_of(stored(tmp_path, RUN, SECOND_SEED, COLLAPSED, ORACLE))
    row = row_of(page, "hmm-nagan-quick")
    # Means and deviations as worked out by hand in test_leaderboard.
    assert "<strong>3.60 ± 0.14</strong>" in row
    assert 'data-v="3.6"' in row
    assert "<strong>4.60 ± 0.14</strong>" in row
    assert "<strong>" not in row_of(page, "hmm-mle-quick"), "it repeats itself"


def test_a_table_has_its_main_scores_first_and_ten_at_most() -> None:
    for title, board in boards_of(COMMITTED_PAGE).items():
        heads, *rows = cells_of(board)
        scores = [(at, head) for at, (head, _) in enumerate(heads) if "data-key" in head]
        more = ["more" in head.get("class", "").split() for _, head in scores]
        assert 1 <= more.count(False) <= 10, title
        assert more == sorted(more), f"{title}: main scores come first"
        for row in rows:
            assert [row[at][0].get("class") == "more" for at, _ in scores] == more, title
        assert f"shows {more.count(True)} more scores" in board, title


def test_a_table_without_a_known_score_shows_all_that_it_has(tmp_path: Path) -> None:
    page = page_of(stored(tmp_path, replace(RUN, scores={"mine": 1.0, "yours": 2.0})))
    assert 'class="more"' not in page
    assert "The box" not in page


def test_the_page_says_what_a_table_says(tmp_path: Path) -> None:
    shutil.copytree(COMMITTED / "records", tmp_path / "records")
    page = html.unescape(page_of(tmp_path))
    tables = (COMMITTED / "tables").glob("*.md")
    for table in (path for path in tables if not path.stem.endswith("-sweep")):
        first = table.read_text(encoding="utf-8").partition("\n## Data revision")[2]
        first = first.partition("\n## ")[0]
        rows = [line.split("|") for line in first.splitlines() if line.startswith("|")]
        shown = [at for at, title in enumerate(rows[0]) if "Gap" not in title]  # the NLL is there
        figures = [
            figure
            for row in rows
            for at in shown
            for figure in re.findall(r"\*\*(\d[^*|]*)\*\*", row[at])
        ]
        for figure in figures:
            assert f"<strong>{figure}</strong>" in page, (table.name, figure)


def test_curves_and_samples_stand_beside_their_row(tmp_path: Path) -> None:
    stored(tmp_path, RUN, SECOND_SEED, ORACLE)
    curves: list[tuple[Record, list[float | None]]]
    curves = [(RUN, [5.0, 4.0, None]), (SECOND_SEED, [6.0, 3.0, 3.5])]
    for record, values in curves:
        curve = Curve(
            record=record.path().stem,
            data="hmm",
            batches=[100, 200, 300],
            scores={"oracle_nll": values},
        )
        store_curve(curve, tmp_path)
    samples = tmp_path / f"samples/hmm/{RUN.path().stem}.txt"
    samples.parent.mkdir(parents=True)
    samples.write_text("a man <b> sits .\nthe end .\n", encoding="utf-8")
    samples.with_suffix(".csv").write_text(
        'overlap,nearest\n0.5000,"a man, he sits ."\n0.2500,\n', encoding="utf-8"
    )
    page = page_of(tmp_path)
    assert "<q>a man &lt;b&gt; sits .</q>" in page
    assert "nearest in training, overlap 0.50: a man, he sits ." in page
    assert "nearest in training, overlap 0.25</small>" in page, "that text is not ours"
    assert "Training curves" in page
    assert "nagan, quick (2 seeds): from 100, 5.5 to 300, 3.5." in html.unescape(page)
    assert page.count('class="band"') == 0, "one seed has no score at 300"


def test_every_column_and_every_method_is_explained() -> None:
    assert [each.key for each in COLUMNS if not meanings.meaning(each.key)] == []
    rows = {
        name
        for path in Path("benchmarks").glob("*/**/*.yaml")
        if path.parent.name not in ("speed", "figures")
        for name in path.stem.rpartition("-")[0].split("+") or [path.stem]
    }
    methods = {name.partition("-")[0] for name in rows} - {"", "data", "smoke", "trainer"}
    assert {name for name in methods if not meanings.method(name)} == set()
    # A variant has a line of its own, not that of its method alone.
    assert {name for name in methods if "variant " in meanings.method(name)} == set()
    assert len({meanings.method(name) for name in methods}) == len(methods)


def test_a_row_has_its_hours_and_the_checkpoint_that_was_tested(tmp_path: Path) -> None:
    early = replace(RUN, training_updates=4000, training_hours=1.135)
    page = page_of(stored(tmp_path, early, ORACLE))
    heads = [re.sub(r"<[^>]+>", "", head) for head in re.findall(r"<th .*?</th>", page)]
    assert heads.index("Hours") < heads.index("Seeds")
    row = row_of(page, "hmm-nagan-quick")
    assert 'data-v="1.14" class="spent">1.14</td>' in row
    assert 'data-v="4000" class="spent">4,000 <small>tested at 1,000</small></td>' in row
    assert 'data-spent="quick, 1.14 h, 1 seed"' in row
    last = replace(early, generator_updates=4000)
    assert "tested at" not in page_of(stored(tmp_path / "last", last, ORACLE))


def test_marks_are_explained_below_the_table_that_has_them(tmp_path: Path) -> None:
    whole = replace(RUN, training_updates=1000, training_hours=1.0)
    plain = notes_below(page_of(stored(tmp_path / "plain", whole)), "hmm-table")
    assert not any(mark in plain for mark in "†‡≥")
    assert "reference" not in plain
    assert "Passes" not in plain
    older = replace(
        RUN, method="mle", passes=20, scores={**RUN.scores, "reverse_lm_fallback/kn4": 1.0}
    )
    said = notes_below(page_of(stored(tmp_path / "met", whole, older, ORACLE)), "hmm-table")
    for mark in ("†", "≥", "reference", "Passes"):
        assert f"{mark}: " in said, mark


def test_methods_and_columns_are_described_at_their_table(tmp_path: Path) -> None:
    variant = replace(RUN, method="gumbel.hidden")
    page = page_of(stored(tmp_path, RUN, variant, replace(RUN, method="mine"), ORACLE))
    folded = page.partition('id="hmm-table"')[2].partition("<summary>What its")[2]
    folded = folded.partition("</details>")[0]
    lines = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", folded))
    assert lines["gumbel.hidden"] == html.escape(meanings.method("gumbel.hidden"))
    assert lines["gumbel.hidden"] != meanings.method("gumbel")
    assert lines["mine"]
    assert lines["Reverse LM ↓"] == html.escape(meanings.meaning("reverse_lm/kn4"))


def test_an_ablation_without_a_row_is_named_in_that_of_its_base(tmp_path: Path) -> None:
    page = page_of(stored(tmp_path, RUN, SECOND_SEED, replace(RUN, method="nagan.rnn")))
    assert "nagan.rnn: the same to the last digit" in row_of(page, "hmm-nagan-quick")


def test_the_best_method_has_its_samples_first_and_what_lacks_them_is_named(tmp_path: Path) -> None:
    third = replace(RUN, method="gumbel", scores={**RUN.scores, "oracle_nll": 5.0})
    stored(tmp_path, RUN, RIVAL, third, ORACLE)  # 3.5, 3.9 and 5.0, where the data has 3.48
    for record in (third, RUN):
        samples = tmp_path / f"samples/hmm/{record.path().stem}.txt"
        samples.parent.mkdir(parents=True, exist_ok=True)
        samples.write_text("the end .\n", encoding="utf-8")
    page = page_of(tmp_path)
    part = page.partition("<h3>Samples")[2].partition("<h3>")[0]
    assert re.findall(r"<h4><a [^>]*>(\w+)", part) == ["nagan", "gumbel"]
    assert "No samples are kept of importance, quick." in part
    assert "licence" not in part, "no overlap is shown"
    samples.with_suffix(".csv").write_text("overlap,nearest\n0.2,\n", encoding="utf-8")
    assert "licence" in page_of(tmp_path)
