"""``list``: the rows that the recipes make, and which of them the leaderboard has."""

from collections import Counter
from collections.abc import Sequence
from textwrap import wrap

from textgan_bench import leaderboard
from textgan_bench.errors import UserError, meant
from textgan_bench.leaderboard.definitions import names as names_of_tables
from textgan_bench.recipes import PAPER, ROOT, SMOKE, budgets, is_row, rows, table, tables

RECIPE = "·"
"""Mark of a budget that has a recipe and no record."""

WIDTH = 100
"""Columns of a line at most."""


def list(name: str | None, *, data: str | None) -> None:
    """Print the data sets; or a line a row, and at each budget how many seeds have a record.

    Args:
        name: a method or a data set whose rows are printed; None for all.
        data: the only data set whose rows are printed; None for all.

    Raises:
        MissingError: there are no recipes here.
        UserError: there is no such data set or method, or a record is damaged.
    """
    method, names = name, tables()
    if data is None and name in names:
        method, data = None, name
    chosen = names if data is None else [table(data).name]
    runs = {
        (record.data, record.method, record.budget, record.seed)
        for record in leaderboard.load_records()
        if record.source == "run"
    }
    combined = {(each, row) for each, row, *_ in runs}
    combined |= {(each, method) for each in chosen if method is not None}
    offered = {
        (each, row): [budget for budget in budgets(row, ROOT / each) if budget != SMOKE]
        for each in chosen
        for row in sorted({*rows(ROOT / each), *(row for of, row in combined if of == each)})
        if is_row(row, ROOT / each)
    }
    methods = sorted({row for _, row in offered})
    if method is not None and method not in methods:
        known = methods if data else [*methods, *names]
        or_data = "" if data else f"; data sets are {', '.join(names)}"
        raise UserError(
            f"no method {method}{meant(method, known)}: there are {', '.join(methods)}{or_data}"
        )
    seeds = Counter(run[:3] for run in runs)
    if name is None and data is None:
        made = {row for row in offered if any(seeds[*row, budget] for budget in offered[row])}
        counts = [Counter(each for each, _ in rows) for rows in (offered, made)]
        _print(
            [("data", "methods", "with a record")]
            + [(each, *(str(count[each]) for count in counts)) for each in chosen],
            left=1,
        )
        print()
        print("\n".join(wrap(f"methods: {', '.join(methods)}", WIDTH, break_on_hyphens=False)))
        print("list NAME prints the rows of a data set or of a method, and their budgets")
        if papers := names_of_tables():
            offer = f"tables of papers: {', '.join(papers)}"
            print()
            print("\n".join(wrap(offer, WIDTH, break_on_hyphens=False)))
            print("table NAME prints one with our scores beside the printed ones")
        return
    columns = [PAPER, *sorted({each for known in offered.values() for each in known} - {PAPER})]
    lines = [("data", "method", *columns)]
    for (each, row), known in offered.items():
        if method in (None, row):
            marked = {budget: str(seeds[each, row, budget] or RECIPE) for budget in known}
            lines.append((each, row, *(marked.get(column, "") for column in columns)))
    _print(lines, left=2)
    print(f"\n1, 2, …: seeds with a record; {RECIPE}: a recipe without a record")


def _print(lines: Sequence[tuple[str, ...]], left: int) -> None:
    """Print cells in columns, the first ``left`` of which are text."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join(cells).rstrip())
