"""The tree of recipes: which names there are, and where their data lie."""

from pathlib import Path

import pytest

from tests.checkout import Command, write_recipe
from textgan_bench.recipes import folder_beside, layers

pytestmark = pytest.mark.usefixtures("checkout")


def test_a_row_of_other_tables_is_said_to_be_there() -> None:
    for data in ("grammar", "words"):
        write_recipe(f"{data}/data.yaml", "data: {class_path: tests.boring.BoringData}")
        write_recipe(f"{data}/gumbel.yaml", "model: {class_path: tests.boring.Boring}")
    with pytest.raises(ValueError, match=r"noise has boring; gumbel is in grammar, words$"):
        layers("gumbel", "noise", "quick")


def test_a_neighbouring_folder_of_data_is_found(tmp_path: Path, command: Command) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (tmp_path / "benchmarks").rename(checkout / "benchmarks")
    command.monkeypatch.chdir(checkout)
    assert folder_beside("pets-small") is None
    folder = tmp_path / "shared/data/pets"
    folder.mkdir(parents=True)
    for data in ("pets", "pets-small"):
        assert folder_beside(data) == "../shared/data/pets"
        write_recipe(f"{data}/data.yaml", "data: {class_path: datamodules.Names}")
        write_recipe(f"{data}/boring.yaml", "model: {class_path: tests.boring.Boring}")
        missing = "../shared/data/pets lacks female.txt, male.txt"
        bench = ("bench", "boring", "--data", data, "--budget", "smoke")
        score = ("score", "../names.txt", "--data", data)
        Path("../names.txt").write_text("a n n\n", encoding="utf-8")
        for arguments in (bench, ("data", data), score):
            assert missing in command.refused(*arguments)
