"""Cheats in tables: which columns they lead, and that another one gives each away."""

from pathlib import Path

import pytest

from textgan_bench import leaderboard
from textgan_bench.leaderboard.cheats import verdicts
from textgan_bench.leaderboard.tables import CHEATS, DISTINCT, Block, Line, Mean

COMMITTED = Path("leaderboard")
TABLES = sorted(
    {
        record.data
        for record in leaderboard.load_records(COMMITTED)
        if record.source == "anchor" and record.method in CHEATS
    }
)


def line(kind: str, method: str, **scores: float) -> Line:
    names = {"lm": "lm_score/kn4", "reverse": "reverse_lm/kn4", "novel": "novel_by_two"}
    values = {names.get(name, DISTINCT): Mean(value) for name, value in scores.items()}
    return Line("anchor" if kind == "anchor" else "run", method, values, budget=kind)


REAL = line("anchor", "real", lm=4.1, reverse=3.8, novel=0.9, distinct=1.0)
METHODS = [
    line("quick", "mle", lm=4.4, reverse=4.1, distinct=1.0),
    line("quick", "collapsed", lm=4.1, reverse=6.0, distinct=0.1),
]


def told(cheat: Line, *methods: Line) -> tuple[list[str], list[str]]:
    (verdict,) = verdicts(Block("", [REAL, cheat, *methods]))
    return [c.key for c in verdict.leads], [c.key for c in verdict.given_away_by]


def test_a_cheat_leads_where_no_method_is_nearer_and_is_given_away_where_one_is() -> None:
    cheat = line("anchor", "likeliest", lm=4.2, reverse=4.7, novel=0.9, distinct=1.0)
    leads, betrayed = told(cheat, *METHODS)
    assert leads == ["lm_score/kn4", DISTINCT, "novel_by_two"]
    assert betrayed == ["reverse_lm/kn4"]


def test_a_method_that_repeats_itself_is_no_rival() -> None:
    cheat = line("anchor", "repeated", lm=4.2, reverse=8.0, distinct=0.0)
    leads, _ = told(cheat, METHODS[1])
    assert leads == []
    assert "lm_score/kn4" in told(cheat, *METHODS)[0], "collapsed has the text's own value"


def test_a_difference_that_chance_makes_gives_nobody_away() -> None:
    cheat = line("anchor", "altered", reverse=3.82, lm=4.1, distinct=1.0)
    near = line("quick", "mle", reverse=3.80, lm=4.1, distinct=1.0)
    assert told(cheat, near)[1] == []


def test_a_score_that_no_method_has_gives_away_by_the_data_alone() -> None:
    cheat = line("anchor", "altered", lm=4.2, reverse=3.9, novel=0.0, distinct=1.0)
    assert told(cheat, *METHODS)[1] == ["novel_by_two"]


def test_without_the_data_nothing_can_be_said() -> None:
    assert verdicts(Block("", [line("anchor", "repeated", lm=4.1), *METHODS])) == []


def test_there_are_published_cheats() -> None:
    assert {"coco", "hmm", "cfg"} <= set(TABLES)


@pytest.mark.parametrize("data", TABLES)
def test_no_cheat_leads_a_column_without_another_one_giving_it_away(data: str) -> None:
    records = [r for r in leaderboard.load_records(COMMITTED) if r.data == data]
    judged = [v for block in leaderboard.blocks(records) for v in verdicts(block)]
    assert {verdict.cheat for verdict in judged} == set(CHEATS)
    for verdict in judged:
        assert not verdict.leads or verdict.given_away_by, str(verdict)


def test_altered_sentences_lead_reverse_scores_and_bleu_of_coco_and_are_no_novelty() -> None:
    records = [r for r in leaderboard.load_records(COMMITTED) if r.data == "coco"]
    judged = [v for block in leaderboard.blocks(records) for v in verdicts(block)]
    (altered,) = [verdict for verdict in judged if verdict.cheat == "altered"]
    assert {"reverse_lm/kn4", "bleu_f/5", "bleu_b/5"} <= {column.key for column in altered.leads}
    betrayers = {column.key for column in altered.given_away_by}
    assert "novel_by_two" in betrayers
    assert betrayers.isdisjoint(column.key for column in altered.leads)


def test_what_chance_takes_for_text_passes_and_is_not_given_away_by_that_column() -> None:
    # Chance takes 3 * 0.02 * sqrt(2) = 0.085 of an LM score, 0.042 of a reverse one.
    cheat = line("anchor", "likeliest", lm=4.02, reverse=3.9, distinct=1.0)
    (verdict,) = verdicts(Block("", [REAL, cheat, *METHODS]))
    assert "lm_score/kn4" in {column.key for column in verdict.passes}
    assert "reverse_lm/kn4" not in {column.key for column in verdict.passes}
    assert not set(verdict.passes) & set(verdict.given_away_by)


def test_other_anchors_are_judged_where_they_are_named() -> None:
    unigram = line("anchor", "unigram", lm=6.0, reverse=6.0, distinct=1.0)
    block = Block("", [REAL, unigram, *METHODS])
    assert verdicts(block) == []
    (verdict,) = verdicts(block, of=("unigram",))
    assert {column.key for column in verdict.leads} == {DISTINCT}
