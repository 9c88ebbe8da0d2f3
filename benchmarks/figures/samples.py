"""Keep the first samples of a finished run beside its record, for a page to show them.

python -m benchmarks.figures.samples snli-arae arae --budget quick --seed 1
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from textgan_bench import leaderboard
from textgan_bench.files import replace_text
from textgan_bench.leaderboard import Record
from textgan_bench.training.row import Row

KEPT = 20
"""Sentences, the first ones: none is chosen."""


def main(row: Row) -> Path:
    """Write ``leaderboard/samples/<data>/<record>.txt``.

    Raises:
        SystemExit: the run or its record is missing, or they do not belong together.
    """
    if not row.run.samples.exists():
        sys.exit(f"{row.run.samples} is missing: train and test the row by make bench")
    lines = row.run.samples.read_text(encoding="utf-8").splitlines()
    record = next((record for record in row.records().values() if belongs(record, lines)), None)
    if record is None:
        sys.exit(f"no record on the leaderboard was scored on {row.run.samples}")
    path = leaderboard.ROOT / "samples" / row.data / f"{record.path().stem}.txt"
    replace_text(path, "".join(f"{line}\n" for line in lines[:KEPT]))
    return path


def belongs(record: Record, lines: Sequence[str]) -> bool:
    """Whether a record counts as many sentences, distinct sentences and words as these have."""
    words = {word for line in lines for word in line.split()}
    return (
        record.num_samples == len(lines)
        and record.scores["distinct_words"] == len(words)
        and round(record.scores["distinct_sentences"] * len(lines)) == len(set(lines))
    )


def arguments() -> Row:
    parser = argparse.ArgumentParser(prog="samples", description="Keep the first samples of a run.")
    parser.add_argument("data", help="table of the run")
    parser.add_argument("method", help="row of the run")
    parser.add_argument("--budget", default="quick", help="budget of the run (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the run (%(default)s)")
    return Row(**vars(parser.parse_args()))


if __name__ == "__main__":
    print(main(arguments()))
