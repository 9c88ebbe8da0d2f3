"""The rows that every score is read beside: real text, and text that no method wrote."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torchmetrics import MetricCollection
from tqdm import tqdm

from textgan_bench import leaderboard
from textgan_bench.evaluation import provenance
from textgan_bench.evaluation.fingerprint import data_fingerprint
from textgan_bench.evaluation.scores import chunked, score, score_chunks
from textgan_bench.interfaces import TextDataModule
from textgan_bench.leaderboard import Record
from textgan_bench.metrics.inputs import TrainingMetric
from textgan_bench.metrics.profiles import EXTRAS
from textgan_bench.tokens import Sentence

ANCHOR_SEED = 0

REAL = "real"
"""Anchor of training text."""

ORACLE = "oracle"
"""Anchor of fresh samples of a known distribution."""

QUIET_SECONDS = 3  # before the progress bar appears

Text = list[Sentence] | Callable[[], list[Sentence]]
"""Sentences of an anchor, or what writes them."""

HALF = "half"
"""Anchor of one half of the test text scored against the other."""


def has_extras(data: TextDataModule, record: Record) -> bool:
    """Whether a record has the extra scores that its data are judged by, or why not."""
    known = record.scores.keys() | record.left_out
    extras = (EXTRAS[name] for name in data.extras)
    # A metric that refused the samples is left out by its own name.
    return all(known & {extra.key, *(entry.name for entry in extra.entries)} for extra in extras)


def write_missing_anchors(name: str, data: TextDataModule, root: Path = leaderboard.ROOT) -> None:
    """Score the reference rows of a table that it lacks at this revision of the data.

    In the row of training text, scores that are relative to it are those of the test text.
    """
    num_samples = len(data.sentences("test"))
    fingerprint = data_fingerprint(data, num_samples)
    known = [
        (record.method, record.fingerprint)
        for record in leaderboard.load_records(root)
        if (record.source, record.data, record.data_revision) == ("anchor", name, data.revision)
        and has_extras(data, record)
    ]
    rewritings = data.rewritings()
    written = data.anchors(num_samples, ANCHOR_SEED) | rewritings
    rows: list[tuple[str, Text, MetricCollection, dict[str, Any]]] = [
        (anchor, text, data.metrics("test"), fingerprint)
        for anchor, text in (written | data.cheats(num_samples, ANCHOR_SEED)).items()
    ]
    halves = data.halves()
    if halves is not None:
        size = len(halves.samples)
        settings = data_fingerprint(data, size, references=halves.references)
        rows.append((HALF, halves.samples, halves.metrics, settings))
    missing = [row for row in rows if (row[0], row[-1]) not in known]
    for anchor, text, metrics, settings in tqdm(missing, "reference rows", delay=QUIET_SECONDS):
        sentences = text() if callable(text) else text
        aligned = data.aligned("test") if anchor in rewritings else None
        scores, left_out = score_chunks(metrics, chunked(sentences), aligned=aligned)
        if anchor == REAL:
            scores |= _relative_to_training(metrics, data.sentences("test"))
        record = Record(
            method=anchor,
            data=name,
            seed=ANCHOR_SEED,
            budget="anchor",
            budget_label="not trained",
            scores=scores,
            left_out=left_out,
            fingerprint=settings,
            data_revision=data.revision,
            data_source=data.source,
            num_samples=len(sentences),
            generator_updates=0,
            wall_clock_hours=0.0,
            hardware="none",
            config={},
            commit=provenance.commit(),
            versions=provenance.versions(),
            source="anchor",
        )
        leaderboard.write(record, root)


def _relative_to_training(
    metrics: MetricCollection, sentences: Sequence[Sentence]
) -> dict[str, float]:
    """Those scores of held-out sentences for which training text is no standard."""
    members = [metric for _, metric in metrics.items(copy_state=False)]
    relative = [metric for metric in members if isinstance(metric, TrainingMetric)]
    return score(MetricCollection(relative), sentences)
