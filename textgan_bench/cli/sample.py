"""``sample``: sentences of a trained run."""

import sys
from pathlib import Path

import torch

from textgan_bench.errors import UserError
from textgan_bench.evaluation.sampler import sampler_fingerprint, write_sampler
from textgan_bench.evaluation.text import unparse, write_sentences
from textgan_bench.interfaces import TextDataModule, TextGenerator
from textgan_bench.tokens import Sentence
from textgan_bench.training.trained import load_generator

DRAWN = 500
"""Sentences drawn at once: memory grows with it and speed no longer does."""


def sample(run: Path, *, n: int, knob: float | None, seed: int, output: Path | None) -> None:
    """Print ``n`` sentences of a run, or write them into a file, and beside it how they were drawn.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint.
        UserError: the checkpoint is damaged, or the run is no generator of sentences.
    """
    if n < 1:
        raise UserError(f"-n {n}: the number of sentences is at least 1")
    model, data = load_generator(run)
    torch.manual_seed(seed)
    if knob is not None and model.knob is None:
        raise UserError(f"{type(model).__name__} has no knob to turn")
    setting = {} if knob is None else {str(model.knob): knob}
    sentences = draw_sentences(model, data, n, **setting)
    if output is None:
        sys.stdout.write(unparse(sentences))
    else:
        write_sentences(output, sentences)
        if output.is_file():  # and no pipe
            write_sampler(output, sampler_fingerprint(model, seed, knob))


@torch.no_grad()
def draw_sentences(
    model: TextGenerator, data: TextDataModule, n: int, **setting: float
) -> list[Sentence]:
    """``n`` sentences of a generator, at its evaluation setting or with ``knob=value``."""
    sentences: list[Sentence] = []
    while len(sentences) < n:
        sentences += data.text(model.sample(min(DRAWN, n - len(sentences)), **setting))
    return sentences
