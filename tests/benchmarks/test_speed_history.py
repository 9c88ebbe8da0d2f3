"""The history of claims on speed, on claims that are made up."""

from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.speed import __main__ as speed
from benchmarks.speed import history
from benchmarks.speed.claims import Claim, installed

FAST = Claim("sorting / bubble sort", 12, 36_800.5)
SMALL = Claim("memory, of a word", 250, 101.23, "bytes", at_least=False)
SLOW = Claim("reading / writing", 2, 1.5)
ABSENT = Claim("ours / lmplz", 1, None)


def test_each_run_adds_a_line_a_measured_claim(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    history.append([FAST, SMALL, ABSENT], "a" * 40, "2026-01-02T03:04:05+00:00", path)
    history.append([SLOW], "b" * 40, "2026-02-03T04:05:06+00:00", path)

    assert path.read_text(encoding="utf-8") == (
        "commit,date,claim,bar,measured\n"
        f"{'a' * 40},2026-01-02T03:04:05+00:00,sorting / bubble sort,≥ 12 ×,3.68e+04\n"
        f'{"a" * 40},2026-01-02T03:04:05+00:00,"memory, of a word",≤ 250 bytes,101.2\n'
        f"{'b' * 40},2026-02-03T04:05:06+00:00,reading / writing,≥ 2 ×,1.5\n"
    )


@pytest.mark.parametrize(
    ("claim", "ratio"),
    [
        (SLOW, 0.75),
        (SMALL, 250 / 101.2),
        (Claim("power", 0.25, 0.1, "", at_least=False), 2.5),
        (Claim("power", 0.25, -0.1, "", at_least=False), float("inf")),
        (Claim("words", 1e7, 2e7), 2),
    ],
)
def test_a_ratio_is_above_one_where_the_claim_holds(
    claim: Claim, ratio: float, tmp_path: Path
) -> None:
    history.append([claim], "a", "today", tmp_path / "history.csv")

    (entry,) = history.read(tmp_path / "history.csv")
    assert entry.ratio == pytest.approx(ratio)
    assert (entry.ratio >= 1) == claim.holds


def test_the_figure_has_a_line_a_claim_and_marks_the_missed_one(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [plot]")
    path = tmp_path / "history.csv"
    history.append([FAST, SLOW], "abcdefgh", "2026-01-02T03:04:05+00:00", path)
    history.append([SLOW, SMALL], "ijklmnop", "2026-02-03T04:05:06+00:00", path)

    svg = path.with_suffix(".svg").read_text(encoding="utf-8")
    for text in (FAST.name, SMALL.name, SLOW.name, "abcdefg, 2026-01-02", "ijklmno, 2026-02-03"):
        assert f"<!-- {text} -->" in svg
    for last in ("3.07e+03", "0.75", "2.47"):
        assert f"<!-- {last} -->" in svg
    assert "#d62728" in svg, "red, of what is below its bar"


def test_a_run_of_all_scripts_is_added_even_if_a_bar_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = ModuleType("script")
    monkeypatch.setattr(script, "measure", lambda texts: [FAST, SLOW], raising=False)
    monkeypatch.setattr(speed, "import_module", lambda name: script)
    monkeypatch.setattr(speed, "SCRIPTS", ("script",))
    monkeypatch.setattr(speed, "arguments", lambda: None)
    monkeypatch.setattr(speed, "prepare", lambda data_dir: type("Texts", (), {"name": "noise"}))
    monkeypatch.setattr(speed, "report", lambda *arguments: "")
    monkeypatch.setattr(speed, "RESULTS", tmp_path / "results.md")
    monkeypatch.setattr(speed, "on_gpu", lambda texts: [])
    monkeypatch.setattr(speed, "commit", lambda: "c0ffee")
    monkeypatch.setattr(speed, "HISTORY", tmp_path / "history.csv")

    with pytest.raises(SystemExit, match="missed: reading / writing"):
        speed.main()

    entries = history.read(tmp_path / "history.csv")
    assert [(entry.commit, entry.claim) for entry in entries] == [
        ("c0ffee", FAST.name),
        ("c0ffee", SLOW.name),
    ]


def test_a_rival_that_is_not_installed_is_named() -> None:
    with pytest.raises(SystemExit, match=r"^no_such_rival is not installed: pip install"):
        installed("no_such_rival")
