"""How a step of NAGAN grows with the processes that share it, each with a batch of its own.

Processor time of one process and step: what is added is the exchange of gradients, averages and
the largest penalty, through gloo on this machine. 32 sentences of 20 words for each process, V 500
and the published width. Two rounds, since every round starts all processes anew.
"""

import logging
import os
import socket
import statistics
import tempfile
import warnings
from pathlib import Path

import torch
from torch.multiprocessing.spawn import spawn

from benchmarks.speed.claims import SEED, Claim, Texts, main, seconds
from benchmarks.speed.nagan import random_batch
from benchmarks.speed.nagan_growth import exponent
from benchmarks.speed.training import fit
from textgan_bench.methods import NAGAN
from textgan_bench.tokens import TokenBatch

RANKS = 1, 2, 4
ROUNDS = 2
BATCHES, WARM_UP = 15, 3
SHAPE = 501, 20  # vocabulary with the padding symbol, words


class Timed(NAGAN):
    """``time`` is that of the batches after the warm-up."""

    time = 0.0

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        if batch_idx == WARM_UP:
            self.time -= seconds()
        super().training_step(batch, batch_idx)
        if batch_idx == BATCHES - 1:
            self.time += seconds()


def rank(number: int, processes: int, port: int, folder: str) -> None:
    """Train as one of ``processes``, and write the milliseconds of a step to a file."""
    torch.set_num_threads(1)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    if processes > 1:
        os.environ |= {
            "MASTER_ADDR": "localhost",
            "MASTER_PORT": str(port),
            "RANK": str(number),
            "LOCAL_RANK": str(number),
            "GROUP_RANK": "0",
            "WORLD_SIZE": str(processes),
            "LOCAL_WORLD_SIZE": str(processes),
            "TORCHELASTIC_RUN_ID": "ranks",
        }
    torch.manual_seed(SEED)
    method = Timed(*SHAPE)
    batches = [random_batch(torch.full((32,), SHAPE[1]), *SHAPE) for _ in range(BATCHES)]
    fit(
        method,
        batches,
        devices=processes,
        strategy="auto" if processes == 1 else "ddp_find_unused_parameters_true",
        use_distributed_sampler=False,
    )
    milliseconds = 1e3 * method.time / (BATCHES - WARM_UP)
    (Path(folder) / str(number)).write_text(str(milliseconds), encoding="utf-8")


def together(processes: int) -> float:
    """Milliseconds of a step, the mean over as many processes."""
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
        free.close()
        spawn(rank, (processes, port, folder), nprocs=processes)
        return statistics.mean(float(file.read_text()) for file in Path(folder).iterdir())


def measure(texts: Texts) -> list[Claim]:
    rounds = [[together(processes) for processes in RANKS] for _ in range(ROUNDS)]
    times = [min(column) for column in zip(*rounds, strict=True)]
    steps = ", ".join(f"{n}: {time:.0f} ms" for n, time in zip(RANKS, times, strict=True))
    return [
        Claim(
            "processor time of a rank's step of NAGAN grows with the ranks to the power",
            0.25,
            exponent(RANKS, times),
            "",
            at_least=False,
            note=f"a step among {steps}",
        )
    ]


if __name__ == "__main__":
    main(measure)
