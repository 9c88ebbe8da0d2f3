"""Settings that no run can have, or that would be without effect: one line, before any training."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.boring import Boring
from tests.checkout import RUN, Command, write_recipe
from textgan_bench.functional.kneser_ney import estimate
from textgan_bench.training.command_line import TrainingCLI

BENCH = ("bench", "boring", "--data", "noise")
FIT = (
    "fit",
    *(f"--config=benchmarks/{name}.yaml" for name in ("trainer", "noise/data", "noise/boring")),
    f"--trainer.default_root_dir={RUN}",
)
SEEDS = "0 to 4294967295"

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("--seed_everything=-1", SEEDS),
        ("--seed_everything=4294967296", SEEDS),
        ("--model.init_args.lr=.nan", "model.init_args.lr is nan, which is no number"),
        ("--model.init_args.lr=-.inf", "Invalid learning rate: -inf"),
        ("--model.init_args.lr=-1", "Invalid learning rate: -1"),
        ("--model.init_args.lr=fast", 'tests.boring.Boring: Parser key "lr": Expected a'),
        ("--model=tests.boring.Borin", "has no attribute 'Borin'"),
        ("--model.init_args.max_length=7", "max_length is that of the data"),
        ("--model.init_args.vocab_size=99", "vocab_size is that of the data"),
        ("--data.init_args.batch_size=0", "batch_size should be a positive integer"),
        ("--data.init_args.size=-1", "negative dimension -1"),
        ("--checkpoint.minutes=.nan", "checkpoint.minutes is nan"),
        ("--checkpoint.minutes=-1", "minutes=-1"),
        ("--trainer.max_steps=4", "use trainer.max_epochs, and trainer.limit_train_batches"),
        ("--trainer.max_epochs=0", "trainer.max_epochs is 0"),
        ("--trainer.limit_train_batches=0", "trainer.limit_train_batches is 0"),
        ("--trainer.max_epochs=null", "trainer.max_epochs is not set"),
        ("--trainer.limit_test_batches=0", "trainer.limit_test_batches is 0"),
    ],
)
def test_a_setting_that_cannot_be_is_told_in_a_line(
    command: Command, setting: str, expected: str
) -> None:
    assert expected in command.refused(*FIT, setting)
    assert not (RUN / "checkpoints").exists()


def test_a_test_of_nothing_is_refused(command: Command) -> None:
    command.bench()
    path = RUN / "checkpoints/last.ckpt"
    line = command.refused(
        "test", *FIT[1:], f"--ckpt_path={path}", "--trainer.limit_test_batches=0"
    )
    assert "limit_test_batches is 0: nothing would be" in line


def test_a_selection_needs_validations(command: Command) -> None:
    assert command(*FIT, "--trainer.limit_val_batches=0").status == 0
    select = "--checkpoint.select=words"
    line = command.refused(*FIT, "--trainer.limit_val_batches=0", select)
    assert "limit_val_batches is 0" in line


@pytest.mark.parametrize("seed", ["-1", "4294967296", "99999999999999999999999", "nan", "1.5"])
def test_a_seed_is_one_that_numpy_takes(command: Command, seed: str) -> None:
    for arguments in (BENCH, ("sample", ".")):
        assert f"{seed} is not a whole number from {SEEDS}" in command.refused(
            *arguments, "--seed", seed
        )
    assert not Path("runs").exists()


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_knob_is_turned_to_a_number(command: Command, value: str) -> None:
    for arguments in (("sample", ".", "--knob"), ("sweep", ".", "--values", "0.5")):
        assert f"{value} is no number that a knob" in command.refused(*arguments, value)


def test_a_file_of_settings_is_looked_at_before_the_parser_takes_it(command: Command) -> None:
    path = Path("benchmarks/noise/boring.yaml")
    path.write_bytes(path.read_bytes() + "# naïve".encode("latin-1"))
    for arguments in (BENCH, FIT):
        assert f"{path} is not UTF-8" in command.refused(*arguments)
    write_recipe(
        "noise/boring.yaml", "trainer: {max_epoch: 1}\nmodel: {class_path: tests.boring.Boring}"
    )
    assert "no option --trainer.max_epoch (did you mean --trainer.max_epochs?)" in (
        command.refused(*BENCH)
    )


def test_what_a_table_marks_is_no_warning_of_a_run(command: Command) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimate([["a"]], ["a"], 2)
        assert caught
        caught.clear()
        TrainingCLI([*FIT[1:4]], run=False)
        caught.clear()
        estimate([["a"]], ["a"], 2)
        assert not caught


def other_shape(content: dict[str, Any]) -> None:
    content["state_dict"]["critic"] = torch.ones(7)


def without_a_weight(content: dict[str, Any]) -> None:
    del content["state_dict"]["critic"]


def without_a_state(content: dict[str, Any]) -> None:
    del content["callbacks"]["PeriodicCheckpoint"]["random_state"]


def with_a_path(content: dict[str, Any]) -> None:
    content["hyper_parameters"] = {"glove": Path("vectors.txt")}


def without(part: str) -> Callable[[dict[str, Any]], None]:
    return lambda content: content.pop(part) and None


def test_a_checkpoint_that_does_not_fit_is_told_in_a_line(command: Command) -> None:
    """By the command that trains, tests or samples, and none is called damaged that is not."""
    assert command(*FIT).status == 0
    path = RUN / "checkpoints/last.ckpt"
    sound = path.read_bytes()
    another = f"{path} is of another version of Boring; train again"
    for edit, expected, also_sampled in (
        (other_shape, another, True),
        (without_a_weight, another, True),
        (without_a_state, another, False),
        (with_a_path, f"{path} holds an object of pathlib.", True),
        (without("loops"), f"{path} is no checkpoint of a run: it has no loops", False),
        (without("optimizer_states"), "it has no optimizer_states", False),
        (without("callbacks"), "it has no callbacks", False),
        (without("state_dict"), "it has no state_dict", True),
    ):
        path.write_bytes(sound)
        content = torch.load(path, weights_only=True)
        edit(content)
        torch.save(content, path)
        resumed = f"--ckpt_path={path}"
        for arguments in [(*FIT, resumed), ("test", *FIT[1:], resumed)] + also_sampled * [
            ("sample", RUN)
        ]:
            line = command.refused(*arguments)
            assert expected in line
            assert "damaged" not in line
    path.write_bytes(sound[:-99])
    assert f"{path} is damaged" in command.refused(*FIT, resumed)
    path.unlink()
    path.mkdir()
    assert "there is no checkpoint" in command.refused("sample", RUN)


class Located(Boring):
    """Saves a hyper-parameter that PyTorch does not load."""

    def __init__(self, vocab_size: int, max_length: int) -> None:
        super().__init__(vocab_size, max_length)
        self.save_hyperparameters({"glove": Path("x")})


def test_a_hyper_parameter_that_no_checkpoint_gives_back_is_named_before_training(
    command: Command,
) -> None:
    write_recipe(
        "noise/boring.yaml",
        "model: {class_path: tests.training.test_command_line.Located}\ntrainer: {max_epochs: 1}",
    )
    line = command.refused(*FIT)
    assert "Located saves glove=PosixPath('x'), with which no checkpoint is loaded" in line
