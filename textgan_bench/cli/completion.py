"""Completion of command lines by the shell: names of data sets, methods and budgets.

    eval "$(register-python-argcomplete textgan-bench)"

in a shell's startup file, or typed once, lets the tab key complete ``textgan-bench``.
"""

from argparse import Namespace
from collections.abc import Iterable
from itertools import product

import argcomplete
from argcomplete.completers import FilesCompleter

from textgan_bench.cli.arguments import Parser
from textgan_bench.errors import UserError
from textgan_bench.leaderboard.definitions import define, names_of
from textgan_bench.leaderboard.definitions import names as papers
from textgan_bench.recipes import ALL, budgets, rows, table, tables


def _methods(parsed_args: Namespace, **_: object) -> Iterable[str]:
    """Rows of the data set, or of the table, that the line names so far; of all without one."""
    try:
        if parsed_args.command == "table":
            return define(parsed_args.name).methods
        data = parsed_args.data
        names = tables() if data is None else data if isinstance(data, list) else [data]
        return {row for name in names for row in rows(table(name))}
    except UserError:
        return ()


def _budgets(parsed_args: Namespace, **_: object) -> Iterable[str]:
    """Those of a recipe, or those that all recipes of a grid have."""
    try:
        if parsed_args.command == "grid":
            pairs = product(parsed_args.methods, parsed_args.data)
        else:
            pairs = product([parsed_args.method], [parsed_args.data])
        offered = [budgets(method, table(data)) for method, data in pairs]
        return [each for each in offered[0] if all(each in others for others in offered)]
    except UserError:
        return ()


def _data(prefix: str, **_: object) -> Iterable[str]:
    """Data sets, and paths, which name own text."""
    try:
        return [*tables(), *FilesCompleter()(prefix)]
    except UserError:
        return ()


def _names(prefix: str, parsed_args: Namespace, **_: object) -> Iterable[str]:
    """What ``data``, ``list`` and ``table`` take."""
    if parsed_args.command == "table":
        return papers()
    if parsed_args.command == "data":
        return [ALL, *_data(prefix)]
    try:
        return {*_methods(parsed_args), *tables()}
    except UserError:
        return ()


def _columns(parsed_args: Namespace, **_: object) -> Iterable[str]:
    """Columns of the table that the line names, by group and title."""
    try:
        return [names_of(column)[0] for column in define(parsed_args.name).columns]
    except UserError:
        return ()


COMPLETERS = {
    "columns": _columns,
    "method": _methods,
    "methods": _methods,
    "budget": _budgets,
    "data": _data,
    "name": _names,
}
"""What completes an argument, by its name; files complete any other."""


def complete(root: Parser) -> None:
    """Answer the shell and end, if it asks; ``root`` is the parser of all commands."""
    for command in root.commands.values():
        for action in command._actions:
            if action.dest in COMPLETERS:
                vars(action)["completer"] = COMPLETERS[action.dest]
    argcomplete.autocomplete(root)
