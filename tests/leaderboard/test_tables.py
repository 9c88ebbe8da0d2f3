"""Digits, directions and emphasis of the tables, worked out by hand."""

from dataclasses import replace

import pytest

from textgan_bench.leaderboard.columns import COLUMNS, SET_BLEU, Column
from textgan_bench.leaderboard.tables import (
    DISTINCT,
    Block,
    Line,
    Mean,
    best,
    figure_text,
    latex,
    plain,
)


def test_latex_escapes_and_emphasises() -> None:
    rows = [
        Line("run", "mle_transformer", {"oracle_gap": Mean(0.5, 0.25)}, budget="quick", seeds=2),
        Line("run", "nagan", {"oracle_gap": Mean(-0.25)}, budget="quick", seeds=1),
        Line("published", "A&B", {"oracle_gap": "0.1"}),
    ]
    text = latex("hmm", [Block(title="100 % {real}", rows=rows)])
    assert "\\caption{hmm: 100 \\% \\{real\\}.}" in text
    assert "mle\\_transformer & quick & 2 & 0.50 $\\pm$ 0.25 \\\\" in text
    assert "nagan & quick & 1 & \\textbf{-0.250} \\\\" in text
    assert "\\emph{A\\&B} &  &  & \\emph{0.1} \\\\" in text
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize(
    ("key", "values", "winners"),
    [
        ("bleu_b/5", [0.2, 0.3, 0.1], [1]),
        ("fed/hash128", [0.2, 0.3, 0.1], [2]),
        ("oracle_gap", [-0.2, 0.3, 0.1], [2]),
        ("oracle_gap", [-0.1, 0.3, 0.1], [0, 2]),
        # The data itself scores 0.15 in what follows.
        ("bleu_f/5", [0.4, 0.2, 0.05], [1]),
        ("oov_rate", [0.2, 0.3, 0.1], []),
    ],
)
def test_the_best_value_has_a_direction(key: str, values: list[float], winners: list[int]) -> None:
    rows = [Line("run", f"method{i}", {key: Mean(value)}) for i, value in enumerate(values)]
    anchors = [
        Line("anchor", "real", {key: Mean(0.15)}),
        Line("anchor", "uniform", {key: Mean(0.0)}),
    ]
    (column,) = (column for column in COLUMNS if column.key == key)
    assert best(column, [*anchors, *rows]) == [rows[index] for index in winners]


def test_without_the_data_itself_or_a_rival_nothing_is_best() -> None:
    (nll,) = (column for column in COLUMNS if column.key == "oracle_nll")
    rows = [Line("run", name, {"oracle_nll": Mean(3.5)}) for name in ("a", "b")]
    oracle = Line("anchor", "oracle", {"oracle_nll": Mean(3.48)})
    assert best(nll, rows) == []
    assert best(nll, [oracle, rows[0]]) == []
    assert best(nll, [oracle, *rows]) == rows


def test_bold_never_crosses_budgets() -> None:
    (fed,) = (column for column in COLUMNS if column.key == "fed/hash128")
    values = {"quick": (0.3, 0.4), "cpu": (0.1, 0.2), "paper": (0.5,)}
    rows = [
        Line("run", f"method{number}", {"fed/hash128": Mean(value)}, budget=budget)
        for budget, of_it in values.items()
        for number, value in enumerate(of_it)
    ]
    winners = [(row.method, row.budget) for row in best(fed, rows)]
    assert winners == [("method0", "quick"), ("method0", "cpu")], "a single row is best at nothing"


def test_a_method_that_repeats_itself_is_best_at_nothing() -> None:
    data = Line("anchor", "real", {DISTINCT: Mean(0.9)})
    repeated = Line("run", "repeated", {DISTINCT: Mean(0.44)})
    rivals = [Line("run", name, {DISTINCT: Mean(0.46)}) for name in ("a", "b")]
    for column in COLUMNS:
        if column.key == DISTINCT:
            assert best(column, [data, repeated, *rivals]) == rivals
            continue
        # The data's own value, which no other is nearer to, and the smallest and the largest one.
        for value in (0.5, -1.0, 2.0):
            rows = [
                replace(row, scores={**row.scores, column.key: Mean(figure)})
                for row, figure in zip(
                    [data, repeated, *rivals], (0.5, value, 0.6, 0.7), strict=True
                )
            ]
            assert repeated.method not in [row.method for row in best(column, rows)]


def test_where_unknown_words_are_common_bleu_of_sets_is_left_out() -> None:
    scores = {key: Mean(0.1) for key in (*SET_BLEU, "fed/hash128", "corpus_bleu/4")}
    for share, shown in ((0.41, False), (0.05, True)):
        rows = [
            Line("anchor", "real", {**scores, "oov_rate": Mean(share)}),
            Line("anchor", "uniform", {**scores, "oov_rate": Mean(0.5)}),
            Line("run", "nagan", scores),
        ]
        keys = {column.key for column in Block("a block", rows).columns}
        assert (keys & set(SET_BLEU) != set()) == shown
        assert {"fed/hash128", "corpus_bleu/4"} <= keys


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (Mean(0.31239), "0.312"),
        (Mean(0.31239, 0.0021), "0.312 ± 0.002"),
        (Mean(0.31239, 0.021), "0.312 ± 0.021"),
        (Mean(0.31239, 0.21), "0.31 ± 0.21"),
        (Mean(31.239, 2.16), "31.2 ± 2.2"),
        (Mean(31.239, 0.0), "31.239 ± 0.000"),
        (Mean(-0.0001), "0.000"),
        (None, "–"),
    ],
)
def test_no_more_digits_than_the_spread_supports(figure: Mean | None, text: str) -> None:
    row = Line("run", "nagan", {} if figure is None else {"bleu_f/5": figure})
    assert figure_text(Column("bleu_f/5", "BLEU-F", "≈", 3), row) == text


def test_a_stopgap_is_marked_and_no_column_of_its_own() -> None:
    row = Line("run", "nagan", {"lm_score/kn4": Mean(7.4), "lm_fallback/kn4": Mean(1)})
    block = Block("a block", [row])
    assert "lm_fallback/kn4" not in [column.key for column in block.columns]
    assert figure_text(block.columns[0], row) == "7.40†"
    assert plain(block).splitlines()[-1].startswith("† the text was too uniform")
    sound = Block("a block", [Line("run", "nagan", {"lm_score/kn4": Mean(7.4)})])
    assert "†" not in plain(sound)
