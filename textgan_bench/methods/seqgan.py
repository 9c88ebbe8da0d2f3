"""SeqGAN: policy gradients with Monte-Carlo search (Yu et al., 2017).

"SeqGAN: sequence generative adversarial nets with policy gradient". The generator p is a recurrent
language model, the discriminator D a convolutional network that judges whole sentences. With t
running over words and end symbol (eq. 4, 7, 8),

    L_D = - E log D(x) - E_p log(1 - D(x)),
    Q(x_1..t) = 1/N sum_n D(x^n), x^n completed from x_1..t by the roll-out policy; D(x) at the end,
    grad L_G = - E_p sum_t Q(x_1..t) grad log p(x_t | x_<t).

The roll-out policy follows the generator at a lag. Training begins with maximum likelihood and with
the discriminator (algorithm 1), ``pretraining``.

Sizes and constants are those of the authors' code, LantaoYu/SeqGAN. Departures from it: the
discriminator's samples are fresh in every batch, where that trains three epochs on each set of
10,000; it has one logit for that code's two, with the L2 penalty that two would have at their best.

Shapes: B batch, T time, R completions.
"""

import copy
from collections.abc import Mapping
from typing import ClassVar, cast

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam, Optimizer

from textgan_bench.errors import UserError
from textgan_bench.interfaces import TextGenerator
from textgan_bench.losses.adversarial import discriminator_loss
from textgan_bench.losses.likelihood import drawn_mask
from textgan_bench.losses.processes import process_count, process_mean
from textgan_bench.networks.autoregressive import LSTMLanguageModel
from textgan_bench.networks.highway_cnn import HighwayCNN
from textgan_bench.networks.knobs import check_temperature
from textgan_bench.networks.pretraining import NO_PRETRAINING, Pretraining
from textgan_bench.networks.rollouts import roll_out
from textgan_bench.tokens import PAD, TokenBatch

FILTERS = {1: 100, **dict.fromkeys((2, 3, 4, 5), 200), **dict.fromkeys(range(6, 11), 100)}
FILTERS |= {15: 160, 20: 160}  # code, and appendix of the paper
GRADIENT_NORM = 5.0  # code
START_STD = 0.1  # code: of all weights of the generator


