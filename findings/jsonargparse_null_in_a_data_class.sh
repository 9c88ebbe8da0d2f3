#!/bin/sh
# On the command line, null reaches an optional argument of a class that is chosen by name, but no
# optional field of a data class that is an argument of that class: the parser refuses the very type
# that its message lists. A number for the same field is taken, and so is null from a configuration
# file. Lightning's command line gives models their arguments in this way (--model.init_args.…).
#
# Version: jsonargparse 4.53.0.
# Seen:
#   argument, null     taken: None
#   field, number      taken: 2.0
#   field, null        refused: Subtypes: [<class 'float'>, <class 'NoneType'>]
#   field, null, YAML  taken: None
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'jsonargparse[signatures]==4.53.0'
cd "$folder"
cat > given.py <<'PYTHON'
from dataclasses import dataclass

from jsonargparse import ArgumentError, ArgumentParser


@dataclass
class Inner:
    scale: float | None = 1.0


class Outer:
    def __init__(self, inner: Inner = Inner(), rate: float | None = 1.0) -> None:
        self.inner, self.rate = inner, rate


parser = ArgumentParser(exit_on_error=False)
parser.add_subclass_arguments(Outer, "model")
parser.add_argument("--config", action="config")

WAYS = {
    "argument, null": ["--model=Outer", "--model.init_args.rate=null"],
    "field, number": ["--model=Outer", "--model.init_args.inner.scale=2.0"],
    "field, null": ["--model=Outer", "--model.init_args.inner.scale=null"],
    "field, null, YAML": [
        '--config={"model": {"class_path": "Outer", "init_args": {"inner": {"scale": null}}}}'
    ],
}
seen = {}
for way, arguments in WAYS.items():
    try:
        values = parser.parse_args(arguments).model.init_args
        value = values.rate if way.startswith("argument") else values.inner.scale
        seen[way] = f"taken: {value}"
    except ArgumentError as error:
        (line,) = {line.strip() for line in str(error).splitlines() if "<class 'float'>, " in line}
        seen[way] = f"refused: {line}"
    print(f"{way:<18} {seen[way]}")

assert seen["argument, null"] == "taken: None"
assert seen["field, number"] == "taken: 2.0"
assert seen["field, null"].startswith("refused: Subtypes: [<class 'float'>, <class 'NoneType'>]")
assert seen["field, null, YAML"] == "taken: None"
PYTHON
"$folder/venv/bin/python" given.py
