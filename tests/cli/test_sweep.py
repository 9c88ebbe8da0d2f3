"""A trained run along its knob: stored point by point, not repeated, and drawn."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from datamodules import HMM, TextData
from datamodules.hmm import SIZES
from tests.boring import Boring
from tests.checkout import RECORD, RUN, Command
from tests.leaderboard.test_leaderboard import ORACLE
from textgan_bench import leaderboard
from textgan_bench.cli.sweep import VALUES, draw, sweep
from textgan_bench.leaderboard.sweeps import Sweep, load
from textgan_bench.methods import MLE
from textgan_bench.training.run import Run

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
    assert longer.draws[1:] == swept.draws


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
            draws=[{}, {}, {}],
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


def swept_by(method: str, quality: float, moved: float, root: Path) -> None:
    """A curve of LM scores at entropies 4 to 5, which resamples move as one."""
    entropies = (4.0, 4.5, 5.0)
    swept = Sweep(
        method=method,
        data="hmm",
        budget="quick",
        seed=0,
        knob="temperature",
        checkpoint="c",
        data_revision="r",
        fingerprint={"samples": 100},
        commit="",
        versions={},
        points=[{"knob": x, "word_entropy": x, "lm_score/kn4": x + quality} for x in entropies],
        draws=[{"word_entropy": [0.0, 0.0], "lm_score/kn4": [-moved, moved]} for _ in entropies],
    )
    path = swept.path(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(vars(swept)), encoding="utf-8")


def test_a_table_says_which_curve_is_ahead_at_equal_entropy(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [plot]")
    swept_by("mle", 0.5, 0.01, tmp_path)
    assert [path.name for path in draw("hmm", tmp_path)] == ["hmm-sweep.svg"], "nothing to compare"
    swept_by("nagan", 0.25, -0.01, tmp_path)
    _, table = draw("hmm", tmp_path)
    text = table.read_text(encoding="utf-8")
    assert "## LM score ↓ at equal Word entropy" in text
    assert "Mean over Word entropy: 4 to 5, which all reach." in text
    first, second = (line.split(" | ") for line in text.splitlines() if "± 0.01 |" in line)
    assert first[0] == "| mle (quick, seed 0)"
    assert first[1] == "5.00 ± 0.01"
    assert first[3] == "-0.25 ± 0.03 (0%, 100%) |"
    assert second[1:3] == ["4.75 ± 0.01", "+0.25 ± 0.03 (100%, 0%)"]


def test_a_method_that_knows_its_likelihood_has_its_divergence_from_the_oracle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of an untrained model on the HMM, by the law of its samples at each temperature."""
    monkeypatch.setitem(SIZES, "train", 100)
    monkeypatch.setitem(SIZES, "validation", 200)
    monkeypatch.setitem(SIZES, "test", 200)
    data = TextData(HMM(max_length=4), batch_size=50)
    data.setup()
    torch.manual_seed(0)
    model = MLE(data.vocab_size, data.max_length, embedding=4, hidden=4).eval()
    monkeypatch.setattr("textgan_bench.cli.sweep.load_generator", lambda run: (model, data))
    place = {"method": "mle", "data": "hmm", "budget": "quick", "leaderboard": str(tmp_path)}
    config = {"evaluate": place, "seed_everything": 0}
    monkeypatch.setattr(Run, "load_config", lambda run: config)
    checkpoint = tmp_path / "checkpoint"
    checkpoint.write_bytes(b"weights")
    monkeypatch.setattr(Run, "tested_checkpoint", lambda run: "")
    monkeypatch.setattr(Run, "checkpoint", lambda run, name: checkpoint)
    sweep([tmp_path], values=[0.5, 1.0])
    (path,) = (tmp_path / "sweeps/hmm").glob("*.json")
    cold, warm = load(path).points
    assert cold["model_entropy"] < warm["model_entropy"]
    for point in (cold, warm):
        # Words are uniform to the model, nearly, and its end symbol is one of 501.
        expected = point["oracle_nll"] - point["model_entropy"]
        assert point["kl"] == pytest.approx(expected, abs=0.02)
        assert point["kl_forward"] > 2
    assert {"oracle_nll", "lm_score/kn4", "word_entropy"} <= load(path).draws[0].keys()
