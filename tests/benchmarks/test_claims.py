"""What two rows say of a claim, and that the claims that are there name rows that are there."""

from itertools import chain
from pathlib import Path

import pytest

from benchmarks.figures import claims
from benchmarks.figures.claims import Claim, Pair, Part, Verdict, as_printed, compared, counted
from textgan_bench.errors import UserError
from textgan_bench.leaderboard.evidence import Evidence
from textgan_bench.leaderboard.records import load_published
from textgan_bench.leaderboard.tables import Mean
from textgan_bench.recipes import is_row

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "leaderboard/claims").glob("*.toml"))
GAP, BLEU = "oracle_nll", "bleu_f/5"


def row(method: str, nll: Mean, *, seeds: int = 3, budget: str = "quick") -> Evidence:
    return Evidence(
        method=method,
        data="hmm",
        budget=budget,
        scores={GAP: nll, BLEU: nll},
        seeds=seeds,
        identity={"data": "hmm"},
    )


def verdict(first: Evidence | None, second: Evidence | None, *, lower: bool = True) -> Verdict:
    return Pair(("a", "b"), (first, second), GAP, lower).verdict


def test_a_comparison_shows_what_is_apart_by_more_than_both_spreads() -> None:
    low, high = row("a", Mean(3.0, 0.2)), row("b", Mean(3.5, 0.2))
    assert verdict(low, high) is Verdict.HOLDS
    assert verdict(high, low) is Verdict.FAILS
    assert verdict(low, high, lower=False) is Verdict.FAILS
    assert verdict(low, row("b", Mean(3.4, 0.2))) is Verdict.CLOSE
    assert verdict(low, row("b", Mean(3.5, 0.2), seeds=2)) is Verdict.FEW
    assert verdict(low, None) is Verdict.OPEN
    assert verdict(low, Evidence(method="b", data="hmm", budget="quick", scores={})) is Verdict.OPEN


def test_the_longer_training_shows_nothing_by_its_lead_and_much_by_its_loss() -> None:
    longer, low = row("a", Mean(3.0, 0.1), budget="cpu"), row("b", Mean(2.5, 0.1))
    assert verdict(longer, low) is Verdict.FAILS
    assert verdict(low, longer) is Verdict.HOLDS
    assert verdict(longer, row("b", Mean(3.5, 0.1))) is Verdict.UNLIKE
    assert verdict(row("b", Mean(3.5, 0.1)), longer) is Verdict.UNLIKE


def test_a_latency_has_no_seeds() -> None:
    key = "sample_ms"
    fast, slow = (
        Evidence(method=method, data="coco", budget="paper", scores={key: Mean(milliseconds)})
        for method, milliseconds in (("a", 30.0), ("b", 60.0))
    )
    assert Pair(("a", "b"), (fast, slow), key, lower=True).verdict is Verdict.HOLDS


def test_each_pair_is_compared_in_each_score() -> None:
    known = [
        row("nagan", Mean(2.0, 0.1), budget="cpu"),
        row("mle", Mean(2.5, 0.1)),
        row("soft", Mean(1.0, 0.1)),
    ]
    part = Part(
        data="hmm", ours=[("nagan", "mle"), ("started", "soft")], lower=[GAP], higher=[[BLEU]]
    )
    lines = list(compared(part, known))
    assert [(line.reading, line.pair.key, line.pair.verdict) for line in lines] == [
        (0, GAP, Verdict.UNLIKE),
        (1, GAP, Verdict.OPEN),
        (0, BLEU, Verdict.FAILS),
        (1, BLEU, Verdict.OPEN),
    ]
    assert lines[0].pair.text == "2.00 < 2.50"
    assert counted(lines, 0) == "fails: 1 of 2; unequal budgets: 1 of 2"
    assert counted(lines, 1) == "no record: 2 of 2"
    text = claims.detailed(1, Claim("NAGAN is better", "4.1", [part]), lines, [])
    assert "| `nagan` (cpu, 3 seeds) | `mle` (quick, 3 seeds) |" in text
    assert text.endswith("No record of `started` on hmm.")


def test_a_comparison_that_shows_nothing_is_made_at_a_budget_that_both_have() -> None:
    longer, quick = row("nagan", Mean(2.0, 0.1), budget="cpu"), row("nagan", Mean(3.0, 0.1))
    part = Part(data="hmm", ours=[("nagan", "mle")], lower=[GAP])

    def shown(*known: Evidence) -> tuple[Verdict, str]:
        (line,) = compared(part, known)
        return line.pair.verdict, line.pair.text

    assert shown(longer, quick, row("mle", Mean(2.5, 0.1))) == (Verdict.FAILS, "3.00 > 2.50")
    (line,) = compared(part, [longer, quick, row("mle", Mean(2.5, 0.1))])
    text = claims.detailed(1, Claim("NAGAN is better", "4.1", [part]), [line], [])
    assert "| 3.00 > 2.50 | **fails**; at cpu and quick 2.00 < 2.50 |" in text
    alone = row("mle", Mean(2.5, 0.1), seeds=1, budget="cpu")
    assert shown(longer, quick, alone, row("mle", Mean(3.5, 0.1))) == (Verdict.HOLDS, "3.00 < 3.50")
    assert shown(longer, quick, row("mle", Mean(1.5, 0.1))) == (Verdict.FAILS, "2.00 > 1.50")
    assert shown(longer, quick, alone) == (Verdict.FEW, "2.00 < 2.50")


def test_a_larger_budget_of_one_seed_hides_no_verdict() -> None:
    alone, low = row("mle", Mean(0.5), seeds=1, budget="paper"), row("mle", Mean(1.0, 0.1))
    part = Part(data="hmm", ours=[("nagan", "mle")], lower=[GAP])
    (line,) = compared(part, [row("nagan", Mean(2.0, 0.1), budget="cpu"), alone, low])
    assert (line.pair.verdict, line.pair.text) == (Verdict.FAILS, "2.00 > 1.00")


def test_printed_values_are_those_of_the_table() -> None:
    published = load_published(ROOT / "leaderboard")["nagan2021"]
    printed = ("NAGAN (dropout 0.10)", "ScratchGAN")
    part = Part(data="hmm", ours=[("a", "b")], lower=[GAP], table="Table 10", printed=printed)
    (line,) = compared(part, [])
    assert as_printed(line, published) == "3.23 < 3.91"
    (line,) = compared(Part(**{**vars(part), "printed": ("NAGAN", "no such row")}), [])
    with pytest.raises(UserError, match="Table 10 has no oracle_nll of NAGAN and no such row"):
        as_printed(line, published)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_claims_name_rows_that_there_are(path: Path) -> None:
    """Printed rows are in the published values, and our own ones are recipes."""
    published = load_published(ROOT / "leaderboard")[path.stem]
    parts = [part for claim in claims.load(path) for part in claim.parts]
    assert parts
    for part in parts:
        lines = list(compared(part, []))
        assert lines, "each part has a score"
        for line in lines:
            as_printed(line, published)
        for method in chain.from_iterable(part.ours):
            method, *_ = method.split(" ")  # "nagan adam" are edits of nagan's sentences
            assert is_row(method, ROOT / "benchmarks" / part.data), f"{method} on {part.data}"


def test_a_file_of_another_form_is_refused_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "paper.toml"
    for content in ("no toml", 'claims = [{ says = "so", where = "4" }]', "[other]"):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(UserError, match="holds no claims"):
            claims.load(path)
