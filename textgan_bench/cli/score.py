"""``score``: the scores of a text file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textgan_bench.errors import UserError
from textgan_bench.evaluation.criteria import Criteria, make_criteria
from textgan_bench.evaluation.figures import plot_lengths
from textgan_bench.evaluation.nearest import write_neighbours
from textgan_bench.evaluation.sampler import read_sampler
from textgan_bench.evaluation.text_files import (
    count_lines,
    errors_of_file,
    notes,
    score_file,
)
from textgan_bench.leaderboard.columns import column, digits, known_error
from textgan_bench.metrics.inputs import ended
from textgan_bench.metrics.neighbours import NearestNGram
from textgan_bench.reading import read_sentences


def score(
    file: Path,
    *,
    as_json: bool,
    bootstrap: int | None,
    neighbours: Path | None,
    lengths: Path | None,
    **arguments: Any,
) -> None:
    """Print the scores of a text file, by the code and with the numbers of a run.

    Args:
        file: one sentence a line; it is read in pieces, so it may be longer than memory.
        as_json: print all digits, and what they depend on.
        bootstrap: resamples for standard errors; with it, or one of the next two, the text is
            held in memory.
        neighbours: table of the samples and their nearest training sentences, to be written.
        lengths: figure of the lengths of samples and references, to be drawn.
        arguments: those of ``make_criteria``.

    Raises:
        FileNotFoundError: a file is missing.
        UserError: a file holds no sentence, or an argument does not apply.
    """
    num_samples = count_lines(file)
    sampler = read_sampler(file) if file.is_file() else None
    with notes():
        criteria = make_criteria(**arguments)
        scores = score_file(criteria, file, num_samples)
        errors = {} if bootstrap is None else errors_of_file(criteria, scores, file, bootstrap)
        if neighbours is not None:
            scores.values["nearest_ngram"] = _write_nearest(criteria, file, neighbours)
        if lengths is not None:
            texts = {
                "samples": ended(read_sentences(file, criteria.split_line)),
                "references": criteria.references,
            }
            plot_lengths(texts, lengths)
    settings = criteria.fingerprint(num_samples)
    if as_json:
        content: dict[str, Any] = {"scores": scores.values, "left_out": scores.left_out}
        if bootstrap is not None:
            content["standard_errors"] = errors
        content["fingerprint"] = settings
        content["sampler"] = sampler
        print(json.dumps(content | criteria.identity, indent=2))
        return
    for name, value in scores.values.items():
        error = errors.get(name)
        places = digits(column(name), known_error(name, num_samples) if error is None else error)
        beside = "" if error is None else f" ± {error:,.{places}f}"
        print(f"{name:24}{value:14,.{places}f}{beside}")
    for name, reason in scores.left_out.items():
        print(f"without {name}: {reason}")
    print(_listed(criteria.identity | settings))
    if sampler is not None:
        print(f"sampler: {_listed(sampler)}")


def _listed(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in fields.items())


def _write_nearest(criteria: Criteria, file: Path, path: Path) -> float:
    """Write the table; returns the mean overlap with the nearest training sentence."""
    if criteria.train is None:
        raise UserError("--neighbours are sentences of the training text, which --train names")
    sentences = ended(read_sentences(file, criteria.split_line))
    nearest = NearestNGram(criteria.train).nearest(sentences)
    write_neighbours(path, sentences, criteria.train, nearest)
    return float(nearest.similarity.mean())
