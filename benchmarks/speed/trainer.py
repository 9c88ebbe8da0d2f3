"""What Lightning adds to a step of two players, with the settings of ``benchmarks/trainer.yaml``.

The players have the parameters of NAGAN and losses that cost nothing, so that the step is all
bookkeeping; eight values are logged at every 50th batch to a CSV file, the bar is on and
checkpoints are watched. Against it the same steps in a loop, and a run that calls ``self.log`` at
every batch.
The bar is a time, so each figure is that of the least disturbed round.
"""

import logging
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any, cast

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from pytorch_lightning.loggers import CSVLogger
from torch import Tensor, nn
from torch.optim import Optimizer, RAdam

from benchmarks.speed.bare import Bare
from benchmarks.speed.claims import ROUNDS, Claim, Texts, main, seconds
from benchmarks.speed.training import fit
from textgan_bench.interfaces import Method
from textgan_bench.methods import NAGAN
from textgan_bench.tokens import TokenBatch
from textgan_bench.training.checkpoints import PeriodicCheckpoint
from textgan_bench.training.progress import RunProgress

BATCHES, WARM_UP = 300, 50
EVERY = 50  # log_every_n_steps of trainer.yaml
VALUES = 8
BATCH = TokenBatch(torch.ones(1, 1, dtype=torch.int64), torch.ones(1, dtype=torch.int64))


class Hollow(Method):
    """NAGAN's parameters, without its work; ``time`` is that of the batches after the warm-up."""

    def __init__(self) -> None:
        super().__init__(501, 20)
        nagan = NAGAN(501, 20)
        self.players = nn.ModuleList([nagan.generator, nagan.discriminator])
        self.time = 0.0

    def configure_optimizers(self) -> list[Optimizer]:
        return [RAdam(player.parameters(), foreach=True) for player in self.players]

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        # A callback would itself be part of what is measured.
        if batch_idx == WARM_UP:
            self.time -= seconds()
        if batch_idx == BATCHES:
            self.time += seconds()
        optimizers = cast("list[LightningOptimizer]", self.optimizers())
        for player, optimizer in zip(self.players, optimizers, strict=True):
            loss = next(player.parameters()).sum()
            self.descend(loss, optimizer)
        self.log_losses({f"value/{i}": loss for i in range(VALUES)})

    def test_step(self, batch: Any, batch_idx: int) -> dict[str, TokenBatch]:
        return {}


class Logging(Hollow):
    """Logs as Lightning's examples do."""

    def log_losses(self, losses: dict[str, Tensor]) -> None:
        self.log_dict(losses, prog_bar=True)


def in_a_trainer(method: Hollow) -> float:
    """Milliseconds a step."""
    with tempfile.TemporaryDirectory() as folder:
        fit(
            method,
            [BATCH] * (BATCHES + 1),
            log_every_n_steps=EVERY,
            logger=CSVLogger(folder, "csv", flush_logs_every_n_steps=1),
            default_root_dir=folder,
            callbacks=[RunProgress(), PeriodicCheckpoint()],
            enable_checkpointing=True,
            enable_progress_bar=True,
        )
    return 1e3 * method.time / (BATCHES - WARM_UP)


def in_a_loop() -> float:
    step = Bare(Hollow(), BATCH)
    for _ in range(WARM_UP):
        step()
    start = seconds()
    for _ in range(BATCHES - WARM_UP):
        step()
    return 1e3 * (seconds() - start) / (BATCHES - WARM_UP)


def rounds() -> Iterator[tuple[float, float, float]]:
    for _ in range(ROUNDS):
        yield in_a_loop(), in_a_trainer(Hollow()), in_a_trainer(Logging())


def measure(texts: Texts) -> list[Claim]:
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with warnings.catch_warnings(action="ignore"):
        loop, shipped, always = map(min, zip(*rounds(), strict=True))
    name = "Lightning's share of a step of two players"
    note = f"{always - loop:.2f} ms if self.log had {VALUES} values at every batch"
    return [
        Claim(name, 0.7, shipped - loop, "ms", at_least=False, note=note),
        Claim(
            "the same / self.log at every batch",
            25,
            100 * (shipped - loop) / (always - loop),
            "%",
            at_least=False,
        ),
    ]


if __name__ == "__main__":
    main(measure)
