"""Figures of the page: marks, axes, lines and room for their words."""

import re
from dataclasses import replace
from pathlib import Path

from tests.leaderboard.site.pages import curve_of, figure, page_of, stored
from tests.leaderboard.test_leaderboard import ORACLE, RUN
from textgan_bench.leaderboard.curves import store_curve
from textgan_bench.leaderboard.site.figures import Looks
from textgan_bench.leaderboard.site.plots import (
    Axis,
    Figure,
    Look,
    Point,
    Reference,
    Series,
    draw,
    legend,
    ticks,
)
from textgan_bench.leaderboard.tables import Block, Line


def test_the_data_itself_has_room_for_its_name_and_a_place_in_the_legend() -> None:
    # A mark at the right end, between the rungs of a ladder: only more room gives it a name there.
    ladder = [
        Series(f"m{step}", [Point(0, step / 30), Point(1, step / 30)], marked=False)
        for step in range(31)
    ]
    drawn = draw(figure(ladder, [Reference("the data itself", 15.5 / 30, 1.0)]))
    assert re.search(r'<text class="label real"[^>]*>the data <tspan[^>]*>itself</tspan>', drawn)
    assert "leader" not in drawn
    without = draw(figure(ladder, []))
    ends = [max(map(float, re.findall(r"L([\d.]+) [\d.]+\"", svg))) for svg in (drawn, without)]
    assert ends[0] < ends[1], "the lines make way"
    names = legend(figure(ladder, [Reference("the data itself", 15.5 / 30, 1.0)]))
    assert names.count("<li>") == 32
    assert "the data itself</li>" in names


def test_a_method_has_one_mark_in_a_section_and_a_filling_for_each_budget() -> None:
    rows = [
        Line("run", f"m{i}", {}, budget=budget, records=[replace(RUN, method=f"m{i}")])
        for i in range(12)
        for budget in ("quick", "cpu")
    ]
    looks = Looks(Block("", rows))
    first = {
        row: Series("", [Point(0, 0)], look=looks.of(*row))
        for row in (("m3", "cpu"), ("m0", "quick"))
    }
    every = {
        (row.method, row.budget): Series("", [Point(0, 0)], look=looks.of(row.method, row.budget))
        for row in rows
    }
    drawn = {row: legend(figure([each], [])) for row, each in every.items()}
    assert len(set(drawn.values())) == 24, "no two rows look alike"
    assert {row: drawn[row] for row in first} == {
        row: legend(figure([each], [])) for row, each in first.items()
    }
    classes = {row: re.findall(r'class="key ([^"]*)"', each)[0] for row, each in drawn.items()}
    shapes = {row: re.findall(r'class="mark" (?:d|r)="[^"]*"', each) for row, each in drawn.items()}
    for i in range(12):
        long, short = classes[f"m{i}", "cpu"], classes[f"m{i}", "quick"]
        assert short == f"{long} second", "the shorter training is hollow"
        assert shapes[f"m{i}", "cpu"] == shapes[f"m{i}", "quick"]
    assert len({(classes[f"m{i}", "cpu"], *shapes[f"m{i}", "cpu"]) for i in range(12)}) == 12


def test_marks_and_lines_at_one_place_are_all_seen() -> None:
    at = [Point(0, 0), Point(1, 1), Point(2, 3)]
    drawn = draw(figure([Series("a", at, look=Look(0)), Series("b", at, look=Look(1))], []))
    below, above = re.findall(r'<g class="s\d">(.*?)</g></g>', drawn)
    assert "ring" not in below
    assert above.count('class="mark ring"') == 3
    sizes = [float(size) for size in re.findall(r"scale\(([\d.]+)\)", above)]
    assert min(sizes) > 1.5, "a ring leaves the mark below it in sight"
    assert 'class="line over"' in above
    assert 'class="line"' in below
    apart = [Point(x, 3 - y) for x, y in ((0, 0), (1, 0.2), (2, 0))]
    free = draw(figure([Series("a", at, look=Look(0)), Series("b", apart, look=Look(1))], []))
    assert 'class="line over"' not in free
    third = draw(figure([Series(name, at[:1], look=Look(i)) for i, name in enumerate("abc")], []))
    sizes = [float(size) for size in re.findall(r"ring\"[^>]*scale\(([\d.]+)\)", third)]
    assert len(sizes) == 2
    assert sizes[1] > sizes[0] + 0.5
    crowd = [Series(f"m{i}", at[:1], look=Look(i)) for i in range(30)]
    widest = re.findall(r"scale\(([\d.]+)\)", draw(figure(crowd, [])))
    assert max(map(float, widest)) <= 4, "a crowd fills no figure"


def test_ticks_are_round_and_within() -> None:
    for low, high in ((0.0, 1.0), (-3.2, 17.0), (1e-6, 2e-6), (4_000.0, 150_000.0)):
        found = ticks(low, high)
        assert 3 <= len(found) <= 8
        assert all(low - 1e-9 <= each <= high * (1 + 1e-9) for each in found)


