"""Samples beside their nearest training sentences, for reading."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from textgan_bench.files import replace_text
from textgan_bench.functional.neighbours import Neighbours
from textgan_bench.tokens import Sentence

COLUMNS = ("similarity", "sample", "neighbour")


def write_neighbours(
    path: Path, samples: Sequence[Sentence], train: Sequence[Sentence], nearest: Neighbours
) -> None:
    """Write a CSV file with a row a sample, the nearest to training first.

    Args:
        path: the file; it is complete or not there at all.
        samples: the sentences that were looked up.
        train: the sentences that were searched.
        nearest: of each sample, by ``NearestNGram.nearest`` or ``NearestEmbedding.nearest``.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = zip(nearest.similarity.tolist(), nearest.place.tolist(), samples, strict=True)
    for similarity, place, sample in sorted(rows, key=lambda row: -row[0]):
        writer.writerow([f"{similarity:.4f}", " ".join(sample), " ".join(train[place])])
    replace_text(path, text.getvalue())
