"""The look inside a run, and the table of edits, from a run of a small network made here."""

import csv
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from benchmarks.figures import editing, latents, measured
from benchmarks.figures.__main__ import LATENTS, main
from benchmarks.figures.editing import OVERALL, PUBLISHED, Result, frequent_pairs
from tests.boring import BoringData
from tests.leaderboard.test_leaderboard import RUN
from textgan_bench.evaluation.editing import OFFSET, RULES
from textgan_bench.files import replace_rows
from textgan_bench.methods import MLE, NAGAN
from textgan_bench.training.run import Run

pytest.importorskip("matplotlib", reason="needs the extra [plot]")

SIZES: dict[str, Any] = {
    "width": 8,
    "blocks": 2,
    "heads": 2,
    "feed_forward": 8,
    "latent_dim": 4,
    "embedding_dim": 6,
}


def written(
    folder: Path, model: NAGAN | MLE, data: str = "tests.evaluation.test_editing.Full"
) -> Run:
    """A run of data whose longest sentence has 4 words, shorter than any in the paper's cases."""
    run = Run(folder)
    name = type(model).__name__
    config = {
        "model": {
            "class_path": f"textgan_bench.methods.{name}",
            "init_args": {
                key: value
                for key, value in model.hparams.items()
                if key not in ("vocab_size", "max_length", "start")
            },
        },
        "data": {"class_path": data},
        "trainer": {"default_root_dir": str(folder), "logger": False, "max_epochs": 1},
        "evaluate": {
            "budget_label": "an epoch",
            "method": name.lower(),
            "data": "noise",
            "budget": "quick",
        },
        "checkpoint": {"select": None},
        "seed_everything": 0,
    }
    checkpoint = run.checkpoint("last.ckpt")
    checkpoint.parent.mkdir(parents=True)
    run.config.write_text(yaml.safe_dump(config), encoding="utf-8")
    content = {"state_dict": model.state_dict(), "hyper_parameters": dict(model.hparams)}
    torch.save({**content, "pytorch-lightning_version": "2.6.0"}, checkpoint)
    return run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    torch.manual_seed(0)
    data = BoringData()
    model = NAGAN(data.vocab_size, data.max_length, **SIZES)
    model.length_counts[1:] = 1
    with torch.no_grad():
        model.average.scores.weight.mul_(10)  # words that differ
    return written(tmp_path / "run", model)


