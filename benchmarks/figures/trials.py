"""The trials that NAGAN's recipes were chosen by: ``docs/nagan_ablation*.csv``."""

import csv
from collections.abc import Callable
from pathlib import Path

HMM, COCO = (Path("docs") / f"nagan_ablation{data}.csv" for data in ("", "_coco"))
SCORES = {
    "distinct_words": ("Words", 0),
    "oracle_gap": ("Gap", 2),
    "lm": ("LM score", 2),
    "reverse_lm": ("Reverse LM", 2),
    "fed": ("FED", 3),
}
"""Title and digits of each score."""


def curves(path: Path) -> dict[tuple[str, str], list[dict[str, str]]]:
    """Rows of a file by ``base``, the recipe that a run changes, and ``run``, what it changes."""
    runs: dict[tuple[str, str], list[dict[str, str]]] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            runs.setdefault((row["base"], row["run"]), []).append(row)
    return runs


def table(path: Path, base: str, batches: int) -> Callable[[], str]:
    """A function that writes a table: the runs of one base after a number of batches, or before.

    A run that ended before is shown as it was at its end.
    """

    def write() -> str:
        runs = {run: rows for (of, run), rows in curves(path).items() if of == base}
        keys = [key for key in SCORES if key in next(iter(runs.values()))[0]]
        lines = [["Run", "Batches", *(SCORES[key][0] for key in keys)]]
        lines.append(["---", *("---:" for _ in lines[0][1:])])
        for run, rows in runs.items():
            row = max((row for row in rows if done(row) <= batches), key=done)
            values = (f"{float(row[key]):,.{SCORES[key][1]}f}" for key in keys)
            lines.append([run, f"{done(row):,}", *values])
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    return write


def done(row: dict[str, str]) -> int:
    """Batches that a run had been trained on."""
    return int(row["generator_updates"])
