"""``table``: a table of a paper, with our scores beside the printed ones."""

import sys
from collections.abc import Sequence

from textgan_bench.leaderboard.definitions import define
from textgan_bench.leaderboard.papers import WRITERS, write_beside
from textgan_bench.leaderboard.rendering import of_paper

CHOSEN = "chosen"
"""What is written of some methods or columns; the whole table keeps its place."""


def table(name: str, *, methods: Sequence[str], columns: Sequence[str], form: str) -> None:
    """Print a table and write it in every format.

    Args:
        name: of the table, ``nagan-table2``.
        methods: our rows that it is narrowed to; none for all.
        columns: its columns, by title, group or score; none for all.
        form: what is printed, one of ``WRITERS``.

    Raises:
        UserError: there is no such table, or it has no such row or column; or a file of
            published values is damaged.
    """
    whole = define(name)
    definition = whole.chosen(methods, columns)
    found = of_paper(definition)
    paths = write_beside(found, name=name if definition == whole else f"{name}-{CHOSEN}")
    sys.stdout.write(WRITERS[form](found))
    print(f"written: {', '.join(map(str, paths))}", file=sys.stderr)