def test_every_picture_is_drawn_into_the_folder_of_the_run(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    main("quick", 0, run.folder)
    shown = capsys.readouterr().out
    expected = {
        "interpolation": ["Case 3", "λ 0.0", "over 200 cases"],
        "lengths": ["Added to the front", " 4"],
        "moves": ["latent drawn anew", "another word in"],
        "layers": ["Case 1", "Mean of 200", "cosine with the last layer"],
    }
    for name, texts in expected.items():
        path = run.folder / f"figures/latents_{name}.svg"
        svg = path.read_text(encoding="utf-8")
        assert all(text in svg for text in texts), name
        assert "an epoch" in svg
        assert str(path) in shown
    with (run.folder / "figures/latents_latency.csv").open(encoding="utf-8") as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    assert rows.keys() == {"nagan", "mle_transformer"}
    for row in rows.values():
        assert all(float(row[column]) > 0 for column in latents.COLUMNS[1:-1])
        assert row["measured on"]
    assert float(rows["nagan"][latents.COLUMNS[2]]) > float(rows["nagan"][latents.COLUMNS[1]])
    assert "| nagan |" in shown
    assert len(LATENTS) == len(expected) + 1


def test_a_run_without_latents_is_refused_in_one_line(tmp_path: Path) -> None:
    data = BoringData()
    model = MLE(data.vocab_size, data.max_length, embedding=2, hidden=2)
    run = written(tmp_path / "mle", model)
    with pytest.raises(SystemExit, match=r"^figures: MLE has no latent a word"):
        main("quick", 0, run.folder)
    with pytest.raises(SystemExit, match=r"^editing: MLE does not write"):
        editing.main(run.folder, None, **few([]))
    with pytest.raises(SystemExit, match="is not a run"):
        main("quick", 0, tmp_path)


def few(rules: list[str]) -> dict[str, int | list[str]]:
    return {"rules": rules, "sentences": 4, "pairs": 6, "each": 2, "pool": 600, "seed": 0}


def test_the_table_of_edits_counts_the_lines_of_its_file(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    editing.main(run.folder, None, **few([]))
    results = editing.load(run.folder / "editing.csv")
    assert {result.rule for result in results} == set(RULES)
    assert {result.pairs for result in results} == {"random"}, "no word of Table 6 is known here"
    assert all(0 <= result.overlap <= result.edited <= result.sentences <= 2 for result in results)
    (name,) = {result.run for result in results}
    assert re.fullmatch(r"noise, nagan, quick, seed 0, edited at \S+", name)
    assert editing.table(results) in capsys.readouterr().out
    editing.main(run.folder, run.folder / "one.csv", **few([OFFSET]))
    alone = editing.load(run.folder / "one.csv")
    assert alone == [result for result in results if result.rule == OFFSET]


def test_a_file_of_edits_keeps_those_of_other_runs(run: Run, tmp_path: Path) -> None:
    other = Result(
        "noise, fmgan, quick, seed 0, edited at abc", "random", "a", "b", OFFSET, 2, 1, 1
    )
    old = Result("noise, nagan, quick, seed 0, edited at abc", "random", "a", "b", OFFSET, 2, 1, 1)
    path = tmp_path / "edits.csv"
    replace_rows(path, Result._fields, [old, other])
    editing.main(run.folder, path, **few([OFFSET]))
    first, *rest = editing.load(path)
    assert first == other
    assert rest
    assert old not in rest
    assert {result.place[1] for result in rest} == {"nagan"}
    path.write_text("no,edits\n1,2\n")
    with pytest.raises(SystemExit, match=r"^editing: .*edits.csv holds no edits"):
        editing.main(run.folder, path, **few([OFFSET]))
    assert path.read_text() == "no,edits\n1,2\n"


def test_named_pairs_stand_alone_and_random_ones_together() -> None:
    results = [
        Result("r", "named", "black", "white", "adam", 100, 50, 30.0),
        Result("r", "named", "black", "white", OFFSET, 100, 0, 0.0),
        Result("r", "random", "a", "man", "adam", 10, 2, 1.0),
        Result("r", "random", "man", "a", "adam", 10, 6, 5.0),
    ]
    head, _, black, overall = editing.table(results).splitlines()
    assert head.startswith("| success / overlap | sentences | adam | offset | NAGAN gradient")
    published = " | ".join(PUBLISHED["black → white"])
    assert black == f"| black → white | 100 | 0.50 / 0.60 | 0.00 / – | {published} |"
    assert overall.startswith(f"| {OVERALL} | 20 | 0.40 / 0.75 | – | 0.76 / 0.47")


def test_edits_stand_in_table_6(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editing, "EDITS", tmp_path / "edits.csv")
    with pytest.raises(SystemExit, match="is missing: python -m benchmarks"):
        measured.edits()
    run = "coco, nagan.started, cpu, seed 0, edited at abc"
    results = [
        Result(run, "named", "black", "white", "adam", 100, 50, 30.0),
        Result(run, "random", "a", "man", "adam", 10, 2, 1.0),
        Result(run, "random", "man", "a", "adam", 10, 6, 5.0),
        Result(run, "named", "black", "white", OFFSET, 100, 0, 0.0),
    ]
    replace_rows(editing.EDITS, Result._fields, results)
    monkeypatch.setattr("textgan_bench.leaderboard.load_records", list)
    with pytest.raises(SystemExit, match=r"seed 0, edited at abc, which has no record$"):
        measured.edits()
    counts = {"distinct_sentences": 0.25, "distinct_words": 1_234.0}
    record = replace(RUN, data="coco", method="nagan.started", budget="cpu", scores=counts)
    monkeypatch.setattr("textgan_bench.leaderboard.load_records", lambda: [record])
    source, rows = measured.edits()
    assert source == f"sentences of {run}"
    assert [(row["method"], row["data"], row["budget"]) for row in rows] == [
        ("nagan.started adam", "coco", "cpu"),
        ("nagan.started offset", "coco", "cpu"),
    ]
    assert rows[0]["label"] == (
        "100 sentences black-white, 20 sentences overall; of its samples 0.250 are distinct, of "
        "1,234 words"
    )
    assert rows[0]["scores"] == {
        "edit_success/black-white": 0.5,
        "edit_overlap/black-white": 0.6,
        "edit_success/overall": 0.4,
        "edit_overlap/overall": 0.75,
    }
    assert rows[1]["scores"] == {"edit_success/black-white": 0.0}, "nothing edited kept nothing"


def test_the_page_shows_the_file_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editing, "EDITS", tmp_path / "edits.csv")
    assert "Not measured yet" in editing.page()
    results = [
        Result("coco, nagan", "random", "a", "man", "adam", 10, 2, 1.0),
        Result("coco, fmgan", "random", "a", "man", OFFSET, 10, 1, 0.5),
    ]
    replace_rows(editing.EDITS, Result._fields, results)
    first, second = (editing.table([result]) for result in results)
    assert editing.page() == f"{first}\n\ncoco, nagan.\n\n{second}\n\ncoco, fmgan."


def test_random_pairs_are_of_frequent_words(monkeypatch: pytest.MonkeyPatch) -> None:
    data = BoringData()
    sentences = [["a", ".", "a"], ["man", "a", "."], ["cow", "rides"], ["<unk>"] * 9]
    monkeypatch.setattr(data, "sentences", lambda split: sentences)
    monkeypatch.setattr(editing, "FREQUENT", 2)
    assert sorted(frequent_pairs(data, 100, 0)) == [("a", "man"), ("man", "a")]
    monkeypatch.setattr(editing, "FREQUENT", 50)
    pairs = frequent_pairs(data, 4, 1)
    assert len(set(pairs)) == 4
    assert {word for pair in pairs for word in pair} <= {"a", "man", "rides"}
