"""The report read back."""

import csv
from pathlib import Path

from textgan_bench.evaluation.nearest import write_neighbours
from textgan_bench.functional.neighbours import NGramIndex


def test_the_nearest_come_first(tmp_path: Path) -> None:
    train, samples = [["a", "cat"], ["a, b", "dog"]], [["a", "bird"], ["a, b", "dog"], ["a"]]
    path = tmp_path / "neighbours.csv"
    write_neighbours(path, samples, train, NGramIndex(train, order=1).nearest(samples))
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["similarity", "sample", "neighbour"],
        ["1.0000", "a, b dog", "a, b dog"],
        ["0.5000", "a", "a cat"],
        ["0.3333", "a bird", "a cat"],
    ]
