"""The published schema of records, held against a validator and against ``load``."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.leaderboard.test_leaderboard import ORACLE, RUN
from textgan_bench import leaderboard
from textgan_bench.leaderboard import Record, RecordError
from textgan_bench.leaderboard.records import LATER
from textgan_bench.leaderboard.schema import schema, text

ROOT = Path(__file__).parents[2]
SUBMITTED = replace(RUN, source="submitted", paper="Ann (2026)", samples_hash="0f" * 32)


def problems(content: Any) -> list[str]:
    """What the validator of another project says of a record."""
    jsonschema = pytest.importorskip("jsonschema")
    kind = jsonschema.validators.validator_for(schema())
    kind.check_schema(schema())
    return [error.message for error in kind(schema()).iter_errors(content)]


def test_the_published_schema_is_that_of_the_code() -> None:
    path = ROOT / "leaderboard/record.schema.json"
    command = "python -m textgan_bench.leaderboard.schema"
    assert path.read_text(encoding="utf-8") == text(), f"{path}: run {command}"


def test_fields_and_types_are_those_another_library_finds() -> None:
    found = TypeAdapter(Record).json_schema()
    ours = schema()
    assert ours["properties"].keys() == found["properties"].keys()
    # Fields with a default may be missing to a constructor, but only later ones in a file.
    assert set(ours["required"]) - {"knob", "source", "schema"} == set(found["required"])
    for name, rules in found["properties"].items():
        kinds = {each["type"] for each in rules.get("anyOf", [rules])}
        own = ours["properties"][name]["type"]
        assert ({own} if isinstance(own, str) else set(own)) == kinds, name


def test_fields_say_what_the_code_says_of_them() -> None:
    properties = schema()["properties"]
    assert properties["commit"]["description"].startswith("Hash of the code's commit, ``-dirty``")
    assert "description" not in properties["seed"]


def test_every_committed_record_follows_the_schema() -> None:
    paths = sorted((ROOT / "leaderboard/records").glob("*/*.json"))
    assert len(paths) > 100
    found = {path.name: problems(json.loads(path.read_text("utf-8"))) for path in paths}
    assert not {name: said for name, said in found.items() if said}


@pytest.mark.parametrize("record", [RUN, ORACLE, SUBMITTED])
def test_a_good_record_passes_both(record: Record, tmp_path: Path) -> None:
    content = json.loads(json.dumps(asdict(record)))
    assert not problems(content)
    path = tmp_path / "record.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    assert leaderboard.load(path) == record


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"schema": 0},
        {"schema": "1"},
        {"schema": True},
        {"seed": None},
        {"seed": -1},
        {"seed": 1.5},
        {"scores": {"oracle_nll": "3.5"}},
        {"scores": {"oracle_nll": 1e300}},
        {"scores": {"oracle_nll": True}},
        {"scores": [3.5]},
        {"knob": {"dropout": None}},
        {"wall_clock_hours": -1},
        {"training_hours": -1},
        {"training_updates": 10**400},
        {"num_samples": 0},
        {"passes": 0},
        {"left_out": {"oracle_nll": None}},
        {"left_out": None},
        {"phases": {"pretraining": {"batches": 3}}},
        {"phases": {"pretraining": {"batches": 1.5, "hours": 1}}},
        {"source": "hearsay"},
        {"source": "submitted"},
        {"source": "submitted", "paper": " ", "samples_hash": "0" * 64},
        {"source": "submitted", "paper": "Ann", "samples_hash": "0" * 63},
        {"colour": "red"},
        {"method": None},
        *({name: ...} for name in sorted(asdict(RUN).keys() - LATER)),
    ],
)
def test_a_bad_record_passes_neither(change: dict[str, Any], tmp_path: Path) -> None:
    content = json.loads(json.dumps(asdict(RUN))) | change
    content = {name: value for name, value in content.items() if value is not ...}
    path = tmp_path / "record.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RecordError):
        leaderboard.load(path)
    assert problems(content)
