"""``sample`` and ``score``: text out of a run, and numbers out of a text."""

import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torchmetrics import MetricCollection
from tqdm import tqdm

from textgan_bench.bootstrap import standard_errors
from textgan_bench.columns import column, digits, known_error
from textgan_bench.figures import plot_lengths
from textgan_bench.interfaces import Sentence
from textgan_bench.judge import Judge, make_judge
from textgan_bench.metrics.inputs import ended
from textgan_bench.metrics.neighbours import NearestNGram
from textgan_bench.neighbour_report import write_neighbours
from textgan_bench.reading import read_lines, read_sentences
from textgan_bench.scoring import (
    CHUNK,
    Scores,
    chunked,
    score_chunks,
    unparse,
    write_sentences,
)

DRAWN = 500
"""Sentences drawn at once: memory grows with it and speed no longer does."""
QUIET_SECONDS = 1
"""What takes no longer shows no progress bar."""


def sample(run: Path, *, n: int, knob: float | None, seed: int, output: Path | None) -> None:
    """Print ``n`` sentences of a run, or write them into a file.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint.
        ValueError: the checkpoint is damaged, or the run is no generator of sentences.
    """
    from textgan_bench.training import load_generator

    if n < 1:
        raise ValueError(f"-n {n}: the number of sentences is at least 1")
    model, data = load_generator(run)
    torch.manual_seed(seed)
    if knob is not None and model.knob is None:
        raise ValueError(f"{type(model).__name__} has no knob to turn")
    setting = {} if knob is None else {str(model.knob): knob}
    sentences: list[Sentence] = []
    with torch.no_grad():
        while len(sentences) < n:
            batch = model.sample(min(DRAWN, n - len(sentences)), **setting)
            sentences += data.text(batch)
    if output is None:
        sys.stdout.write(unparse(sentences))
    else:
        write_sentences(output, sentences)


def score(
    file: Path,
    *,
    as_json: bool,
    bootstrap: int | None,
    neighbours: Path | None,
    lengths: Path | None,
    **criteria: Any,
) -> None:
    """Print the scores of a text file, by the code and with the numbers of a run.

    Args:
        file: one sentence a line; it is read in pieces, so it may be longer than memory.
        as_json: print all digits, and what they depend on.
        bootstrap: resamples for standard errors; with it, or one of the next two, the text is
            held in memory.
        neighbours: table of the samples and their nearest training sentences, to be written.
        lengths: figure of the lengths of samples and references, to be drawn.
        criteria: arguments of ``make_judge``.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file holds no sentence, or an argument does not apply.
    """
    num_samples = count_lines(file)
    with notes():
        judge = make_judge(**criteria)
        scores = score_file(judge, file, num_samples)
        errors = {} if bootstrap is None else errors_of_file(judge, scores, file, bootstrap)
        if neighbours is not None:
            scores.values["nearest_ngram"] = _write_nearest(judge, file, neighbours)
        if lengths is not None:
            texts = {
                "samples": ended(read_sentences(file, judge.split_line)),
                "references": judge.references,
            }
            plot_lengths(texts, lengths)
    settings = judge.fingerprint(num_samples)
    if as_json:
        content: dict[str, Any] = {"scores": scores.values, "left_out": scores.left_out}
        if bootstrap is not None:
            content["standard_errors"] = errors
        content["fingerprint"] = settings
        print(json.dumps(content | judge.identity, indent=2))
        return
    for name, value in scores.values.items():
        error = errors.get(name)
        places = digits(column(name), known_error(name, num_samples) if error is None else error)
        beside = "" if error is None else f" ± {error:,.{places}f}"
        print(f"{name:24}{value:14,.{places}f}{beside}")
    for name, reason in scores.left_out.items():
        print(f"without {name}: {reason}")
    print(", ".join(f"{name} {value}" for name, value in (judge.identity | settings).items()))


def count_lines(file: Path) -> int:
    """Sentences of a file; whatever is wrong with it is said before any work is done.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty or of another encoding.
    """
    return sum(1 for _ in read_lines(file))


def score_file(judge: Judge, file: Path, num_samples: int) -> Scores:
    """The finite scores of a file, a piece of it in memory at a time."""
    lines = tqdm(
        read_lines(file), file.name, num_samples, leave=False, delay=QUIET_SECONDS, unit=" lines"
    )
    # Metrics of one piece are done within a second, those of more are shown from the start.
    watched = partial(
        tqdm,
        desc="computing",
        leave=False,
        delay=QUIET_SECONDS if num_samples <= CHUNK else 0,
        unit=" metrics",
    )
    sentences = map(judge.split_line, lines)
    aligned, unpaired = judge.pairs(num_samples)
    values, left_out = score_chunks(judge.metrics, chunked(sentences), watched, aligned)
    return Scores(values, judge.left_out | unpaired | left_out)


def _write_nearest(judge: Judge, file: Path, path: Path) -> float:
    """Write the table; returns the mean overlap with the nearest training sentence."""
    if judge.train is None:
        raise ValueError("--neighbours are sentences of the training text, which --train names")
    sentences = ended(read_sentences(file, judge.split_line))
    nearest = NearestNGram(judge.train).nearest(sentences)
    write_neighbours(path, sentences, judge.train, nearest)
    return float(nearest.similarity.mean())


def errors_of_file(judge: Judge, scores: Scores, file: Path, resamples: int) -> dict[str, float]:
    """Standard errors of the scores that a file has.

    Raises:
        ValueError: there are fewer than two sentences or resamples.
    """
    able = [
        metric
        for name, metric in judge.metrics.items(copy_state=False)
        if name not in scores.left_out
    ]
    sentences = read_sentences(file, judge.split_line)
    aligned, _ = judge.pairs(len(sentences))
    errors = standard_errors(MetricCollection(able), sentences, resamples, aligned=aligned)
    return {key: error for key, error in errors.items() if key in scores.values}


@contextmanager
def notes() -> Iterator[None]:
    """Say each thing that metrics warn of once and in one line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"note: {message}", file=sys.stderr)
