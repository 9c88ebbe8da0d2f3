"""The figures of the papers, drawn from runs made up here."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
import yaml

from benchmarks.figures import gumbel, importance, lengths, nagan, trust
from benchmarks.figures.__main__ import FIGURES, LATENTS, Drawing, budgets, main
from textgan_bench.leaderboard import load_records
from textgan_bench.leaderboard.evidence import BUDGETS
from textgan_bench.methods import ImportanceSampledGAN
from textgan_bench.recipes import layers
from textgan_bench.training.row import Row
from textgan_bench.training.run import Run

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
COMMITTED = BENCHMARKS.parent / "leaderboard"
EXTREMES = "_min", "_max"
BUDGET = "Budget quick."

pytest.importorskip("matplotlib", reason="needs the extra [plot]")


def says(path: Path, words: Sequence[str]) -> bool:
    """Whether the picture holds each text: matplotlib writes them as comments beside the shapes."""
    svg = path.read_text(encoding="utf-8")
    assert f"<!-- {BUDGET} -->" in svg
    return all(f"<!-- {word} -->" in svg for word in words)


def write_log(run: Run, columns: Sequence[str], rows: Sequence[Sequence[float]]) -> None:
    path = run.folder / "csv/version_0/metrics.csv"
    path.parent.mkdir(parents=True)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines), encoding="utf-8")


@pytest.mark.parametrize("figure", [*FIGURES, *LATENTS], ids=lambda figure: figure.name)
def test_every_figure_is_drawn_from_recipes(figure: Drawing) -> None:
    for method in figure.methods:
        assert layers(method, figure.data, "quick", BENCHMARKS)


def test_a_missing_run_is_named_by_the_command_that_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(nagan, "draw", lambda folder: [])
    monkeypatch.setattr(nagan, "training", lambda folder: folder)
    monkeypatch.setattr(lengths, "draw", lambda folder: folder)
    monkeypatch.setattr(trust, "draw", lambda folder: folder)
    with pytest.raises(SystemExit) as end:
        main("quick", 3)
    assert end.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    band = "make bench METHOD=importance.band DATA=names BUDGET=quick SEED=3"
    assert f"without importance_band.svg: {band}" in lines
    assert "nagan.started DATA=coco" in lines[-1]
    assert len(lines) == len({(f.data, m) for f in (*FIGURES, *LATENTS) for m in f.methods}) == 8
    assert not list(tmp_path.iterdir())


def test_the_budgets_of_the_runs_stand_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [Row(method, "cfg", 0, "quick") for method in ("mle_lstm", "gumbel", "gumbel.1000")]
    for row, label in zip(rows, ("3 epochs", "1 of 20", "1 of 20"), strict=True):
        row.run.folder.mkdir(parents=True)
        config = {"evaluate": {"budget_label": label}}
        row.run.config.write_text(yaml.safe_dump(config), encoding="utf-8")
    assert budgets(rows) == "Budget quick. mle_lstm: 3 epochs. gumbel, gumbel.1000: 1 of 20."


def test_losses_of_the_four_variants(tmp_path: Path) -> None:
    runs = [Run(tmp_path / name) for name in gumbel.VARIANTS]
    for run in runs:
        columns = "discriminator/loss", "generator/loss", "step"
        write_log(run, columns, [(1.4, 0.1, 49), (1.2, -0.5, 99)])
    gumbel.losses(runs, tmp_path / "losses.svg", BUDGET)
    assert says(tmp_path / "losses.svg", ["discriminator", "generator", *gumbel.PANELS])


def test_curves_of_training_are_those_of_the_largest_budget(tmp_path: Path) -> None:
    """Of the committed records; a method that has no curve is left out."""
    records = [each for each in load_records(COMMITTED) if each.data == nagan.SYNTHETIC]
    rows = nagan.by_method(records, COMMITTED)
    for name, curves in rows.items():
        method, budget = re.fullmatch(r"(\S+) \((\w+).*\)", name).groups()  # type: ignore[union-attr]
        budgets_of_method = {each.budget for each in records if each.method == method}
        assert min(budgets_of_method, key=BUDGETS.index) == budget
        assert {curve.record.partition("-seed")[0] for curve in curves} == {f"{method}-{budget}"}
    assert {"mle (quick, 3 seeds)", "nagan.started (cpu, 3 seeds)"} <= rows.keys()
    path = nagan.training(tmp_path, COMMITTED)
    svg = path.read_text(encoding="utf-8")
    told = [*rows, *nagan.VALIDATION.values(), "samples of the oracle"]
    assert [text for text in told if f"<!-- {text} -->" not in svg] == []


def test_samples_stand_above_their_scores(tmp_path: Path) -> None:
    runs = []
    for name in ("mle_lstm", *gumbel.VARIANTS):
        runs.append(Run(tmp_path / name))
        runs[-1].folder.mkdir()
        # Three of four are strings of the grammar, and three of four are distinct.
        runs[-1].samples.write_text("x + x\nx\nx\nx *\n", encoding="utf-8")
    gumbel.samples(runs, tmp_path / "samples.svg", BUDGET)
    assert says(tmp_path / "samples.svg", ["LSTM, MLE", "(d)", "x+x", "parses   0.750"])
    assert says(tmp_path / "samples.svg", ["distinct 0.750", "grammar", "parses   1.000"])


def test_the_band_counts_epochs(tmp_path: Path) -> None:
    run = Run(tmp_path)
    names = [f"{p}/epoch_loss{e}" for p in ("discriminator", "generator") for e in ("", *EXTREMES)]
    write_log(
        run, [*names, "step"], [(1.0, 0.9, 1.2, 20, 15, 30, 45), (0.1, 0.05, 0.3, 9, 8, 11, 91)]
    )
    importance.band([run], tmp_path / "band.svg", BUDGET)
    assert says(tmp_path / "band.svg", ["epoch", "discriminator's loss (nats)"])


def test_names_and_lengths_come_from_samples_and_checkpoint(tmp_path: Path) -> None:
    model = ImportanceSampledGAN(6, 12)
    run = Run(tmp_path)
    config = {
        "model": {"class_path": "textgan_bench.methods.ImportanceSampledGAN"},
        "data": {
            "class_path": "datamodules.TextData",
            "init_args": {"corpus": {"class_path": "datamodules.CFG"}},
        },
        "trainer": {"default_root_dir": str(tmp_path), "logger": False, "max_epochs": 1},
        "evaluate": {"budget_label": "an epoch"},
        "checkpoint": {"select": None},
    }
    run.config.write_text(yaml.safe_dump(config), encoding="utf-8")
    checkpoint = run.checkpoint("last.ckpt")
    checkpoint.parent.mkdir()
    content = {"state_dict": model.state_dict(), "hyper_parameters": dict(model.hparams)}
    torch.save({**content, "pytorch-lightning_version": "2.6.0"}, checkpoint)
    run.samples.write_text("x + x\nx\n", encoding="utf-8")
    importance.lengths([run], tmp_path / "lengths.svg", BUDGET)
    assert says(tmp_path / "lengths.svg", ["real", "generated", "letters in a name"])
    importance.forced([run], tmp_path / "names.svg", BUDGET)
    assert says(tmp_path / "names.svg", ["real", "drawn", "12 letters forced"])
