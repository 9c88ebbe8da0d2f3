"""What a leaderboard holds, as far as it can be read: a file that cannot be is named and left out.

The page is made of files that others hand in. One that is damaged, too large or of a newer version
takes no other one with it.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from textgan_bench.leaderboard import definitions, evidence
from textgan_bench.leaderboard.curves import Curve, load_curve
from textgan_bench.leaderboard.papers import Beside, beside_ours
from textgan_bench.leaderboard.records import (
    Published,
    Record,
    RecordError,
    load,
    published_tables,
)
from textgan_bench.leaderboard.sweeps import Sweep
from textgan_bench.leaderboard.sweeps import load as load_sweep

LARGEST_FILE = 256 * 1024
"""Bytes of a file; a record has some thousands, and a browser reads the whole page."""

MOST_SCORES = 300
"""Scores of a record; each is a column, and a run with all extras has about eighty."""

LONGEST_SAMPLE = 400
"""Characters of a sentence that are shown."""

SHOWN_SAMPLES = 8
"""Sentences of a row that are shown, the first ones."""

Read = TypeVar("Read")


@dataclass(frozen=True)
class Sample:
    """A sentence of a run, and the training sentence nearest to it."""

    text: str
    similarity: float | None = None
    """N-gram overlap with the nearest training sentence, in [0, 1]; None where it is not stored."""
    neighbour: str = ""
    """That sentence; empty where the training text may not be handed on."""


@dataclass(frozen=True)
class Gathered:
    """All that can be shown of a leaderboard."""

    records: Sequence[Record]
    published: Sequence[Published]
    papers: Sequence[Beside]
    """Tables of papers with our numbers in them."""
    sweeps: Sequence[Sweep]
    curves: Mapping[tuple[str, str], Curve]
    """By data set and name of the record."""
    samples: Mapping[tuple[str, str], Sequence[Sample]]
    """By data set and name of the record."""
    left_out: Sequence[tuple[str, str]]
    """Files that are not shown, below the leaderboard's folder, and why."""


def gather(root: Path) -> Gathered:
    """Read the folder of a leaderboard."""
    left_out: list[tuple[str, str]] = []

    def read(pattern: str, reader: Callable[[Path], Read]) -> list[Read]:
        found = []
        for path in sorted(root.glob(pattern)):
            try:
                if path.is_file() and path.stat().st_size > LARGEST_FILE:
                    raise RecordError(f"{path}: has more than {LARGEST_FILE:,} bytes")
                found.append(reader(path))
            except RecordError as error:
                name = str(path.relative_to(root))
                reason = str(error).removeprefix(f"{path}: ").replace(str(path), name)
                left_out.append((name, reason))
            except OSError as error:
                left_out.append((str(path.relative_to(root)), str(error.strerror)))
        return found

    records = read("records/*/*.json", lambda path: _record(path, root))
    published = dict(read("published/*.json", lambda path: (path.stem, published_tables(path))))
    sweeps = read("sweeps/*/*.json", lambda path: _sweep(path, root))
    curves = read("curves/*/*.json", load_curve)
    samples = read("samples/*/*.txt", _samples)
    of_ours, unusable = evidence.gather(records, root)
    for error in unusable:
        name, _, reason = str(error).removeprefix(f"{root}/").partition(": ")
        if name not in {known for known, _ in left_out}:
            left_out.append((name, reason))
    papers = read(
        f"{definitions.FOLDER}/*.toml",
        lambda path: beside_ours(definitions.define(path.stem, root), published, of_ours),
    )
    known = {(record.data, record.stem) for record in records}
    return Gathered(
        records=records,
        published=[table for tables in published.values() for table in tables if table.page],
        papers=papers,
        sweeps=sweeps,
        curves={(curve.data, curve.record): curve for curve in curves},
        samples={place: lines for place, lines in samples if place in known},
        left_out=left_out,
    )


def _record(path: Path, root: Path) -> Record:
    record = load(path)
    if record.path(root) != path:
        raise RecordError(f"{path}: its content belongs to {record.path(root)}")
    if len(record.scores) > MOST_SCORES:
        raise RecordError(
            f"{path}: has {len(record.scores):,} scores, more than the {MOST_SCORES} of a page"
        )
    return record


def _sweep(path: Path, root: Path) -> Sweep:
    swept = load_sweep(path)
    if swept.path(root) != path:
        raise RecordError(f"{path}: its content belongs to {swept.path(root)}")
    return swept


def _samples(path: Path) -> tuple[tuple[str, str], list[Sample]]:
    """The first sentences of a run, and what stands beside them in the file of the same name."""
    place = (path.parent.name, path.stem)
    lines = _lines(path)[:SHOWN_SAMPLES]
    nearest = path.with_suffix(".csv")
    if not nearest.exists():
        return place, [Sample(line) for line in lines]
    rows = list(csv.reader(_lines(nearest)))[1:]
    found = []
    for line, row in zip(lines, rows, strict=False):
        try:
            similarity, neighbour = float(row[0]), row[1]
        except (ValueError, IndexError) as error:
            raise RecordError(f"{nearest}: holds no nearest sentences ({error})") from error
        if not 0 <= similarity <= 1:
            raise RecordError(f"{nearest}: a similarity is {similarity}")
        found.append(Sample(line, similarity, neighbour[:LONGEST_SAMPLE]))
    if len(found) < len(lines):
        raise RecordError(f"{nearest}: has fewer sentences than {path.name}")
    return place, found


def _lines(path: Path) -> list[str]:
    try:
        content = path.read_text(encoding="utf-8").removesuffix("\n")
    except ValueError as error:
        raise RecordError(f"{path}: is no text ({error})") from error
    return [line[:LONGEST_SAMPLE] for line in content.split("\n")]