def test_a_curve_marks_the_checkpoint_that_was_tested(tmp_path: Path) -> None:
    early = replace(RUN, training_updates=300, training_hours=1.0, generator_updates=200)
    phases = {"game": {"batches": 1, "hours": 0.1}}
    for name, record, marks in (
        ("early", early, 2),
        ("last", replace(early, generator_updates=300), 1),
        ("phases", replace(early, phases=phases), 1),  # its updates are no batches
    ):
        root = stored(tmp_path / name, record, ORACLE)
        store_curve(curve_of(record, nll=[5.0, 4.0, 3.0]), root)
        figure = page_of(root).partition("Training curves")[2].partition("</svg>")[0]
        assert figure.count('class="mark"') == marks, name
        assert figure.count("scale(1.5)") == marks - 1, name


def test_a_distance_that_squashes_the_others_has_a_logarithmic_axis(tmp_path: Path) -> None:
    other = replace(RUN, method="mle")
    for name, low, is_log in (("far", 0.002, True), ("near", 0.05, False), ("zero", 0.0, True)):
        root = stored(tmp_path / name, RUN, other, ORACLE)
        store_curve(curve_of(RUN, fed=[0.2, 0.3, 0.2]), root)
        store_curve(curve_of(other, fed=[low, low, low]), root)
        part = page_of(root).partition("Training curves")[2].partition("</section>")[0]
        assert ("FED hash128 ↓ (logarithmic)" in part) == is_log, name
        assert ("below 0.0001 is drawn there" in part) == (low == 0), name


def test_the_level_of_test_text_stands_beside_validation_of_the_same_law_alone(
    tmp_path: Path,
) -> None:
    for name in ("oracle", "real"):
        root = stored(tmp_path / name, RUN, replace(ORACLE, method=name))
        store_curve(curve_of(RUN, nll=[5.0, 4.0, 3.0]), root)
        part = page_of(root).partition("Training curves")[2].partition("</section>")[0]
        assert ('class="level"' in part) == (name == "oracle"), name


def test_a_score_that_a_table_leaves_out_is_drawn_in_no_frontier(tmp_path: Path) -> None:
    for share in (0.01, 0.4):
        scores = {"bleu_f/5": 0.3, "bleu_b/5": 0.2, "oov_rate": share}
        rows = [replace(RUN, scores=scores), replace(RUN, method="mle", scores=scores)]
        page = page_of(stored(tmp_path / str(share), *rows, replace(ORACLE, scores=scores)))
        assert ("BLEU-F against BLEU-B" in page) == (share < 0.1)


def test_a_setting_of_a_knob_stands_on_no_line() -> None:
    # Lines on both sides of a point, so close that no place beside it is free.
    lines = [
        Series("m", [Point(0, y), Point(1, y)], marked=False)
        for y in (0, 1, *(0.5 + step / 50 for step in (-4, -3, -2, -1, 1, 2, 3, 4)))
    ]
    knob = Series("k", [Point(0.5, 0.5, "temperature 1"), Point(0.6, 0.5)], look=Look(1))
    drawn = draw(figure([*lines, knob], []))
    found = re.search(r'<text class="label s1[^"]*" x="([\d.]+)" y="([\d.]+)"', drawn)
    assert found
    assert 'class="leader s1' in drawn, "it stands apart from its mark, and is joined to it"
    height = float(found[2])
    for y in re.findall(r'class="line[^"]*" d="M[\d.]+ ([\d.]+)L', drawn):
        assert not height - 9 < float(y) < height, "letters are 9 units high"


def test_numbers_beside_an_axis_have_room_for_their_digits() -> None:
    values = [Point(0, 0.00324), Point(1, 0.00326)]
    drawn = draw(figure([Series("a", values)], []))
    title = re.search(r'<text class="t" transform="translate\(([\d.]+) ', drawn)
    assert title
    numbers = re.findall(r'<text class="n" x="([\d.]+)"[^>]*text-anchor="end">([^<]*)', drawn)
    assert max(len(number) for _, number in numbers) >= 6
    for end, number in numbers:
        # Of digits of 8.4 units at most, beside half of a title of 15.
        assert float(end) - 8.4 * len(number) > float(title[1]) + 4


def test_a_span_that_is_noise_fills_no_figure() -> None:
    values = [Point(0, 0.00324), Point(1, 0.00326)]
    flat = Figure("f", "t", Axis("x"), Axis("y", least=0.002), [Series("a", values)])
    (line,) = re.findall(r'class="line" d="M[\d.]+ ([\d.]+)L[\d.]+ ([\d.]+)"', draw(flat))
    assert abs(float(line[0]) - float(line[1])) < 10
