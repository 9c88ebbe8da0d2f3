"""Importance-sampled GAN (Toth, "GAN training for discrete generators").

No gradient has to pass through a sample: the generator's expectation is taken over real sentences,
weighted by their likelihood p under the generator (eq. 4-5),

    L_D = -1/N [sum_i log D(x_i) + sum_i log(1 - D(G(z_i)))],
    L_G = -log(-L),   L = 1/N sum_i log(1 - D(x_i)) p(x_i)

(section 4.3); importance_loss computes L_G without forming p. Both players are LSTMs over one-hot
symbols; the discriminator reads a sentence with its end symbol and scores the last state.

Sizes and rates are those of the author's code, particle_filter_gan, since the paper states only the
batch, the epochs and Adam. Two oversights of that code are left out. It pads real sentences to
another length than generated ones and does not cut these at their end, so that the discriminator
can win by the padding. It divides the discriminator's loss by the number of steps and not by N.

``runs`` networks, each with its own initialisation, samples and part of the batch, are trained side
by side for the band of figure 5; samples come from the first of them.

Shapes: R runs, B batch of one run, T time, V vocabulary, H hidden.
"""

from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import MultiStepLR

from textgan_bench.errors import UserError
from textgan_bench.interfaces import TextGenerator
from textgan_bench.losses.importance import importance_loss
from textgan_bench.losses.likelihood import drawn_mask
from textgan_bench.losses.processes import process_mean
from textgan_bench.losses.relaxation import draw_
from textgan_bench.networks.knobs import check_temperature
from textgan_bench.networks.stacked_lstm import StackedLinear, StackedLSTM
from textgan_bench.tokens import PAD, TokenBatch


class Generator(nn.Module):
    """R language models that read the padding symbol first and end a sentence by writing it."""

    def __init__(self, runs: int, vocab_size: int, max_length: int, hidden: int) -> None:
        super().__init__()
        self.max_length = max_length
        self.lstm = StackedLSTM(runs, vocab_size, hidden)
        self.scores = StackedLinear(runs, hidden, vocab_size)

    def forward(self, ids: Tensor, lengths: Tensor, temperature: float = 1.0) -> Tensor:
        """(R, B) log-likelihood in nats of sentences ids (R, B, T), end symbol counted.

        It is that of sentences drawn from the softmax of logits / ``temperature``.
        """
        hidden = self.lstm(F.pad(ids[:, :, :-1], (1, 0), value=PAD))  # (R, B, T, H)
        logits = self.scores(hidden.flatten(1, 2)).unflatten(1, ids.shape[1:])  # (R, B, T, V)
        if temperature != 1.0:
            logits = logits / temperature
        nll = F.cross_entropy(logits.flatten(0, 2), ids.flatten(), reduction="none")
        drawn = drawn_mask(lengths.flatten(), ids.shape[2]).view_as(ids)
        return -(nll.view_as(ids) * drawn).sum(2)

    @torch.no_grad()
    def sample(self, n: int, temperature: float, min_length: int) -> TokenBatch:
        """``n`` sentences of each run: ids (R, n, T) and lengths (R, n)."""
        state = self.lstm.start(n)
        ids = torch.full((self.lstm.runs, n, self.max_length), PAD, device=state[0].device)
        symbols, going = ids[:, :, 0], torch.ones_like(ids[:, :, 0], dtype=torch.bool)
        for t in range(self.max_length):
            state = self.lstm.step(symbols, state)
            logits = self.scores(state[0]) / temperature  # (R, n, V)
            if t < min_length:
                logits[:, :, PAD] = -torch.inf
            symbols = draw_(logits.flatten(0, 1)).view_as(symbols)
            going &= symbols != PAD
            ids[:, :, t] = symbols.where(going, PAD)
        return TokenBatch(ids, (ids != PAD).sum(2))


class Discriminator(nn.Module):
    """R LSTMs that score a sentence by the state after its last symbol."""

    def __init__(self, runs: int, vocab_size: int, hidden: int) -> None:
        super().__init__()
        self.lstm = StackedLSTM(runs, vocab_size, hidden)
        self.score = StackedLinear(runs, hidden, 1)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """(R, B) scores, the logits of "real", of sentences ids (R, B, T)."""
        hidden = self.lstm(ids)  # (R, B, T, H)
        last = lengths.clamp(max=ids.shape[2] - 1)  # the end symbol, or the last word without one
        index = last[:, :, None, None].expand(-1, -1, 1, hidden.shape[3])
        return self.score(hidden.gather(2, index).squeeze(2)).squeeze(-1)


