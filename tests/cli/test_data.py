"""``data`` prepares data sets ahead, and tells those it cannot from those it can."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.checkout import Command, write_recipe
from textgan_bench.recipes import data_module

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def text(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A text of three thousand sentences, and the recipes for such."""
    monkeypatch.setattr("datamodules.sources.ROOT", checkout / "data")
    write_recipe(
        "text/data.yaml",
        "data: {class_path: datamodules.TextData, init_args: {corpus: datamodules.Text}}",
    )
    write_recipe("text/boring.yaml", "model: {class_path: tests.boring.Boring}")
    write_recipe(
        "text/boring-quick.yaml", "trainer: {max_epochs: 1}\nevaluate: {budget_label: an epoch}"
    )
    path = Path("my texts/pets.v1.txt")
    path.parent.mkdir()
    letters = "abcdefghijklmno"
    path.write_text(
        "".join(
            f'a "{a}" sees {b} and cannot see {c}, Mr. Pet <eos>.\n'
            for a in letters
            for b in letters
            for c in letters
        )
    )
    return path


def run_of(text: Path, budget: str = "quick") -> Path:
    (folder,) = Path("runs").glob(f"text-{text.stem}-*/boring/{budget}-seed0")
    return folder


def test_a_data_set_is_encoded_before_it_is_needed(command: Command, text: Path) -> None:
    result = command("data", "text", "--data_dir", text)
    assert result.status == 0, result.err
    assert "own text pets.v1.txt: " in result.out
    assert "dropped" in result.out
    assert list(Path("data/encoded").glob("text-*/*/train.arrow"))


def test_all_goes_on_after_a_failure_and_names_it(command: Command, text: Path) -> None:
    write_recipe(
        "missing/data.yaml",
        "data: {class_path: datamodules.TextData, init_args: {corpus: {class_path: "
        "datamodules.Names, init_args: {data_dir: my texts}}}}",
    )
    result = command("data", "all")
    assert result.status == 2
    assert "missing: " in result.out
    assert "lacks female.txt, male.txt" in result.out
    assert "noise: noise" in result.out, "the others are prepared"
    assert result.err == "textgan_bench: these data sets could not be prepared: missing\n"


def test_wrong_names_are_refused_in_one_line(command: Command, text: Path) -> None:
    assert ": benchmarks has noise, text; own text is named" in command.refused("data", "none")
    assert "--data_dir and --tokenised are said of one data set" in command.refused(
        "data", "all", "--data_dir", "."
    )


def test_own_text_is_benched_apart_from_the_leaderboard(command: Command, text: Path) -> None:
    result = command("bench", "boring", "--data", text)
    assert result.status == 0, result.err
    run = run_of(text)
    table = run.parts[1]
    (record,) = (run.parent.parent / "records" / table).glob("boring-quick-seed0-*")
    assert not Path("leaderboard").exists()
    assert "is finished" in command("bench", "boring", "--data", text).out
    recorded = json.loads(record.read_text())
    scored = json.loads(command("score", run / "samples.txt", "--data", text, "--json").out)
    assert scored["scores"] == {key: recorded["scores"][key] for key in scored["scores"]}
    assert scored["fingerprint"] == recorded["fingerprint"]
    assert [scored["data"], scored["data_revision"]] == [table, recorded["data_revision"]]
    # the text has grown by a word
    text.write_text(text.read_text().replace(" see ", " look at "))
    for arguments in (("bench", "boring", "--data", text), ("sample", run)):
        line = command.refused(*arguments)
        assert f"{run} was trained on data of revision {recorded['data_revision']}" in line


def test_a_text_scored_by_itself_is_a_copy(command: Command, text: Path) -> None:
    lines = text.read_text().splitlines(keepends=True)
    for row, name in enumerate(("train", "valid", "test")):
        (text.parent / f"{name}.txt").write_text("".join(lines[row::4]))
    copy = text.parent / "test.txt"
    against = ("--data", "text", "--data_dir", text.parent, "--json")
    for said, tokenisation in (((), "nltk-by-piece"), (("--tokenised",), "blanks")):
        content = json.loads(command("score", copy, *against, *said).out)
        assert content["scores"]["bleu_f/5"] == pytest.approx(1)
        assert content["scores"]["oov_rate"] == 0
        assert content["fingerprint"]["tokenisation"] == tokenisation


def test_only_own_text_is_said_to_be_tokenised(command: Command, text: Path) -> None:
    said = "--tokenised is said of own text"
    assert said in command.refused("bench", "boring", "--data", "noise", "--tokenised")
    assert said in command.refused("score", text, "--references", text, "--tokenised")
    command("bench", "boring", "--data", text, "--tokenised", "--budget", "smoke")
    config = yaml.safe_load((run_of(text, "smoke") / "config.yaml").read_text())
    assert config["data"]["init_args"]["corpus"]["init_args"]["tokenised"] is True


@pytest.mark.parametrize(
    "name", ["notes: draft.txt", "[x]", "null", "~", "1e3", "true", "a #b", "*x", "&x", "{a: b}"]
)
def test_a_name_that_reads_as_yaml_is_a_file(command: Command, text: Path, name: str) -> None:
    path = text.rename(name)
    table, data = data_module(name, None)
    data.setup("test")
    assert data.source.startswith(f"own text {name}: ")
    assert re.fullmatch(r"text-[\w.-]+", table)
    if name in ("notes: draft.txt", "null"):
        assert command("bench", "boring", "--data", path, "--budget", "smoke").status == 0
        assert command("sample", f"runs/{table}/boring/smoke-seed0").status == 0


def test_too_little_text_is_refused_before_training(command: Command, text: Path) -> None:
    text.write_text("".join(text.read_text().splitlines(keepends=True)[::3]))
    line = command.refused("bench", "boring", "--data", text)
    assert "validation sentences, fewer than the 256 of the Fréchet distance" in line
    assert not (run_of(text) / "checkpoints").exists()


def test_text_that_is_none_is_refused_in_one_line(command: Command, text: Path) -> None:
    text.write_bytes(b"\x89PNG\xff")
    assert "is not UTF-8 text" in command.refused("bench", "boring", "--data", text)
    assert "own text is named by an existing path" in command.refused(
        "bench", "boring", "--data", "none.txt"
    )
