"""Thirty importance-sampled GANs side by side against thirty of them one after another.

Training steps on names as in the paper: 128 sentences of at most 9 symbols for each network of 8
units. One of the thirty is checked to be the network that it would be alone.
"""

import logging
import statistics
import warnings
from typing import Any

import torch
from pytorch_lightning import Callback
from tqdm import tqdm

from benchmarks.speed.claims import ROUNDS, Claim, Texts, check, main, seconds
from benchmarks.speed.training import fit
from textgan_bench.methods import ImportanceSampledGAN
from textgan_bench.tokens import TokenBatch, length_mask

RUNS, SENTENCES, STEPS = 30, 128, 10
VOCAB_SIZE, LENGTH = 28, 9


class Stopwatch(Callback):
    """Seconds of each training step."""

    def __init__(self) -> None:
        self.steps: list[float] = []
        self._start = 0.0

    def on_train_batch_start(self, *_: Any) -> None:
        self._start = seconds()

    def on_train_batch_end(self, *_: Any) -> None:
        self.steps.append(seconds() - self._start)


def names(runs: int) -> TokenBatch:
    lengths = torch.randint(2, LENGTH + 1, (runs * SENTENCES,))
    ids = torch.randint(1, VOCAB_SIZE, (runs * SENTENCES, LENGTH))
    return TokenBatch(ids * length_mask(lengths, LENGTH), lengths)


def train(runs: int) -> list[float]:
    """Seconds of some training steps."""
    stopwatch = Stopwatch()
    batches = [names(runs) for _ in range(STEPS)]
    fit(ImportanceSampledGAN(VOCAB_SIZE, LENGTH, runs=runs), batches, callbacks=[stopwatch])
    return stopwatch.steps


def measure(texts: Texts) -> list[Claim]:
    torch.manual_seed(0)
    together, alone = (ImportanceSampledGAN(VOCAB_SIZE, LENGTH, runs=n) for n in (RUNS, 1))
    alone.load_state_dict({key: value[:1] for key, value in together.state_dict().items()})
    batch = TokenBatch(*(each.unflatten(0, (RUNS, -1)) for each in names(RUNS)))
    theirs = alone.generator(*(each[:1] for each in batch))
    check(torch.allclose(together.generator(*batch)[:1], theirs), "thirty generators and one")

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    times: dict[int, list[float]] = {RUNS: [], 1: []}
    with warnings.catch_warnings(action="ignore"):
        for _ in tqdm(range(ROUNDS), "30 runs / one", leave=False, disable=None):
            for runs, measured in times.items():
                measured += train(runs)
    many, one = (statistics.median(measured) for measured in times.values())
    note = f"a step of all is {1e3 * many:.0f} ms, of one {1e3 * one:.1f} ms"
    return [Claim("30 trainings, one by one / side by side", 3, RUNS * one / many, note=note)]


if __name__ == "__main__":
    main(measure)
