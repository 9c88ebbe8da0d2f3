"""``list``: the rows that the recipes make, and which of them the leaderboard has."""

from collections import Counter

from textgan_bench import leaderboard
from textgan_bench.errors import UserError, meant
from textgan_bench.recipes import PAPER, ROOT, SMOKE, offers, table, tables

RECIPE = "·"
"""Mark of a budget that has a recipe and no record."""


def list(method: str | None, *, data: str | None) -> None:
    """Print a line a row: data set, method, and at each budget how many seeds have a record.

    Args:
        method: the only one to be listed; None for all.
        data: the only data set to be listed; None for all.

    Raises:
        MissingError: there are no recipes here.
        UserError: there is no such data set or method, or a record is damaged.
    """
    names = tables() if data is None else (table(data).name,)
    offered = {
        (name, row): [budget for budget in budgets if budget != SMOKE]
        for name in names
        for row, budgets in offers(ROOT / name).items()
    }
    methods = sorted({row for _, row in offered})
    if method is not None and method not in methods:
        raise UserError(
            f"no method {method}{meant(method, methods)}: there are {', '.join(methods)}"
        )
    runs = {
        (record.data, record.method, record.budget, record.seed)
        for record in leaderboard.load_records()
        if record.source == "run"
    }
    seeds = Counter(run[:3] for run in runs)
    columns = [PAPER, *sorted({each for known in offered.values() for each in known} - {PAPER})]
    widths = [max(map(len, column)) for column in zip(("data", "method"), *offered, strict=True)]
    lines = [("data", "method", *columns)]
    for (name, row), known in offered.items():
        if method in (None, row):
            marks = (str(seeds[name, row, each] or RECIPE) for each in known)
            marked = dict(zip(known, marks, strict=True))
            lines.append((name, row, *(marked.get(column, "") for column in columns)))
    for name, row, *cells in lines:
        numbers = (f"{cell:>{len(c)}}" for cell, c in zip(cells, columns, strict=True))
        print(f"{name:{widths[0]}}  {row:{widths[1]}}  {'  '.join(numbers)}".rstrip())
    print(f"\n1, 2, …: seeds with a record; {RECIPE}: a recipe without a record")
