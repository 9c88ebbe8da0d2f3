"""``compare``: refused by name where fingerprints differ, otherwise noise worked out by hand."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.checkout import RECORD, RUN, Command
from textgan_bench import leaderboard
from textgan_bench.evaluation.fingerprint import fingerprint
from textgan_bench.functional.hashed_ngrams import HashedNGrams
from textgan_bench.leaderboard import Record

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

TEXT = [["a", "man"], ["a", "dog"]]
SETTINGS: dict[str, Any] = {
    **fingerprint(5_000, TEXT, ["a", "man"], encoder=HashedNGrams.fit(TEXT, 1), encoder_text=TEXT),
    "data": "coco",
    "data_revision": "r1",
}


def write_scores(name: str, scores: dict[str, float], **changes: Any) -> Path:
    """What ``score --json`` prints."""
    settings = SETTINGS | changes
    place = {key: settings.pop(key) for key in ("data", "data_revision")}
    path = Path(name)
    content = {"scores": scores, "left_out": {}, "fingerprint": settings, **place}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def row(table: str, key: str) -> list[str]:
    """Cells of a line: A, B, the difference, the noise and the verdict in one."""
    (line,) = (line for line in table.splitlines() if line.startswith(key))
    cells = line.removeprefix(key).split(maxsplit=5)
    return cells[1:] if cells[0] in "↓↑≈→0" else line.removeprefix(key).split(maxsplit=4)


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_a_differing_field_is_named(command: Command, name: str) -> None:
    first = write_scores("a.json", {"bleu_f/5": 0.3})
    other = 7 if isinstance(SETTINGS[name], int) else "other"
    second = write_scores("b.json", {"bleu_f/5": 0.3}, **{name: other})
    line = command.refused("compare", first, second)
    assert f"a.json and b.json do not compare: {name} is {SETTINGS[name]} and {other}" in line
    assert ";" not in line, "no other field is named"


def test_the_issue_s_fields_are_in_every_fingerprint() -> None:
    fields = "profile revision orders samples references tokenisation references_hash encoder"
    assert set(fields.split()) <= set(SETTINGS)


@pytest.mark.parametrize(
    ("first", "second", "samples", "cells"),
    [
        # Both have the standard error 0.02 at 5,000 samples: twice that of the difference is 0.057.
        (4.0, 4.05, 5_000, ["4.00", "4.05", "+0.05", "0.06", "within the noise"]),
        (4.0, 4.06, 5_000, ["4.00", "4.06", "+0.06", "0.06", "differs"]),
        (4.1, 4.0, 5_000, ["4.10", "4.00", "-0.10", "0.06", "differs"]),
        # Four times the samples halve it.
        (4.0, 4.05, 20_000, ["4.00", "4.05", "+0.05", "0.03", "differs"]),
        # A hundredth of them makes it 0.57.
        (4.0, 4.5, 50, ["4.00", "4.50", "+0.50", "0.57", "within the noise"]),
    ],
)
def test_noise_follows_the_number_of_samples(
    command: Command, first: float, second: float, samples: int, cells: list[str]
) -> None:
    paths = [
        write_scores(f"{i}.json", {"lm_score/kn4": value}, samples=samples)
        for i, value in enumerate((first, second))
    ]
    assert row(command("compare", *paths).out, "lm_score/kn4") == cells


def test_what_is_not_known_is_said(command: Command) -> None:
    first = write_scores("a.json", {"distinct_sentences": 1.0, "bleu_f/5": 0.3})
    second = write_scores("b.json", {"distinct_sentences": 0.5, "oov_rate": 0.1})
    out = command("compare", first, second).out
    assert row(out, "distinct_sentences") == ["1.000", "0.500", "-0.500", "–", "noise not known"]
    assert "only A has bleu_f/5" in out
    assert "only B has oov_rate" in out
    # Spreads were measured with the default definitions.
    paths = [
        write_scores(name, {"bleu_f/5": 0.3}, profile="other") for name in ("a.json", "b.json")
    ]
    assert row(command("compare", *paths).out, "bleu_f/5")[-1] == "noise not known"


RUN_OF_THREE = Record(
    method="nagan",
    data="coco",
    seed=0,
    budget="quick",
    budget_label="short",
    scores={"lm_score/kn4": 4.0, "bleu_b/5": 0.3},
    fingerprint={key: SETTINGS[key] for key in SETTINGS if not key.startswith("data")},
    data_revision="r1",
    data_source="captions",
    num_samples=5_000,
    generator_updates=1,
    wall_clock_hours=0.0,
    hardware="none",
    config={},
    commit="abc",
    versions={},
)


def test_a_record_stands_for_the_seeds_of_its_row(command: Command) -> None:
    for seed, lm_score in enumerate((4.0, 4.2, 4.4)):
        scores = {"lm_score/kn4": lm_score, "bleu_b/5": 0.3}
        leaderboard.write(replace(RUN_OF_THREE, seed=seed, scores=scores))
    leaderboard.write(replace(RUN_OF_THREE, seed=9, budget="paper"))  # another row
    leaderboard.write(replace(RUN_OF_THREE, seed=8, data_revision="r2"))  # other data
    path = RUN_OF_THREE.path()
    other = write_scores("b.json", {"lm_score/kn4": 4.5, "bleu_b/5": 0.305})
    out = command("compare", path, other).out
    assert f"A  {path} and its row, 3 seeds" in out
    # The mean of three is 4.2 with the error 0.2 / sqrt(3), that of one text is 0.02:
    # twice the root of the sum of squares is 0.234.
    assert row(out, "lm_score/kn4") == ["4.20", "4.50", "+0.30", "0.23", "differs"]
    # Equal by chance: the samples alone vary by 0.002, so 2 hypot(0.002 / sqrt(3), 0.002).
    assert row(out, "bleu_b/5") == ["0.300", "0.305", "+0.005", "0.005", "differs"]
    assert "3 seeds" not in command("compare", path.parent / "nagan-paper-seed9-r1.json", other).out
    line = command.refused("compare", path, path.parent / "nagan-quick-seed8-r2.json")
    assert "data_revision is r1 and r2" in line


def test_a_record_without_a_later_field_compares(command: Command) -> None:
    old = {key: value for key, value in RUN_OF_THREE.fingerprint.items() if key != "orders"}
    path = leaderboard.write(replace(RUN_OF_THREE, fingerprint=old))
    other = write_scores("b.json", {"lm_score/kn4": 4.5})
    assert "differs" in command("compare", path, other).out


def test_a_run_is_its_record_and_its_samples(command: Command) -> None:
    command.bench()
    out = command("compare", RUN, RECORD).out
    assert row(out, "words")[2] == "+0.000"
    assert "A  " + str(RECORD) in out
    scored = command("compare", RUN, RUN / "samples.txt", "--data", "noise").out
    assert row(scored, "words")[2] == "+0.000"
    # Both are scored by the metrics and the data of the record.
    assert row(command("compare", RUN / "samples.txt", RECORD, "--data", "noise").out, "words")
    RECORD.unlink()
    assert "has no record in leaderboard" in command.refused("compare", RUN, RUN)


def test_two_texts(command: Command) -> None:
    Path("a").write_text("a man\na dog\n", encoding="utf-8")
    Path("b").write_text("a man\na dog\na dog\n", encoding="utf-8")
    out = command("compare", "a", "a", "--references", "b").out
    assert row(out, "distinct_words") == ["3", "3", "+0", "2,687", "within the noise"]
    line = command.refused("compare", "a", "b", "--references", "b")
    assert "samples is 2 and 3" in line
    assert "--data or --references" in command.refused("compare", "a", "b")


def test_text_of_a_file_steers_no_terminal(command: Command) -> None:
    for name, profile in (("a", "\x1b[31m"), ("b", "\x1b[32m")):
        scores = {f"\x1b[2J{name}": 1, "\x1b[0m": 2}
        for path, settings in ((f"{name}.json", {}), (f"{name}2.json", {"profile": profile})):
            content = {"scores": scores, "fingerprint": settings}
            Path(path).write_text(json.dumps(content), encoding="utf-8")
    out = command("compare", "a.json", "b.json").out
    assert "only A has �[2Ja" in out
    assert "\x1b" not in out
    assert "profile is �[31m and �[32m" in command.refused("compare", "a2.json", "b2.json")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "a.json: cannot be read as JSON"),
        ("{", "a.json: cannot be read as JSON"),
        ("[" * 100_000, "a.json: cannot be read as JSON"),
        ("[]", "a.json is neither a record"),
        ("{}", "a.json is neither a record"),
        ('{"scores": 1}', "a.json is neither a record"),
        (
            '{"scores": {"parse_rate": NaN}, "fingerprint": {}}',
            "score parse_rate is nan",
        ),
        ('{"scores": {}, "fingerprint": {}, "standard_errors": []}', "a.json is neither a record"),
        ('{"scores": {}, "fingerprint": {}, "standard_errors": {"a": "1"}}', "standard error a is"),
    ],
)
def test_what_is_no_record_is_refused(command: Command, content: str, complaint: str) -> None:
    Path("a.json").write_text(content, encoding="utf-8")
    assert complaint in command.refused("compare", "a.json", "a.json")
    assert "none.json" in command.refused("compare", "none.json", "a.json")
