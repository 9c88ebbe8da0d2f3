"""A trained run along its knob: stored point by point, not repeated, and drawn."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.boring import Boring
from tests.checkout import RECORD, RUN, Command
from tests.leaderboard.test_leaderboard import ORACLE
from textgan_bench import leaderboard
from textgan_bench.cli.sweep import VALUES, draw
from textgan_bench.leaderboard.sweeps import Sweep, load

POINTS = Path("leaderboard/sweeps/noise/boring-quick-seed0-r1.json")


def test_points_are_those_of_the_record_and_are_not_repeated(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.bench()
    first = command("sweep", RUN, "--values", 2, 1)
    assert first.status == 0, first.err
    swept = load(POINTS)
    record = leaderboard.load(RECORD)
    assert [point["knob"] for point in swept.points] == [1, 2]
    assert swept.points[0] == {"knob": 1, **record.scores}
    assert swept.points[1] != {"knob": 2, **record.scores}
    assert (swept.knob, swept.fingerprint) == ("temperature", record.fingerprint)
    assert "0 points of temperature, 2 to come" in first.out
    assert "no scores that a figure shows" in first.out

    drawn: list[float] = []
    sample = Boring.sample

    def counted(self: Boring, n: int, *, temperature: float = 1.0) -> object:
        drawn.append(temperature)
        return sample(self, n, temperature=temperature)

    monkeypatch.setattr(Boring, "sample", counted)
    assert "2 points of temperature, 1 to come" in command("sweep", RUN, "--values", 1, 0.5, 2).out
    assert set(drawn) == {0.5}
    longer = load(POINTS)
    assert [point["knob"] for point in longer.points] == [0.5, 1, 2]
    assert longer.points[1:] == swept.points


def test_the_own_setting_is_among_the_values(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VALUES, "temperature", (0.5,))
    command.bench()
    command("sweep", RUN)
    assert load(POINTS).points[1] == {"knob": 1, **leaderboard.load(RECORD).scores}


def test_points_of_another_checkpoint_are_discarded(command: Command) -> None:
    command.bench()
    command("sweep", RUN, "--values", 1)
    content = json.loads(POINTS.read_text(encoding="utf-8")) | {"checkpoint": "other"}
    POINTS.write_text(json.dumps(content), encoding="utf-8")
    assert "0 points of temperature, 1 to come" in command("sweep", RUN, "--values", 2).out
    assert [point["knob"] for point in load(POINTS).points] == [2]


def test_mistakes_are_one_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "is not a run" in command.refused("sweep", "benchmarks")
    command.bench()
    monkeypatch.setattr(Boring, "knob", "volume")
    assert "no values of volume are known" in command.refused("sweep", RUN)
    monkeypatch.setattr(Boring, "knob", None)
    assert "Boring has no knob" in command.refused("sweep", RUN)
    POINTS.parent.mkdir(parents=True)
    POINTS.write_text("{}", encoding="utf-8")
    monkeypatch.setattr(Boring, "knob", "temperature")
    assert "holds no sweep" in command.refused("sweep", RUN)


def test_curves_of_one_table_share_a_figure_if_they_compare(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [plot]")
    keys = ("bleu_f/5", "bleu_b/5", "lm_score/kn4", "reverse_lm/kn4")
    for method, samples in (("mle", 100), ("nagan", 100), ("other", 50)):
        swept = Sweep(
            method=method,
            data="hmm",
            budget="quick",
            seed=0,
            knob="temperature",
            checkpoint="c",
            data_revision="r",
            fingerprint={"samples": samples},
            commit="",
            versions={},
            points=[{"knob": t, **dict.fromkeys(keys, t)} for t in (0.5, 1.0)]
            + [{"knob": 9.0, "bleu_f/5": 0.0}],  # too hot for the others
        )
        path = swept.path(tmp_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(vars(swept)), encoding="utf-8")
    for method, settings in (("real", {"samples": 100}), ("oracle", {"samples": 99})):
        scores = {**ORACLE.scores, **dict.fromkeys(keys, 0.7)}
        anchor = replace(ORACLE, method=method, data_revision="r", scores=scores)
        leaderboard.write(replace(anchor, fingerprint={**settings}), tmp_path)
    first, second = draw("hmm", tmp_path)
    assert (first.name, second.name) == ("hmm-sweep.svg", "hmm-sweep-2.svg")
    svg = first.read_text(encoding="utf-8")
    for label in (
        "mle (quick, seed 0)",
        "nagan (quick, seed 0)",
        "BLEU-F ↑",
        "Reverse LM ↓",
        "real",
    ):
        assert f"<!-- {label} -->" in svg
    assert "oracle" not in svg, "it was scored otherwise"
    assert "other" not in svg
    assert "other" in second.read_text(encoding="utf-8")
