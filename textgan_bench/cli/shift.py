"""``shift``: a sentence on its way from one word towards another, by codes of a trained run."""

import sys
from pathlib import Path

from textgan_bench.evaluation.latent_space import LatentSpace
from textgan_bench.evaluation.text import unparse
from textgan_bench.training.trained import load_trained


def shift(run: Path, *, sentence: str, minus: str, plus: str, n: int) -> None:
    """Print ``n`` sentences from ``sentence`` on, ever farther from one word towards another.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint.
        UserError: its method has no codes, or an argument does not apply.
    """
    space = LatentSpace(*load_trained(run))
    sys.stdout.write(unparse(space.arithmetic(sentence.split(), minus, plus, n)))
