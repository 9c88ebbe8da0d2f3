"""An adversarial autoencoder: ARAE without a generator (Zhao et al., ICML 2018).

The critic f compares codes of sentences with a fixed prior. The encoder alone has to bring them
together (Makhzani et al., 2016, "Adversarial autoencoders"):

    min over enc, dec:   -E log p_dec(x | enc(x) + noise)
    max over f:          E f(enc(x)) - E f(c) - lambda E (||grad f(c')|| - 1)^2
    min over enc:        E f(enc(x))

c' lies between a code and a draw c of the prior. ARAE's paper reports that this collapses and
leaves the details open; sizes, rates and order of the steps are those of ARAE. The prior is N(0, I)
projected to the unit sphere, since all codes lie there: no encoder could match it unprojected.

Shapes: B batch, T time, V vocabulary, E embedding, H hidden and code.
"""

from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer

from textgan_bench.interfaces import TextGenerator
from textgan_bench.losses.adversarial import gradient_penalty
from textgan_bench.losses.processes import process_mean
from textgan_bench.networks.sentence_codes import (
    DecayingNoise,
    Decoder,
    Encoder,
    critic,
    spread,
)
from textgan_bench.tokens import Batch, TokenBatch


class AAE(TextGenerator):
    """Adversarial autoencoder with a uniform prior on the sphere; defaults are ARAE's for SNLI.

    Args:
        embedding: dimensions of a word vector; encoder and decoder have one each.
        hidden: width of both LSTMs, of the code and of the critic's layers.
        noise: standard deviation of the noise on codes that are decoded in training.
        noise_decay: factor on the noise every 100 steps.
        penalty: lambda, weight of the gradient penalty.
        critic_steps: number of the critic's steps in a training step.
        encoder_weight: factor on the critic's gradient in the encoder.
        autoencoder_lr: learning rate of SGD, whose gradients are clipped to norm 1.
        critic_lr: Adam learning rate of the critic.
    """

    knob: ClassVar[str] = "temperature"
    setting = 0.0
    BETAS = (0.5, 0.999)  # of Adam, code
    GRADIENT_NORM = 1.0  # of the autoencoder, code

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        embedding: int = 300,
        hidden: int = 300,
        noise: float = 0.05,
        noise_decay: float = 0.9995,
        penalty: float = 1.0,
        critic_steps: int = 5,
        encoder_weight: float = 0.1,
        autoencoder_lr: float = 1.0,
        critic_lr: float = 1e-4,
    ) -> None:
        super().__init__(vocab_size, max_length)
        self.save_hyperparameters()
        self.encoder = Encoder(vocab_size, embedding, hidden)
        self.decoder = Decoder(vocab_size, max_length, embedding, hidden)
        self.critic = critic(hidden)
        self.noise = DecayingNoise(noise, noise_decay)
        self.hidden = hidden
        self.penalty = penalty
        self.critic_steps = critic_steps
        self.encoder_weight = encoder_weight
        self.autoencoder_lr = autoencoder_lr
        self.critic_lr = critic_lr

    def configure_optimizers(self) -> list[Optimizer]:
        return [
            SGD([*self.encoder.parameters(), *self.decoder.parameters()], self.autoencoder_lr),
            Adam(self.critic.parameters(), self.critic_lr, self.BETAS),
        ]

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        """Autoencoder, critic, then encoder."""
        autoencoder_optimizer, critic_optimizer = cast(
            "list[LightningOptimizer]", self.optimizers()
        )

        nll = self.decoder(self.noise(self.encode(batch)), batch)  # (B, T)
        reconstruction = nll.sum() / process_mean(batch.lengths.sum().float())
        self.descend(reconstruction, autoencoder_optimizer, clip=self.GRADIENT_NORM)

        codes = self.encode(batch)  # (B, H)
        real = codes.detach()
        for _ in range(self.critic_steps):
            fake = self.generate(len(real))
            distance = self.critic(real).mean() - self.critic(fake).mean()
            slope = gradient_penalty(self.critic, real, fake)
            self.descend(self.penalty * slope - distance, critic_optimizer)

        with self.frozen(self.critic):
            lowered = self.encoder_weight * self.critic(codes).mean()
            self.descend(lowered, autoencoder_optimizer, clip=self.GRADIENT_NORM)

        self.noise.step()
        self.log_losses(
            {
                "autoencoder/nll": reconstruction,
                "critic/distance": distance,
                "critic/gradient_penalty": slope,
                "autoencoder/spread": spread(real),
            }
        )

    def generate(self, n: int) -> Tensor:
        """(B, H) ``n`` codes of the prior."""
        return F.normalize(torch.randn(n, self.hidden, device=self.device), dim=1)

    def encode(self, batch: Batch) -> Tensor:
        """(B, H) codes of sentences, on the unit sphere."""
        return self.encoder(batch)

    def decode(self, codes: Tensor, temperature: float = 0.0) -> TokenBatch:
        """The sentence of each code (B, H), as ``Decoder.decode``."""
        return self.decoder.decode(codes, temperature)

    @torch.no_grad()
    def sample(self, n: int, *, temperature: float = 0.0) -> TokenBatch:
        """Draw ``n`` sentences; 0, as in ARAE, takes the likeliest symbol at each step.

        Raises:
            UserError: the temperature is out of range.
        """
        return self.decode(self.generate(n), temperature)
