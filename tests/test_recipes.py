"""The tree of recipes: which names there are, and where their data lie."""

import re
from pathlib import Path

import pytest

from tests.checkout import Command, write_recipe
from textgan_bench.errors import UserError
from textgan_bench.recipes import (
    MANY,
    ROOT,
    budgets,
    data_arguments,
    folder_beside,
    layers,
    read,
    rows,
)

LAUGHS = "\n".join(
    ["a0: &a0 [1]", *(f"a{i}: &a{i} [{', '.join(10 * [f'*a{i - 1}'])}]" for i in range(1, 30))]
)

DATA_OF_NAMES = """
data: {class_path: datamodules.TextData, init_args: {corpus: {class_path: datamodules.Names}}}
"""

pytestmark = pytest.mark.usefixtures("checkout")


def test_a_row_of_other_tables_is_said_to_be_there() -> None:
    for data in ("grammar", "words"):
        write_recipe(f"{data}/data.yaml", "data: {class_path: tests.boring.BoringData}")
        write_recipe(f"{data}/gumbel.yaml", "model: {class_path: tests.boring.Boring}")
    with pytest.raises(ValueError, match=r"noise has boring; gumbel is in grammar, words$"):
        layers("gumbel", "noise", "quick")


def test_layers_of_all_tables_lie_under_those_of_the_table_and_of_many_under_those_of_one() -> None:
    shared = "rows/generation"
    names = [
        f"{shared}/mle.yaml",
        f"{shared}/gan+mle-cpu+quick.yaml",
        f"{shared}/mle-cpu+quick.yaml",
        f"{shared}/mle-quick.yaml",
        "noise/mle-quick.yaml",
        f"{shared}/mle.soft+mle.hard.yaml",
        f"{shared}/mle.soft.yaml",
        "noise/mle.soft-quick.yaml",
    ]
    for name in (*names, f"{shared}/mle-cpu.yaml", f"{shared}/gan-quick.yaml"):
        write_recipe(name, "trainer: {max_epochs: 1}\nevaluate: {budget_label: one}")
    assert rows(ROOT / "noise") == ["boring", "mle", "mle.hard", "mle.soft"]
    assert budgets("mle.soft", ROOT / "noise") == ["paper", "smoke", "cpu", "quick"]
    assert layers("mle.soft", "noise", "quick")[2:] == [ROOT / name for name in names]
    assert layers("mle", "noise", "paper")[2:] == [ROOT / names[0]]


def test_variants_combine() -> None:
    names = [f"mle{part}" for part in ("", ".soft", ".hard", ".hard-quick", ".soft.hard-quick")]
    for name in names:
        write_recipe(
            f"noise/{name}.yaml", "trainer: {max_epochs: 1}\nevaluate: {budget_label: one}"
        )
    paths = [ROOT / f"noise/{name}.yaml" for name in names]
    assert layers("mle.soft.hard", "noise", "quick")[2:] == paths
    assert budgets("mle.soft.hard", ROOT / "noise") == ["paper", "smoke", "quick"]
    assert layers("mle.hard.soft", "noise", "paper")[2:] == [paths[0], paths[2], paths[1]]
    assert layers("mle.hard.soft", "noise", "quick")[-1] == paths[-1], "in any order"
    write_recipe("noise/mle.warm.yaml", "model: {init_args: {rate: 1}}")
    assert layers("mle.warm.soft.hard", "noise", "quick")[-1] == paths[-1], "and beside others"
    (ROOT / "noise/mle.warm.yaml").unlink()
    assert rows(ROOT / "noise") == ["boring", "mle", "mle.hard", "mle.soft"]
    for name in ("mle.soft.warm", "mle.soft.soft", "mle.warm", "mle.soft.", "mle..soft"):
        with pytest.raises(UserError, match=f"no method {re.escape(name)}"):
            layers(name, "noise", "paper")


