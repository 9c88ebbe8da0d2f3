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
from textgan_bench.methods import NAGAN
from textgan_bench.recipes import (
    DATA,
    SMOKE,
    TEXT,
    budgets,
    content,
    layers,
    rows,
)
from textgan_bench.training.capture import CaptureSteps
from textgan_bench.training.command_line import TrainingCLI
from textgan_bench.training.evaluate import Evaluate
from textgan_bench.training.row import Row

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
GOLDEN = ROOT / "tests" / "golden" / "recipes.json"
TABLES = sorted(path.parent for path in BENCHMARKS.glob("*/data.yaml"))
WHOLE = "coco"
"""A table of which every row is built at every budget."""


LAYERS = {
    (folder.name, method, budget): layers(method, folder.name, budget, BENCHMARKS)
    for folder in TABLES
    for method in rows(folder)
    for budget in budgets(method, folder)
}
"""Of every recipe: its files."""


def adds(data: str, method: str, budget: str) -> bool:
    """Whether the table has something of its own to say of this budget of a row."""
    own = {path.parent.name for path in LAYERS[data, method, budget] if path.name != DATA}
    return data in own


def settings(config: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(config, dict):
        for key, value in config.items():
            yield from settings(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, config


def overlaid(data: str, method: str, budget: str) -> dict[str, object]:
    stack: dict[str, object] = {}
    for path in layers(method, data, budget, BENCHMARKS):
        stack |= settings(content(path))
    stack.pop("tasks", None)  # no setting of a run
    return stack


def built() -> list[tuple[str, str, str]]:
    """The recipes of one table, and those of others that are not put together of its parts.

    A variant is at each budget what its method is there but for a value or two. Of recipes that
    share a method with its data, and a trainer, the first of each is built.
    """
    found = []
    seen: set[str] = set()
    for data, method, budget in LAYERS:
        if not (data == WHOLE or adds(data, method, budget)) or (
            "." in method and budget != "quick"
        ):
            continue
        laid = sorted(overlaid(data, method, budget).items())
        parts = {
            repr([setting for setting in laid if setting[0].startswith(sections)])
            for sections in (("data.", "model."), ("trainer.",))
        }
        if not parts <= seen:
            found.append((data, method, budget))
        seen |= parts
    return found


def build(data: str, method: str, budget: str, folder: Path) -> TrainingCLI:
    settings = [f"--config={path}" for path in LAYERS[data, method, budget]]
    if data == TEXT:  # whose text is named by the user
        settings.append(f"--data.init_args.corpus.init_args.data_dir={folder.with_suffix('.txt')}")
    return TrainingCLI([*settings, f"--trainer.default_root_dir={folder}"], run=False)


def test_a_change_may_be_nothing_in_a_field_of_a_data_class(tmp_path: Path) -> None:
    changes = ("model.init_args.generator_lr=1e-4", "model.init_args.start.score_std=null")
    row = Row("nagan.started", "hmm", 0, "quick", changes)
    model = TrainingCLI([*row.settings, f"--trainer.default_root_dir={tmp_path}"], run=False).model
    assert isinstance(model, NAGAN)
    assert model.start.score_std is None
    assert model.generator_lr == 1e-4
    assert model.start.neighbours, "the other fields are those of the recipe"


def test_there_are_tables() -> None:
    assert {folder.name for folder in TABLES} >= {"hmm"}


@pytest.mark.parametrize(("data", "method", "budget"), built())
def test_a_recipe_builds_its_method_and_its_data(
    data: str, method: str, budget: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datamodules.sources.ROOT", tmp_path.with_suffix(".data"))
    sentences = (f"a {first} sees a {second}\n" for first in "abcdefgh" for second in "ijklmnop")
    tmp_path.with_suffix(".txt").write_text("".join(sentences), encoding="utf-8")
    cli = build(data, method, budget, tmp_path)
    assert isinstance(cli.model, Method)
    assert isinstance(cli.datamodule, TextDataModule)
    assert cli.model.vocab_size == cli.datamodule.vocab_size
    assert cli.model.max_length == cli.datamodule.max_length
    trainer = cli.resolved["trainer"]
    assert trainer["max_epochs"] is not None, "a budget is a number of epochs"
    assert trainer["max_steps"] == -1, "steps count each optimizer of a GAN"
    assert trainer["num_sanity_val_steps"] == 0
    (evaluate,) = (callback for callback in cli.callbacks if isinstance(callback, Evaluate))
    assert evaluate.budget_label != "unnamed", "a budget says what it is"
    assert any(isinstance(callback, CaptureSteps) for callback in cli.callbacks)
    assert not list(tmp_path.iterdir()), "building writes nothing"


def test_every_generator_is_a_row_of_every_table_of_generation() -> None:
    shared = {path.stem for path in (BENCHMARKS / "rows/generation").glob("*.yaml")}
    methods = {stem for stem in shared if not {"+", "-"} & set(stem)}
    assert {"arae", "gumbel", "importance", "mle", "nagan", "scratchgan"} <= methods
    for folder in TABLES:
        offered = methods.intersection(rows(folder))
        transfer = folder.name in ("yelp-transfer", "snli-topics", "yahoo_answers")
        assert offered == (set() if transfer else methods), folder


FILES = sorted({*BENCHMARKS.rglob("*.yaml")} - {*BENCHMARKS.glob("tracking/*")})  # W&B's sweep


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_is_part_of_a_recipe(path: Path) -> None:
    assert path in set(chain.from_iterable(LAYERS.values()))
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


NOT_HELD = {"start.frequency_rate": 0, "temperature": 1}
"""Set where the method holds words, or its scores start larger."""


@pytest.mark.parametrize("row", ["nagan", "nagan.started"])
@pytest.mark.parametrize(("data", "budget"), [("hmm", "quick"), ("hmm", "paper"), ("coco", "cpu")])
@pytest.mark.parametrize(
    ("variant", "changed"),
    [
        ("soft", {"generator": "autoregressive_soft", **NOT_HELD}),
        ("gumbel", {"generator": "autoregressive_gumbel", **NOT_HELD}),
        ("cnn", {"discriminator": "cnn"}),
        ("cnn_layer_norm", {"discriminator": "cnn_layer_norm"}),
        ("rnn", {"discriminator": "rnn"}),
        ("no_penalty", {"gradient_penalty": 0.0}),
        ("no_dropout", {"dropout": 0.0, "inference_dropout": 0.0}),
    ],
)
def test_a_variant_differs_by_what_it_names(
    variant: str, changed: dict[str, object], data: str, budget: str, row: str
) -> None:
    of_method = overlaid(data, row, budget)
    of_variant = overlaid(data, f"{row}.{variant}", budget)
    named = {f"model.init_args.{key}": value for key, value in changed.items()}
    assert of_method.keys() <= of_variant.keys()
    for key, value in of_variant.items():
        assert value == named.get(key, of_method.get(key)), key
    assert f"model.init_args.{next(iter(changed))}" in of_variant


def merged() -> dict[str, dict[str, object]]:
    """The settings, by ``<data>/<method>-<budget>``, that not all runs share.

    Those of every recipe that is built, and of those that stood in a file of their own once.
    """
    shared = dict(settings(content(BENCHMARKS / "trainer.yaml")))
    names = {f"{data}/{method}-{budget}": (data, method, budget) for data, method, budget in LAYERS}
    kept = {f"{data}/{method}-{budget}" for data, method, budget in built() if budget != SMOKE}
    return {
        name: {
            key: value
            for key, value in overlaid(*names[name]).items()
            if key not in shared or value != shared[key]
        }
        for name in sorted(kept.union(golden()))
    }


def golden() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return found


def test_recipes_are_those_that_were_recorded() -> None:
    found = merged()
    assert golden().keys() == found.keys()
    for name, settings_of_recipe in golden().items():
        assert found[name] == settings_of_recipe, name


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(merged(), indent=1, sort_keys=True) + "\n", "utf-8")
