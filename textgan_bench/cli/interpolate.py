"""``interpolate``: sentences between two, by their codes in a trained run."""

import sys
from pathlib import Path

from textgan_bench.evaluation.latent_space import LatentSpace
from textgan_bench.evaluation.text import unparse
from textgan_bench.training.trained import load_trained


def interpolate(run: Path, *, start: str, end: str, n: int) -> None:
    """Print ``n`` sentences on the line from one sentence to another.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint.
        UserError: its method has no codes, or an argument does not apply.
    """
    space = LatentSpace(*load_trained(run))
    sys.stdout.write(unparse(space.line(start.split(), end.split(), n)))
