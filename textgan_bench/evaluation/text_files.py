"""Scores of a text file of any length, and how sure they are."""

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from torchmetrics import MetricCollection
from tqdm import tqdm

from textgan_bench.evaluation.bootstrap import standard_errors
from textgan_bench.evaluation.criteria import Criteria
from textgan_bench.evaluation.scores import CHUNK, Scores, chunked, score_chunks
from textgan_bench.functional.line_words import SharedLines
from textgan_bench.reading import read_lines, read_sentences
from textgan_bench.tokens import BLANKS, Sentence

QUIET_SECONDS = 1
"""What takes no longer shows no progress bar."""


def count_lines(file: Path) -> int:
    """Sentences of a file; whatever is wrong with it is said before any work is done.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is empty or of another encoding.
    """
    return sum(1 for _ in read_lines(file))


def score_file(criteria: Criteria, file: Path, num_samples: int) -> Scores:
    """The finite scores of a file, a piece of it in memory at a time."""
    bar = tqdm(desc=file.name, total=num_samples, leave=False, delay=QUIET_SECONDS, unit=" lines")
    # Metrics of one piece are done within a second, those of more are shown from the start.
    watched = partial(
        tqdm,
        desc="computing",
        leave=False,
        delay=QUIET_SECONDS if num_samples <= CHUNK else 0,
        unit=" metrics",
    )
    aligned, unpaired = criteria.pairs(num_samples)

    def pieces() -> Iterator[Sequence[Sentence]]:
        with bar:
            for lines in chunked(read_lines(file)):
                at_blanks = criteria.tokenisation == BLANKS
                yield SharedLines(lines) if at_blanks else [*map(criteria.split_line, lines)]
                bar.update(len(lines))

    values, left_out = score_chunks(criteria.metrics, pieces(), watched, aligned)
    return Scores(values, criteria.left_out | unpaired | left_out)


def errors_of_file(
    criteria: Criteria, scores: Scores, file: Path, resamples: int
) -> dict[str, float]:
    """Standard errors of the scores that a file has.

    Raises:
        UserError: there are fewer than two sentences or resamples.
    """
    able = [
        metric
        for name, metric in criteria.metrics.items(copy_state=False)
        if name not in scores.left_out
    ]
    sentences = read_sentences(file, criteria.split_line)
    aligned, _ = criteria.pairs(len(sentences))
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
