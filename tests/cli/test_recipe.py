"""``recipe``: what a recipe comes to, by file."""

from pathlib import Path

import pytest
import yaml

from tests.checkout import Command, write_recipe
from textgan_bench.training.command_line import TrainingCLI


@pytest.fixture(autouse=True)
def rows(checkout: Path) -> None:
    write_recipe("rows/generation/boring.yaml", "model: {class_path: tests.boring.Boring}")
    write_recipe(
        "rows/generation/boring-quick.yaml",
        "trainer: {max_epochs: 9, log_every_n_steps: 7}",
    )


def test_a_value_stands_beside_the_file_that_sets_it_last(command: Command) -> None:
    changes = ("--set", "data.init_args.size=8", "trainer.val_check_interval=0.5")
    out = command("recipe", "boring", "--data", "noise", *changes).out
    sources = {line.split(":")[0].strip(): line.partition("# ")[2] for line in out.splitlines()}
    assert sources["max_epochs"] == "benchmarks/noise/boring-quick.yaml"
    assert sources["log_every_n_steps"] == "benchmarks/rows/generation/boring-quick.yaml"
    assert sources["size"] == "--set data.init_args.size=8"
    assert sources["trainer"] == ""
    (column,) = {line.index("#") for line in out.splitlines() if "#" in line[:60]}
    assert column < 60, "comments are aligned"


def test_what_is_printed_is_a_configuration_of_the_same_run(command: Command) -> None:
    out = command("recipe", "boring", "--data", "noise", "--budget", "paper").out
    Path("printed.yaml").write_text(out, encoding="utf-8")
    assert yaml.safe_load(out)["trainer"]["max_epochs"] == 4
    layers = ("trainer", "noise/data", "rows/generation/boring", "noise/boring")
    of_layers = TrainingCLI([f"--config=benchmarks/{name}.yaml" for name in layers], run=False)
    assert TrainingCLI(["--config=printed.yaml"], run=False).resolved == of_layers.resolved


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("model.init_args.lr", "has no value: write model.init_args.lr=VALUE"),
        ("lr=1", "--set lr=1: a setting begins with model.init_args."),
        ("lr", "--set lr: a setting begins with model.init_args."),
        ("model.init_args.lrr=1", "tests.boring.Boring has no option lrr (did you mean lr?)"),
        ("modell.init_args.lr=1", "(did you mean model.init_args.?)"),
        ("seed_everything=1", "a setting begins with model.init_args."),
        ("data.init_args.data_dir=x", "--data_dir says that"),
        ("trainer.devices=2", "--devices says that"),
        ("model.init_args.lr=[", "[ is no value of YAML"),
    ],
)
def test_a_change_that_no_run_can_have_is_refused(
    change: str, complaint: str, command: Command
) -> None:
    for name in ("recipe", "bench"):
        assert complaint in command.refused(name, "boring", "--data", "noise", "--set", change)


def test_a_setting_with_two_values_is_refused(command: Command) -> None:
    line = command.refused(
        "recipe", "boring", "--data", "noise", "--set", "trainer.x=1", "--set", "trainer.x=2"
    )
    assert "--set has two values of trainer.x" in line