class SeqGAN(TextGenerator):
    """Policy gradients with Monte-Carlo search; defaults are those of the authors' code.

    Args:
        embedding: size of the generator's word vectors.
        hidden: units of the generator's LSTM.
        discriminator_embedding: size of the discriminator's word vectors.
        filters: number of the discriminator's filters by their span, in words.
        discriminator_dropout: rate of dropout on the discriminator's features.
        discriminator_l2: weight of the L2 penalty on the discriminator's output layer.
        rollouts: N, number of completions of each prefix.
        lag: share of its old weights that the roll-out policy keeps in a generator step.
        discriminator_steps: number of discriminator steps a generator step; the code takes 15
            epochs of some 156 batches of 64 real and 64 generated sentences.
        generator_lr: Adam learning rate, in pretraining and in the game.
        discriminator_lr: Adam learning rate.
        pretraining: batches before the game.
    """

    knob: ClassVar[str] = "temperature"
    setting = 1.0

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        embedding: int = 32,
        hidden: int = 32,
        discriminator_embedding: int = 64,
        filters: Mapping[int, int] = FILTERS,
        discriminator_dropout: float = 0.25,
        discriminator_l2: float = 0.2,
        rollouts: int = 16,
        lag: float = 0.8,
        discriminator_steps: int = 2340,
        generator_lr: float = 1e-2,
        discriminator_lr: float = 1e-4,
        pretraining: Pretraining = NO_PRETRAINING,
    ) -> None:
        super().__init__(vocab_size, max_length)
        if discriminator_steps < 1 or rollouts < 1:
            raise UserError(
                f"rollouts={rollouts} and discriminator_steps={discriminator_steps} are 1 or more"
            )
        self.save_hyperparameters()
        self.generator = LSTMLanguageModel(vocab_size, max_length, embedding, hidden)
        for weight in self.generator.parameters():
            nn.init.normal_(weight, std=START_STD)
        self.policy = copy.deepcopy(self.generator).requires_grad_(False)
        self.discriminator = HighwayCNN(
            vocab_size,
            max_length,
            embedding=discriminator_embedding,
            filters=filters,
            dropout=discriminator_dropout,
        )
        self.discriminator_l2 = discriminator_l2
        self.rollouts = rollouts
        self.lag = lag
        self.discriminator_steps = discriminator_steps
        self.generator_lr = generator_lr
        self.discriminator_lr = discriminator_lr
        self.pretraining = pretraining

    def configure_optimizers(self) -> list[Optimizer]:
        # The game has an Adam of its own (code): by the moments of the likelihood, a mean over
        # symbols, its first steps on a sum over the batch would be some ten times as long.
        return [
            Adam(self.generator.parameters(), self.generator_lr),
            Adam(self.generator.parameters(), self.generator_lr),
            Adam(self.discriminator.parameters(), self.discriminator_lr),
        ]

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        """A step of the discriminator, and of the generator where it is its turn (algorithm 1)."""
        self.phase = self.pretraining.phase(self.batches_done)
        if self.phase == "likelihood":
            self.updates_generator = True
            self.log_losses({"generator/nll": self.imitate(batch)})
            return
        turn = (self.batches_done - self.pretraining.game) % self.discriminator_steps
        self.updates_generator = self.phase == "game" and turn == 0
        losses = self.play(len(batch.ids)) if self.updates_generator else {}
        self.log_losses({**losses, "discriminator/loss": self.tell_apart(batch)})

    def imitate(self, batch: TokenBatch) -> Tensor:
        """One step of maximum likelihood; nats a symbol."""
        optimizer, _, _ = cast("list[LightningOptimizer]", self.optimizers())
        symbols = drawn_mask(batch.lengths, self.max_length).sum()
        loss = self.generator(batch).sum() / process_mean(symbols.float())
        self.descend(loss, optimizer, clip=GRADIENT_NORM)
        self.follow(0.0)
        return loss

    def play(self, n: int) -> dict[str, Tensor]:
        """One step of the generator on ``n`` sentences (eq. 8)."""
        _, optimizer, _ = cast("list[LightningOptimizer]", self.optimizers())
        samples = self.generator.sample(n, temperature=1.0)
        rewards = self.rewards(samples)  # (B, T)
        log_probs = F.pad(-self.generator(samples), (0, self.max_length))[:, : self.max_length]
        # A sum over the batch, as in the code: its gradient is cut at a norm of 5.
        loss = -process_count() * (rewards * log_probs).sum()
        self.descend(loss, optimizer, clip=GRADIENT_NORM)
        self.follow(self.lag)
        drawn = drawn_mask(samples.lengths, self.max_length)
        return {"generator/loss": loss / n, "generator/reward": rewards[drawn].mean()}

    def tell_apart(self, batch: TokenBatch) -> Tensor:
        """One step of the discriminator on a batch of text and as many fresh samples; nats."""
        *_, optimizer = cast("list[LightningOptimizer]", self.optimizers())
        samples = self.generator.sample(len(batch.ids), temperature=1.0)
        real = F.pad(batch.ids, (0, self.max_length - batch.ids.shape[1]), value=PAD)
        scores = self.discriminator(torch.cat([real, samples.ids])).chunk(2)
        loss = discriminator_loss(*scores) / 2
        penalised = loss + self.discriminator_l2 * self.discriminator.penalty()
        self.descend(penalised, optimizer)
        return loss

    @torch.no_grad()
    def rewards(self, samples: TokenBatch) -> Tensor:
        """(B, T) Q of each symbol drawn, in [0, 1] (eq. 4); zero after the end symbol."""
        ends = samples.lengths.clamp(max=self.max_length - 1)[:, None]  # where nothing follows
        rewards = torch.zeros(samples.ids.shape, device=samples.ids.device)  # (B, T)
        rewards.scatter_(1, ends, self.discriminator.judge(samples.ids).sigmoid()[:, None])
        completed = roll_out(self.policy, samples, self.rollouts)
        place = completed.sentence * self.max_length + completed.words - 1
        judged = self.discriminator.judge(completed.ids, completed.words, self.rollouts)
        rewards.view(-1).index_add_(0, place, judged.sigmoid() / self.rollouts)
        return rewards

    @torch.no_grad()
    def follow(self, lag: float) -> None:
        """Move the roll-out policy to the generator; ``lag`` is the share that stays.

        Its word vectors do not lag (code).
        """
        for (name, old), new in zip(
            self.policy.named_parameters(), self.generator.parameters(), strict=True
        ):
            old.lerp_(new, 1.0 if name.startswith("embedding") else 1 - lag)

    def log_prob(self, batch: TokenBatch, *, temperature: float = 1.0) -> Tensor:
        nll: Tensor = self.generator(batch, temperature)  # (B, T)
        return -nll.sum(1)

    def sample(self, n: int, *, temperature: float = 1.0) -> TokenBatch:
        """Draw ``n`` sentences; a ``temperature`` below 1 gives up diversity for quality.

        Raises:
            UserError: the temperature is out of range.
        """
        check_temperature(temperature)
        return self.generator.sample(n, temperature)
