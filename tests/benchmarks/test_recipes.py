"""Every recipe is instantiated: its table exists, its classes take what it gives them.

``tests/golden/recipes.json`` holds what the layers of every recipe come to. A change that is meant
to leave recipes as they are must leave it as it is; another one records it again:

    python -m tests.benchmarks.test_recipes
"""

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
import yaml

from textgan_bench.interfaces import Method, TextDataModule
from textgan_bench.recipes import PAPER, SMOKE, TEXT, budgets, layers, rows
from textgan_bench.training.capture import CaptureSteps
from textgan_bench.training.command_line import TrainingCLI
from textgan_bench.training.evaluate import Evaluate

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
GOLDEN = ROOT / "tests" / "golden" / "recipes.json"
TABLES = sorted(path.parent for path in BENCHMARKS.glob("*/data.yaml"))


def recipes() -> list[tuple[str, str, str]]:
    found = []
    for folder in TABLES:
        for method in rows(folder):
            # A variant is at each budget what its method is there but for a value or two.
            built = ["quick"] if "." in method else budgets(method, folder)
            found += [(folder.name, method, budget) for budget in built]
    return found


def build(data: str, method: str, budget: str, folder: Path) -> TrainingCLI:
    paths = layers(method, data, budget, BENCHMARKS)
    settings = [f"--config={path}" for path in paths]
    if data == TEXT:  # whose text is named by the user
        settings.append(f"--data.init_args.data_dir={folder.with_suffix('.txt')}")
    return TrainingCLI([*settings, f"--trainer.default_root_dir={folder}"], run=False)


def test_there_are_tables() -> None:
    assert {folder.name for folder in TABLES} >= {"hmm"}


@pytest.mark.parametrize(("data", "method", "budget"), recipes())
def test_a_recipe_builds_its_method_and_its_data(
    data: str, method: str, budget: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datamodules.sources.ROOT", tmp_path.with_suffix(".data"))
    sentences = (f"a {first} sees a {second}\n" for first in "abcdefgh" for second in "ijklmnop")
    tmp_path.with_suffix(".txt").write_text("".join(sentences), encoding="utf-8")
    built = build(data, method, budget, tmp_path)
    assert isinstance(built.model, Method)
    assert isinstance(built.datamodule, TextDataModule)
    assert built.model.vocab_size == built.datamodule.vocab_size
    assert built.model.max_length == built.datamodule.max_length
    trainer = built.resolved["trainer"]
    assert trainer["max_epochs"] is not None, "a budget is a number of epochs"
    assert trainer["max_steps"] == -1, "steps count each optimizer of a GAN"
    assert trainer["num_sanity_val_steps"] == 0
    (evaluate,) = (callback for callback in built.callbacks if isinstance(callback, Evaluate))
    assert evaluate.budget_label != "as published" or budget == PAPER, "a budget says what it is"
    assert any(isinstance(callback, CaptureSteps) for callback in built.callbacks)
    assert not list(tmp_path.iterdir()), "building writes nothing"


@pytest.mark.parametrize("path", sorted(BENCHMARKS.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_file_is_part_of_a_recipe(path: Path) -> None:
    used = (layers(method, data, budget, BENCHMARKS) for data, method, budget in recipes())
    assert path in chain.from_iterable(used)
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


def settings(config: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(config, dict):
        for key, value in config.items():
            yield from settings(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, config


def overlaid(data: str, method: str, budget: str) -> dict[str, object]:
    stack: dict[str, object] = {}
    for path in layers(method, data, budget, BENCHMARKS):
        stack |= settings(yaml.safe_load(path.read_text(encoding="utf-8")))
    return stack


AUTOREGRESSIVE = {"temperature": 1, "start.frequency_rate": 0}


@pytest.mark.parametrize(("data", "budget"), [("hmm", "quick"), ("hmm", "paper"), ("coco", "cpu")])
@pytest.mark.parametrize(
    ("variant", "changed"),
    [
        ("soft", {"generator": "autoregressive_soft", **AUTOREGRESSIVE}),
        ("gumbel", {"generator": "autoregressive_gumbel", **AUTOREGRESSIVE}),
        ("cnn", {"discriminator": "cnn"}),
        ("rnn", {"discriminator": "rnn"}),
        ("no_penalty", {"gradient_penalty": 0.0}),
        ("no_dropout", {"dropout": 0.0, "inference_dropout": 0.0}),
    ],
)
def test_a_variant_differs_by_what_it_names(
    variant: str, changed: dict[str, object], data: str, budget: str
) -> None:
    of_method = overlaid(data, "nagan", budget)
    of_variant = overlaid(data, f"nagan.{variant}", budget)
    different = {key: value for key, value in of_variant.items() if of_method.get(key) != value}
    named = {f"model.init_args.{key}": value for key, value in changed.items()}
    assert of_method.keys() <= of_variant.keys()
    assert different == {key: value for key, value in named.items() if of_method.get(key) != value}


def merged() -> dict[str, dict[str, object]]:
    """Every setting of every recipe, ``<data>/<method>-<budget>``, that not all runs share."""
    shared = dict(settings(yaml.safe_load((BENCHMARKS / "trainer.yaml").read_text("utf-8"))))
    return {
        f"{folder.name}/{method}-{budget}": {
            key: value
            for key, value in overlaid(folder.name, method, budget).items()
            if key not in shared or value != shared[key]
        }
        for folder in TABLES
        for method in rows(folder)
        for budget in budgets(method, folder)
        if budget != SMOKE  # the paper's and six lines
    }


def test_recipes_are_those_that_were_recorded() -> None:
    golden, found = json.loads(GOLDEN.read_text(encoding="utf-8")), merged()
    assert golden.keys() <= found.keys()
    for name, settings_of_recipe in golden.items():
        assert found[name] == settings_of_recipe, name


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(merged(), indent=1, sort_keys=True) + "\n", "utf-8")
