"""From text to scores: the one path that runs, anchors and ``score`` share.

Text is written as ``reading`` reads it, words separated by blanks.
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import NamedTuple, TypeVar

from torchmetrics import Metric, MetricCollection

from textgan_bench.errors import UserError
from textgan_bench.functional.threads import in_order, on_threads
from textgan_bench.functional.word_numbers import SharedText, shared
from textgan_bench.metrics.inputs import TextMetric, given, is_paired
from textgan_bench.tokens import Sentence

T = TypeVar("T")

CHUNK = 10_000
"""Sentences a metric is given at once: what it needs for a moment grows with it."""


class Scores(NamedTuple):
    """What came of scoring a text."""

    values: dict[str, float]
    """By key, finite."""
    left_out: dict[str, str]
    """Scores and metrics that these samples do not determine, and why."""


def chunked(sentences: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The sentences, or their lines, in lists of ``size``, the last one shorter."""
    iterator = iter(sentences)
    while chunk := list(islice(iterator, size)):
        yield chunk


def score_chunks(
    metrics: MetricCollection,
    chunks: Iterable[Sequence[Sentence]],
    watched: Callable[[Collection[str]], Iterable[str]] = iter,
    aligned: Sequence[Sentence] | None = None,
) -> Scores:
    """Scores of a text of any length; one that is infinite, or refused, leaves the others alone.

    Args:
        metrics: they are emptied first, and left empty.
        chunks: the text in pieces.
        watched: shows how far a loop over the metrics' names has come.
        aligned: each sample's own reference; paired metrics are passed over without.

    Raises:
        UserError: there is no sentence.
    """
    metrics.reset()
    judging = {
        name: metric
        for name, metric in metrics.items(copy_state=False)
        if aligned is not None or not is_paired(metric)
    }
    values: dict[str, float] = {}
    left_out: dict[str, str] = {}
    num_samples, any_word = 0, False
    for chunk in _measured(judging, chunks):
        any_word = any_word or bool(len(chunk.numbers.words))
        own = None if aligned is None else aligned[num_samples:][: len(chunk)]
        num_samples += len(chunk)
        for name, metric in list(judging.items()):
            try:
                metric.update(**given(metric, chunk, own))
            except ValueError as error:
                left_out[name] = str(error)
                del judging[name]
    if not num_samples:
        raise UserError("there are no sentences to score")
    computed: dict[str, dict[str, float]] = {}
    # Backwards, as the first ones need most memory: what the others kept is forgotten by then.
    for name in watched([*judging][::-1]):
        try:
            with on_threads():
                scores = judging[name].compute()
            computed[name] = {key: float(value) for key, value in scores.items()}
        except ValueError as error:
            left_out[name] = str(error)
        judging[name].reset()
    for name in judging:
        for key, value in computed.get(name, {}).items():
            if math.isfinite(value):
                values[key] = value
            else:
                left_out[key] = f"it is {value}" if any_word else "no word was written"
    return Scores(values, left_out)


def _measured(
    judging: Mapping[str, Metric], chunks: Iterable[Sequence[Sentence]]
) -> Iterator[SharedText]:
    """The chunks, with what metrics need of them, found by several threads where all can."""
    text_metrics = [metric for metric in judging.values() if isinstance(metric, TextMetric)]

    def measured(sentences: Sequence[Sentence]) -> SharedText:
        chunk = shared(sentences)
        for metric in text_metrics:
            with suppress(ValueError):  # which ``update`` raises again
                metric.measured(given(metric, chunk, None)["samples"])
        return chunk

    if all(metric.in_threads for metric in text_metrics):
        with on_threads():
            yield from in_order(measured, chunks)
    else:
        yield from map(shared, chunks)


def score(
    metrics: MetricCollection,
    sentences: Sequence[Sentence],
    aligned: Sequence[Sentence] | None = None,
) -> dict[str, float]:
    """The scores that a set of sentences has, by key; with their own references, if any.

    Raises:
        UserError: there is no sentence.
    """
    return score_chunks(metrics, chunked(sentences), aligned=aligned).values
