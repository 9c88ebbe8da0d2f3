"""What a table says of samplers that are built to win one score; standard library only.

A cheat leads a column if no method of its block is nearer to the data there, and passes for text
there if it is as near as chance takes a text. A column gives it away if it is farther from the data
than that, and a method is nearer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from textgan_bench.leaderboard.columns import MEASURED_ON, Column
from textgan_bench.leaderboard.tables import (
    CHEATS,
    COLLAPSED,
    DATA_ITSELF,
    DISTINCT,
    Block,
    Line,
)

CHANCE = 3
"""Standard deviations of a difference that chance takes."""


@dataclass(frozen=True)
class Verdict:
    """What the columns of a block say of a cheat."""

    cheat: str
    leads: tuple[Column, ...]
    given_away_by: tuple[Column, ...]
    passes: tuple[Column, ...] = ()

    def __str__(self) -> str:
        if not self.leads:
            return f"{self.cheat} leads no column"
        leads = ", ".join(column.title for column in self.leads)
        betrayers = ", ".join(column.title for column in self.given_away_by)
        return f"{self.cheat} leads {leads}; given away by {betrayers or 'no column'}"


def verdicts(block: Block, samples: int = MEASURED_ON, of: Sequence[str] = CHEATS) -> list[Verdict]:
    """One verdict a cheat of a block, in the order of its rows.

    Args:
        block: rows that compare.
        samples: sentences that each row was scored on.
        of: the anchors that are judged.
    """
    anchors = [row for row in block.rows if row.kind == "anchor"]
    data = [row for row in anchors if row.method in DATA_ITSELF]
    cheats = [row for row in anchors if row.method in of and data]
    found = {row.method: Verdict(row.method, (), ()) for row in cheats}
    for column in block.columns:
        others = rivals(column, data, block.rows)
        noise = chance(column, samples)
        for row in cheats:
            off = gap(column, row, data)
            if off is None:
                continue
            so_far = found[row.method]
            # Without a method to lead, or to be nearer, the data itself.
            best = round(min(others, default=0.0), column.digits)
            leads = round(off, column.digits) <= best
            passes = off <= noise
            betrays = not passes and (not others or min(others) < off - noise)
            found[row.method] = replace(
                so_far,
                leads=so_far.leads + (column,) * leads,
                given_away_by=so_far.given_away_by + (column,) * betrays,
                passes=so_far.passes + (column,) * passes,
            )
    return list(found.values())


def chance(column: Column, samples: int) -> float:
    """What chance makes of a difference of two texts of so many sentences.

    >>> round(chance(Column("lm_score/kn4", "LM score", "≈", 2, 0.02), 5_000), 3)
    0.085
    """
    if column.spread is None:
        return 2 * 10.0**-column.digits
    return CHANCE * column.spread * (2 * MEASURED_ON / samples) ** 0.5


def rivals(column: Column, data: Sequence[Line], rows: Sequence[Line]) -> list[float]:
    """Distances of the methods that do not repeat themselves."""
    distinct = _value(DISTINCT, data) or 0.0
    gaps = []
    for row in rows:
        own = row.value(DISTINCT)
        if row.kind == "run" and not (own is not None and own < COLLAPSED * distinct):
            off = gap(column, row, data)
            gaps += [] if off is None else [off]
    return gaps


def gap(column: Column, row: Line, data: Sequence[Line]) -> float | None:
    """How much worse than the data a row is, at least 0; None where that cannot be said.

    Args:
        column: the score, whose order says what is worse.
        row: what is judged.
        data: rows of text itself; the first that has the score is its value.
    """
    value, target = row.value(column.key), _value(column.key, data)
    if value is None or (target is None and column.better != "→0"):
        return None
    if column.better == "→0":
        return abs(value)
    assert target is not None
    return {
        "↓": max(0.0, value - target),
        "↑": max(0.0, target - value),
        "≈": abs(value - target),
        "": None,
    }[column.better]


def _value(key: str, data: Sequence[Line]) -> float | None:
    known = (row.value(key) for row in data)
    return next((value for value in known if value is not None), None)
