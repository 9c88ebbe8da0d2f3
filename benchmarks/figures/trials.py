"""The trials of NAGAN: ``docs/nagan_trials.csv``, validation scores by run and batch.

``question`` is what a run helps to decide, ``run`` what it changes, ``commit`` the code that
trained it, ``settings`` the options of its method. A run ends early where its answer was clear.
"""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

TRIALS = Path("docs/nagan_trials.csv")
SCORES = {
    "hmm": {
        "distinct_words": ("Words", 0),
        "oracle_gap": ("Gap", 2),
        "reverse_lm": ("Reverse LM", 2),
    },
    "coco": {
        "distinct_words": ("Words", 0),
        "lm": ("LM score", 2),
        "reverse_lm": ("Reverse LM", 2),
        "fed": ("FED", 3),
    },
}
"""Title and digits of each score of a data set."""


class Trial(NamedTuple):
    """What names a run."""

    question: str
    run: str
    seed: int


def curves(path: Path, data: str) -> dict[Trial, list[dict[str, str]]]:
    """Rows of each run on a data set, in the order of the file."""
    runs: dict[Trial, list[dict[str, str]]] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["data"] == data:
                trial = Trial(row["question"], row["run"], int(row["seed"]))
                runs.setdefault(trial, []).append(row)
    return runs


def table(path: Path, data: str) -> Callable[[], str]:
    """A function that writes a table of the runs on a data set, each as it was at its end."""

    def write() -> str:
        scores = SCORES[data]
        titles = [title for title, _ in scores.values()]
        lines = [["", "Question", "Run", "Seed", "Batches", *titles]]
        lines.append(["---:", "---", "---", *("---:" for _ in lines[0][3:])])
        for number, (trial, rows) in enumerate(curves(path, data).items(), 1):
            row = max(rows, key=done)
            values = (f"{float(row[key]):,.{digits}f}" for key, (_, digits) in scores.items())
            named = [str(number), trial.question, trial.run, str(trial.seed), f"{done(row):,}"]
            lines.append([*named, *values])
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    return write


def done(row: dict[str, str]) -> int:
    """Batches that a run had been trained on."""
    return int(row["generator_updates"])
