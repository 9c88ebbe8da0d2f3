"""What the batches of a training are spent on that begins with maximum likelihood.

Yu et al. (2017), "SeqGAN", algorithm 1: the generator learns by likelihood, the discriminator
learns to tell samples of this generator from text, and the game begins.
"""

from dataclasses import dataclass
from typing import Literal

import torch

from textgan_bench.errors import UserError

Phase = Literal["likelihood", "discriminator", "game"]


@dataclass(frozen=True)
class Pretraining:
    """Batches of text before the game.

    Args:
        likelihood: number of batches on which the generator learns by maximum likelihood.
        discriminator: number of batches after these on which the discriminator learns alone.

    Raises:
        UserError: a number is negative.

    >>> phases = Pretraining(likelihood=2, discriminator=1)
    >>> [phases.phase(batch) for batch in range(4)]
    ['likelihood', 'likelihood', 'discriminator', 'game']
    """

    likelihood: int = 0
    discriminator: int = 0

    def __post_init__(self) -> None:
        if min(self.likelihood, self.discriminator) < 0:
            raise UserError(f"{self}: a phase has 0 batches or more")

    def phase(self, batch: int) -> Phase:
        """What the batch with this number, from 0, is spent on."""
        if batch < self.likelihood:
            return "likelihood"
        return "discriminator" if batch < self.game else "game"

    @property
    def game(self) -> int:
        """Number of the first batch of the game."""
        return self.likelihood + self.discriminator


NO_PRETRAINING = Pretraining()

torch.serialization.add_safe_globals([Pretraining])  # a hyper-parameter, and so part of checkpoints
