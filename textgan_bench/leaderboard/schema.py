"""The JSON Schema of records: what the fields are, for programs that read or write them.

    python -m textgan_bench.leaderboard.schema [leaderboard/record.schema.json]

writes it from ``Record``. Three rules of ``load`` no schema can say: an object has no name twice, a
whole number is written without a point, and the file lies where its content says. Standard library
only.
"""

import ast
import inspect
import json
import sys
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from textgan_bench.files import replace_text
from textgan_bench.leaderboard.records import (
    LARGEST,
    LATER,
    LEAST,
    ROOT,
    SCHEMA,
    SHA256,
    SOURCES,
    Record,
)

PATH = ROOT / "record.schema.json"

NUMBER = {"type": "number", "minimum": -LARGEST, "maximum": LARGEST}

PARTS: dict[str, dict[str, Any]] = {
    "schema": {"maximum": SCHEMA},
    "source": {"enum": list(SOURCES)},
    "scores": {"additionalProperties": NUMBER},
    "knob": {"additionalProperties": NUMBER},
    "left_out": {"additionalProperties": {"type": "string"}},
    "phases": {
        "additionalProperties": {
            "type": "object",
            "required": ["batches", "hours"],
            "properties": {"batches": NUMBER | {"type": "integer"}, "hours": NUMBER},
        }
    },
}
"""What is said of a field beside its type."""

TYPES: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    dict: {"type": "object"},
    int: NUMBER | {"type": "integer"},
    float: NUMBER,
}


def schema() -> dict[str, Any]:
    """The schema, in the words of ``Record``."""
    hints, texts = get_type_hints(Record), _docstrings()
    properties = {}
    for name, hint in hints.items():
        rules = _rules(hint) | PARTS.get(name, {})
        if name in LEAST:
            rules["minimum"] = LEAST[name]
        properties[name] = rules | ({"description": texts[name]} if name in texts else {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:textgan_bench:record:{SCHEMA}",
        "title": "Record",
        "description": inspect.cleandoc(Record.__doc__ or ""),
        "type": "object",
        "properties": properties,
        "required": sorted(hints.keys() - LATER),
        "additionalProperties": False,
        "if": {"properties": {"source": {"const": "submitted"}}},
        "then": {
            "properties": {
                "paper": {"pattern": r"\S"},
                "samples_hash": {"pattern": f"^{SHA256}$"},
            },
            "required": ["paper", "samples_hash"],
        },
    }


def text() -> str:
    """The schema as its file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _rules(hint: Any) -> dict[str, Any]:
    if isinstance(hint, UnionType):
        kind = TYPES[get_args(hint)[0]]
        return kind | {"type": [kind["type"], "null"]}
    return dict(TYPES[get_origin(hint) or hint])


def _docstrings() -> dict[str, str]:
    """Of each field the text below it, as one line."""
    (definition,) = ast.parse(inspect.getsource(Record)).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for node, below in zip(definition.body, definition.body[1:], strict=False):
        match node, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(words))),
            ):
                found[name] = " ".join(words.split())
    return found


def main() -> None:
    """Write the schema to the file that is named, or to its place."""
    path = Path(sys.argv[1]) if sys.argv[1:] else PATH
    replace_text(path, text())
    print(path)


if __name__ == "__main__":
    main()
