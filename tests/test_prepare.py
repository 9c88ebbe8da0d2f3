"""``data`` prepares data sets ahead, and tells those it cannot from those it can."""

from pathlib import Path

import pytest

from tests.checkout import Command, write_recipe

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def text(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A text of three thousand sentences, and the recipes for such."""
    monkeypatch.setattr("datamodules.sources.ROOT", checkout / "data")
    write_recipe("text/data.yaml", "data: {class_path: datamodules.Text}")
    write_recipe("text/boring.yaml", "model: {class_path: tests.boring.Boring}")
    write_recipe("text/boring-quick.yaml", "trainer: {max_epochs: 1}")
    path = Path("my texts/pets.v1.txt")
    path.parent.mkdir()
    letters = "abcdefghijklmno"
    sentences = [f"a {a} sees {b} and {c}\n" for a in letters for b in letters for c in letters]
    path.write_text("".join(sentences))
    return path


def test_a_data_set_is_encoded_before_it_is_needed(command: Command, text: Path) -> None:
    result = command("data", "text", "--data_dir", text)
    assert result.status == 0, result.err
    assert "own text pets.v1.txt: " in result.out
    assert "dropped" in result.out
    assert list(Path("data/encoded").glob("text-*/train.arrow"))


def test_all_goes_on_after_a_failure_and_names_it(command: Command, text: Path) -> None:
    write_recipe(
        "missing/data.yaml",
        "data: {class_path: datamodules.Names, init_args: {data_dir: my texts}}",
    )
    result = command("data", "all")
    assert result.status == 2
    assert "missing: " in result.out
    assert "lacks female.txt, male.txt" in result.out
    assert "noise: noise" in result.out, "the others are prepared"
    assert result.err == "textgan_bench: these data sets could not be prepared: missing\n"


def test_wrong_names_are_refused_in_one_line(command: Command, text: Path) -> None:
    assert ": benchmarks has noise, text; own text is named" in command.refused("data", "none")
    assert "--data_dir is the folder of one data set" in command.refused(
        "data", "all", "--data_dir", "."
    )


def test_own_text_is_benched_apart_from_the_leaderboard(command: Command, text: Path) -> None:
    result = command("bench", "boring", "--data", text)
    assert result.status == 0, result.err
    assert (Path("runs/text-pets/boring/quick-seed0") / "samples.txt").is_file()
    records = {path.name for path in Path("runs/text-pets/records/text-pets").iterdir()}
    assert any(name.startswith("boring-quick-seed0") for name in records)
    assert not Path("leaderboard").exists()
    assert "is finished" in command("bench", "boring", "--data", text).out
    text.write_text(text.read_text() + "one more sentence\n")
    assert "trained on data of revision" in command.refused("bench", "boring", "--data", text)


def test_too_little_text_is_refused_before_training(command: Command, text: Path) -> None:
    text.write_text("".join(text.read_text().splitlines(keepends=True)[::3]))
    line = command.refused("bench", "boring", "--data", text)
    assert "validation sentences, fewer than the 256 of the Fréchet distance" in line
    assert not Path("runs/text-pets/boring/quick-seed0/checkpoints").exists()


def test_text_that_is_none_is_refused_in_one_line(command: Command, text: Path) -> None:
    text.write_bytes(b"\x89PNG\xff")
    assert "is not UTF-8 text" in command.refused("bench", "boring", "--data", text)
    assert "own text is named by an existing path" in command.refused(
        "bench", "boring", "--data", "none.txt"
    )