class ImportanceSampledGAN(TextGenerator):
    """Importance-sampled GAN; defaults are those of the author's code.

    Args:
        hidden: units of each LSTM.
        lr: Adam learning rate of both players.
        lr_milestone: epoch after which ``lr`` is divided by 10.
        runs: number of networks trained side by side; a batch holds as many sentences for each.
    """

    knob: ClassVar[str] = "temperature"
    setting = 1.0

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        hidden: int = 8,
        lr: float = 0.02,
        lr_milestone: int = 5,
        runs: int = 1,
    ) -> None:
        super().__init__(vocab_size, max_length)
        self.save_hyperparameters()
        self.generator = Generator(runs, vocab_size, max_length, hidden)
        self.discriminator = Discriminator(runs, vocab_size, hidden)
        self.lr = lr
        self.lr_milestone = lr_milestone
        self.runs = runs
        self.epoch_losses: Tensor
        # Sums over the batches of an epoch, so that a resumed run goes on with them.
        self.register_buffer("epoch_losses", torch.zeros(runs, 2))

    def configure_optimizers(self) -> tuple[list[Optimizer], list[MultiStepLR]]:
        optimizers: list[Optimizer] = [
            Adam(player.parameters(), self.lr) for player in (self.generator, self.discriminator)
        ]
        return optimizers, [MultiStepLR(each, [self.lr_milestone]) for each in optimizers]

    def on_train_epoch_end(self) -> None:
        """Log the band of figure 5: the extremes, over the runs, of the means over an epoch."""
        if self.runs > 1:
            means = self.epoch_losses / self.trainer.num_training_batches
            for player, each in zip(("discriminator", "generator"), means.unbind(1), strict=True):
                band = {"": each.mean(), "_min": each.min(), "_max": each.max()}
                self.log_dict({f"{player}/epoch_loss{name}": loss for name, loss in band.items()})
        self.epoch_losses.zero_()
        for scheduler in cast("list[MultiStepLR]", self.lr_schedulers()):
            scheduler.step()

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        """One step of the discriminators, one of the generators.

        Raises:
            UserError: the batch cannot be divided among the runs.
        """
        if len(batch.ids) % self.runs:
            raise UserError(
                f"a batch of {len(batch.ids)} cannot be divided among {self.runs} runs; "
                "set batch_size to a multiple of them"
            )
        generator_optimizer, discriminator_optimizer = cast(
            "list[LightningOptimizer]", self.optimizers()
        )
        ids = F.pad(batch.ids, (0, self.max_length - batch.ids.shape[1]), value=PAD)
        ids = ids.unflatten(0, (self.runs, -1))  # (R, B, T)
        lengths = batch.lengths.unflatten(0, (self.runs, -1))  # (R, B)

        fake = self.generator.sample(ids.shape[1], temperature=1.0, min_length=0)
        real_scores = self.discriminator(ids, lengths)
        fake_scores = self.discriminator(fake.ids, fake.lengths)
        # A sum over the runs: each has parameters of its own, and Adam treats each entry apart.
        discriminator_losses = (F.softplus(-real_scores) + F.softplus(fake_scores)).mean(1)  # (R,)
        self.descend(discriminator_losses.sum(), discriminator_optimizer)

        with torch.no_grad():
            scores = self.discriminator(ids, lengths)
        generator_losses = importance_loss(scores, self.generator(ids, lengths))  # (R,)
        self.descend(generator_losses.sum(), generator_optimizer)

        losses = torch.stack([process_mean(discriminator_losses), generator_losses], 1)
        self.epoch_losses += losses.detach()
        self.log_losses(
            {
                "discriminator/loss": discriminator_losses.mean(),
                "generator/loss": generator_losses.mean(),
            }
        )

    def log_prob(self, batch: TokenBatch, *, temperature: float = 1.0) -> Tensor:
        ids = F.pad(batch.ids, (0, self.max_length - batch.ids.shape[1]), value=PAD)
        every = (x.expand(self.runs, *x.shape) for x in (ids, batch.lengths))
        log_likelihood: Tensor = self.generator(*every, temperature)  # (R, B)
        return log_likelihood[0]

    def sample(self, n: int, *, temperature: float = 1.0, min_length: int = 0) -> TokenBatch:
        """Draw ``n`` sentences; a ``temperature`` below 1 gives up diversity for quality.

        The end symbol is suppressed before ``min_length`` words (section 5.2).

        Raises:
            UserError: the temperature is out of range, or ``min_length`` is too long.
        """
        check_temperature(temperature)
        if not 0 <= min_length <= self.max_length:
            raise UserError(f"min_length must be 0 to {self.max_length}, not {min_length}")
        ids, lengths = self.generator.sample(n, temperature, min_length)
        return TokenBatch(ids[0], lengths[0])
