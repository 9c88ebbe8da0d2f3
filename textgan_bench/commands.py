"""``sample`` and ``score``: text out of a run, and numbers out of a text."""

import json
import math
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from textgan_bench.columns import column, digits, known_error
from textgan_bench.interfaces import Sentence, TextGenerator
from textgan_bench.judge import Judge, make_judge
from textgan_bench.runs import Run, load_checkpoint
from textgan_bench.scoring import (
    CHUNK,
    Scores,
    chunked,
    read_lines,
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
    from textgan_bench.training import TrainingCLI

    if n < 1:
        raise ValueError(f"-n {n}: the number of sentences is at least 1")
    folder = Run(run)
    folder.load_config()
    checkpoint = load_checkpoint(folder.checkpoint(folder.tested_checkpoint()))
    command_line = TrainingCLI([f"--config={folder.config}"], run=False)
    model, data = command_line.model, command_line.datamodule
    if not isinstance(model, TextGenerator):
        raise ValueError(f"{type(model).__name__} does not write sentences from nothing")
    data.prepare_data()
    data.setup("test")
    model.load_state_dict(checkpoint["state_dict"])
    model.eval()
    torch.manual_seed(seed)
    setting = {} if knob is None else {model.knob: knob}
    sentences: list[Sentence] = []
    with torch.no_grad():
        while len(sentences) < n:
            batch = model.sample(min(DRAWN, n - len(sentences)), **setting)
            sentences += data.vocabulary.decode_batch(batch)
    if output is None:
        sys.stdout.write(unparse(sentences))
    else:
        write_sentences(output, sentences)


def score(file: Path, *, as_json: bool, **criteria: Any) -> None:
    """Print the scores of a text file, by the code and with the numbers of a run.

    Args:
        file: one sentence a line; it is read in pieces, so it may be longer than memory.
        as_json: print all digits, and what they depend on.
        criteria: arguments of ``make_judge``.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file holds no sentence, or an argument does not apply.
    """
    num_samples = count_lines(file)
    with notes():
        judge = make_judge(**criteria)
        scores = score_file(judge, file, num_samples)
    settings = judge.fingerprint(num_samples)
    if as_json:
        content = {"scores": scores.values, "left_out": scores.left_out, "fingerprint": settings}
        print(json.dumps(content | judge.identity, indent=2))
        return
    for name, value in scores.values.items():
        places = digits(column(name), known_error(name, num_samples))
        print(f"{name:24}{value:14,.{places}f}")
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
    values, left_out = score_chunks(judge.metrics, chunked(line.split() for line in lines), watched)
    infinite = {key: "no word was written" for key in values if not math.isfinite(values[key])}
    return Scores(
        {key: value for key, value in values.items() if key not in infinite},
        judge.left_out | left_out | infinite,
    )


@contextmanager
def notes() -> Iterator[None]:
    """Say each thing that metrics warn of once and in one line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"note: {message}", file=sys.stderr)
