"""``walk``: sentences along a line through the noise of a trained generator."""

import sys
from pathlib import Path

import torch

from textgan_bench.errors import UserError
from textgan_bench.evaluation.latent_space import NoiseSpace
from textgan_bench.evaluation.text import unparse
from textgan_bench.training.trained import load_trained


def walk(run: Path, *, source: str | None, target: str | None, n: int, seed: int) -> None:
    """Print ``n`` sentences between two drawn ones, or from one word on towards another.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint.
        UserError: its sentences do not follow from one latent each, or an argument does not apply.
    """
    if (source is None) != (target is None):
        raise UserError("--from and --to name two words together")
    space = NoiseSpace(*load_trained(run))
    torch.manual_seed(seed)
    if source is None or target is None:
        sys.stdout.write(unparse(space.line(n)))
    else:
        sys.stdout.write(unparse(space.arithmetic(source, target, n)))