def test_a_table_of_another_task_has_the_rows_of_that_task() -> None:
    write_recipe("rows/generation/mle.yaml", "model: {class_path: tests.boring.Boring}")
    write_recipe("rows/transfer/aligned.yaml", "model: {class_path: tests.boring.Boring}")
    write_recipe("yelp/data.yaml", "tasks: [transfer]\ndata: {class_path: tests.boring.BoringData}")
    assert rows(ROOT / "noise") == ["boring", "mle"]
    assert rows(ROOT / "yelp") == ["aligned"]
    write_recipe("yelp/data.yaml", "tasks: [trnsfer]\ndata: {}")
    with pytest.raises(UserError, match=r"yelp/data.yaml has the task trnsfer, .*rows no such"):
        rows(ROOT / "yelp")


@pytest.mark.parametrize("lost", ["trainer: {max_epochs: 4}", "evaluate: {budget_label: four}"])
def test_a_recipe_that_does_not_say_how_long_it_trains_is_refused(
    lost: str, command: Command
) -> None:
    row = ["model: {class_path: tests.boring.Boring}", "trainer: {max_epochs: 4}"]
    row.append("evaluate: {budget_label: four}")
    write_recipe("noise/boring.yaml", "\n".join(line for line in row if line != lost))
    setting = lost.replace(": {", ".").partition(":")[0]
    line = command.refused("bench", "boring", "--data", "noise", "--budget", "paper")
    assert f"{setting} is not set: benchmarks/noise/boring.yaml has to" in line


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
        write_recipe(f"{data}/data.yaml", DATA_OF_NAMES)
        write_recipe(f"{data}/boring.yaml", "model: {class_path: tests.boring.Boring}")
        missing = "../shared/data/pets lacks female.txt, male.txt"
        bench = ("bench", "boring", "--data", data, "--budget", "smoke")
        score = ("score", "../names.txt", "--data", data)
        Path("../names.txt").write_text("a n n\n", encoding="utf-8")
        for arguments in (bench, ("data", data), score):
            assert missing in command.refused(*arguments)


def test_texts_of_one_name_are_told_apart() -> None:
    """By suffixes within it, and by the folder; what YAML or a file system minds is left out."""
    paths = ["corpus.v1.txt", "corpus.v2.txt", "corpus.txt", "corpus.txt.gz", "corpus", "a/x.txt"]
    paths += ["b/x.txt", "x y.txt", "x: y.txt", "é.txt", "null", f"{'x' * 250}.txt", "50%_off.txt"]
    for path in paths:
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).touch()
    names = {path: data_arguments(path, None)[0] for path in paths}
    assert len(set(names.values())) == len(paths)
    assert names["corpus.v1.txt"] == "text-corpus.v1"
    assert names["é.txt"] == "text-é"
    assert all(re.fullmatch(r"text-[\w.-]{1,70}", name) for name in names.values())
    for path, name in names.items():
        assert data_arguments(str(Path(path).resolve()), None)[0] == name
        assert data_arguments("text", path) == (name, {"data_dir": f"./{path}"})
    assert data_arguments("noise", "corpus") == ("noise", {"data_dir": "./corpus"})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("trainer: {max_epochs: 1} # naïve".encode("latin-1"), "is not UTF-8 text .*; convert it"),
        (b"", "has no settings"),
        (b"# nothing\n", "has no settings"),
        (b"- a\n- b\n", "has no settings"),
        (b"trainer: {max_epochs: 1\n", "is no YAML: .*line 1"),
        (b"a: \0", "is no YAML"),
        (b"trainer: {a: 1}\nmodel: {}\ntrainer: {b: 2}\n", "has trainer twice"),
        (b"model: {lr: 1, lr: 2}", "has lr twice"),
        (b"trainer: &a {logger: *a}", "aliases repeat themselves"),
        (b"trainer: &a [*a]", "aliases repeat themselves"),
        (LAUGHS.encode(), f"more than {MANY:,} settings"),
        (b"a: " + 100_000 * b"[", "too deep|no YAML"),
    ],
)
def test_what_is_no_configuration_is_refused_by_name(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"(?s)^{path}:? .*({expected})"):
        read(path)


def test_aliases_may_be_used(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("a: &rates {lr: 1}\nb: *rates\nc: {<<: *rates, lr: 2}\n", encoding="utf-8")
    assert read(path).startswith("a: &rates")
