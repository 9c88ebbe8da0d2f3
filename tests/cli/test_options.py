"""Which options a class has, by its source and by itself."""

import inspect
import sys
from pathlib import Path
from pydoc import locate
from typing import Any

import pytest

import datamodules
from textgan_bench import methods
from textgan_bench.cli import options
from textgan_bench.cli.options import refuse_unknown
from textgan_bench.errors import UserError
from textgan_bench.metrics import profiles
from textgan_bench.recipes import merged

CLASSES = [
    *options.OWNERS.values(),
    *(f"datamodules.{name}" for name in datamodules.__all__ if not name.endswith("Oracle")),
    *(f"textgan_bench.methods.{name}" for name in methods.__all__),
    "textgan_bench.methods.nagan.Start",
    "tests.boring.BoringData",
]


@pytest.mark.parametrize("path", CLASSES)
def test_the_source_of_a_class_names_the_options_that_it_has(path: str) -> None:
    source = options._located(path)
    assert source is not None
    assert source.options is not None
    owner: Any = locate(path)
    assert set(source.options) == set(inspect.signature(owner).parameters)


@pytest.mark.parametrize("name", ["EXTRAS", "PROFILES"])
def test_the_source_of_a_dictionary_names_its_keys(name: str) -> None:
    assert options.keys(profiles.__name__, name) == tuple(getattr(profiles, name))


OPEN = """
from dataclasses import dataclass, field
from elsewhere import Unknown

class Open:
    def __init__(self, lr, **others): ...

class Above(Open):
    pass

class Beyond(Unknown):
    pass

class Start:
    def __init__(self, gain): ...

class Closed:
    def __init__(self, lr, start: Start, *, part: Unknown = None): ...
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plugged_in.py").write_text(OPEN, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


def refused(change: str, **model: Any) -> str:
    """What is said of a change to a model, empty if nothing is."""
    try:
        refuse_unknown(change, merged([("", {"model": model})]))
    except UserError as error:
        return str(error)
    finally:
        assert "plugged_in" not in sys.modules
    return ""


@pytest.mark.parametrize("name", ["Open", "Above", "Beyond", "Missing"])
def test_nothing_is_said_of_a_class_whose_options_its_source_does_not_tell(name: str) -> None:
    assert not refused("model.init_args.lrr=1", class_path=f"plugged_in.{name}")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("lr=1", ""),
        ("lrr=1", "plugged_in.Closed has no option lrr (did you mean lr?)"),
        ("start.gain=1", ""),
        ("start.gian=1", "plugged_in.Closed.start has no option gian (did you mean gain?)"),
        ("start.init_args.gian=1", ""),
        ("part.lrr=1", ""),
        ("part.init_args.lrr=1", "plugged_in.Closed has no option lrr (did you mean lr?)"),
    ],
)
def test_an_option_is_looked_up_where_its_name_leads(change: str, complaint: str) -> None:
    part = {"class_path": "plugged_in.Closed"}
    found = refused(
        f"model.init_args.{change}", class_path="plugged_in.Closed", init_args={"part": part}
    )
    assert found.endswith(complaint)
    assert bool(found) == bool(complaint)
