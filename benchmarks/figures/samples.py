"""Keep the first samples of a finished run beside its record, for a page to show them.

python -m benchmarks.figures.samples snli-arae arae --budget quick --seed 1

Beside them lies how near each is to training: its n-gram overlap with the nearest sentence, and
that sentence where the project made the text itself. Other text is not ours to hand on. The curve
of the run's validations is kept, too, as a test does by itself: runs of before have none.
"""

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from datamodules import TextData
from textgan_bench import leaderboard
from textgan_bench.errors import explanation
from textgan_bench.files import replace_text
from textgan_bench.functional.neighbours import NGramIndex
from textgan_bench.interfaces import TextDataModule
from textgan_bench.leaderboard import Record
from textgan_bench.leaderboard.curves import curve_of, store_curve
from textgan_bench.recipes import data_module
from textgan_bench.training.row import Row

KEPT = 20
"""Sentences, the first ones: none is chosen."""
COLUMNS = ("overlap", "nearest training sentence")


def main(row: Row, data: TextDataModule) -> list[Path]:
    """Write ``leaderboard/samples/<data>/<record>`` as ``.txt`` and ``.csv``, and the curve.

    Args:
        row: that of the run.
        data: the text it was trained on, set up.

    Raises:
        SystemExit: the run or its record is missing, or they do not belong together.
    """
    if not row.run.samples.exists():
        sys.exit(f"{row.run.samples} is missing: train and test the row by make bench")
    lines = row.run.samples.read_text(encoding="utf-8").splitlines()
    record = next((record for record in row.records().values() if belongs(record, lines)), None)
    if record is None:
        sys.exit(f"no record on the leaderboard was scored on {row.run.samples}")
    if data.revision != record.data_revision:
        sys.exit(f"{record.path()} is of data {record.data_revision}, and here are {data.revision}")
    path = leaderboard.ROOT / "samples" / row.data / f"{record.path().stem}.txt"
    replace_text(path, "".join(f"{line}\n" for line in lines[:KEPT]))
    beside = path.with_suffix(".csv")
    replace_text(beside, nearest(lines[:KEPT], data))
    paths = [path, beside]
    curve = curve_of(record, row.run.validations())
    return [*paths, store_curve(curve, leaderboard.ROOT)] if curve.scores else paths


def nearest(lines: Sequence[str], data: TextDataModule) -> str:
    """A table with a line a sample: its overlap with the nearest training sentence, and this."""
    train = data.sentences("train")
    found = NGramIndex(train).nearest([data.split_line(line) for line in lines])
    ours = isinstance(data, TextData) and data.corpus.OURS
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for similarity, place in zip(found.similarity.tolist(), found.place.tolist(), strict=True):
        writer.writerow([f"{similarity:.4f}", " ".join(train[place]) if ours else ""])
    return text.getvalue()


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


def text_of(row: Row) -> TextDataModule:
    """The text of a row, set up.

    Raises:
        SystemExit: it is not there.
    """
    try:
        _, data = data_module(row.data, None)
        data.prepare_data()
        data.setup("fit")
    except (OSError, ValueError) as error:
        sys.exit(explanation(error) or str(error))
    return data


if __name__ == "__main__":
    asked = arguments()
    print("\n".join(map(str, main(asked, text_of(asked)))))
