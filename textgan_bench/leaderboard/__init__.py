"""From records to tables; standard library only.

A record is one JSON file below ``records/<data>/``, published numbers are one file a paper below
``published/``, and ``tables/<data>.{md,tex}`` is a pure function of both::

    python -m textgan_bench.leaderboard [leaderboard]
"""

from textgan_bench.leaderboard.records import (
    ROOT,
    Published,
    Record,
    RecordError,
    check_numbers,
    comparable,
    disagreement,
    identity,
    load,
    load_published,
    load_records,
    read_json,
    scores,
    seeds,
    usable_records,
)
from textgan_bench.leaderboard.rendering import blocks, compare, render, write

__all__ = [
    "ROOT",
    "Published",
    "Record",
    "RecordError",
    "blocks",
    "check_numbers",
    "comparable",
    "compare",
    "disagreement",
    "identity",
    "load",
    "load_published",
    "load_records",
    "read_json",
    "render",
    "scores",
    "seeds",
    "usable_records",
    "write",
]
