"""How far each claim was from its bar, by commit: a line of ``history.csv``, drawn beside it."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.speed.claims import Claim
from textgan_bench.evaluation.figures import plot_ratios
from textgan_bench.files import replace_text


class Entry(NamedTuple):
    """A line of the history; its fields are the columns of the file."""

    commit: str
    date: str
    claim: str
    bar: str
    """≥ or ≤, a number and its unit."""
    measured: str

    @property
    def ratio(self) -> float:
        """How much better than its bar the claim is: 1 just holds, below 1 does not."""
        direction, bar, *_ = self.bar.split()
        measured = float(self.measured)
        if direction == "≥":
            return measured / float(bar)
        return float(bar) / measured if measured > 0 else math.inf


def append(claims: Iterable[Claim], commit: str, date: str, path: Path) -> None:
    """Add a line for each claim that was measured, and draw all lines of the file anew."""
    entries = read(path) if path.exists() else []
    for claim in claims:
        if claim.figure is not None:
            bar = f"{'≥' if claim.at_least else '≤'} {claim.bar:.12g} {claim.unit}".rstrip()
            entries.append(Entry(commit, date, claim.name, bar, f"{claim.figure:.4g}"))

    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(Entry._fields)
    rows.writerows(entries)
    replace_text(path, text.getvalue())
    draw(entries, path.with_suffix(".svg"))


def read(path: Path) -> list[Entry]:
    with path.open(encoding="utf-8", newline="") as file:
        return [Entry(**row) for row in csv.DictReader(file)]


def draw(entries: Sequence[Entry], path: Path) -> None:
    """A small line a claim, from the first run to the last; a run without the claim is a gap."""
    runs = list(dict.fromkeys((entry.commit, entry.date) for entry in entries))
    ratios: dict[str, list[float]] = {}
    for entry in entries:
        row = ratios.setdefault(entry.claim, [math.nan] * len(runs))
        row[runs.index((entry.commit, entry.date))] = entry.ratio
    plot_ratios(ratios, [f"{commit[:7]}, {date[:10]}" for commit, date in runs], path)
