"""ARAE: an adversarially regularised autoencoder (Zhao et al., ICML 2018).

A recurrent autoencoder maps a sentence x to a code c = enc(x) on the unit sphere and back; a
generator maps noise z ~ N(0, I) to codes, and a critic f keeps the two kinds of codes alike:

    min over enc, dec:   -E log p_dec(x | enc(x) + noise)
    max over f:          E f(enc(x)) - E f(g(z)) - lambda E (||grad f(c')|| - 1)^2
    min over enc:        E f(enc(x)),     min over g:   -E f(g(z))

(paper, algorithm 1), in this order, the critic several times. c' lies between a real and a
generated code (Gulrajani et al., 2017); the first version of the paper clips weights instead. The
paper draws new sentences for each of these steps; here one batch serves all of a training step. The
encoder does not change between the autoencoder's step and the encoder's adversarial step. So one
pass through it gives the codes of all critic steps and, with its graph kept, of that last step.

Sizes and rates are those of the authors' code, jakezhaojb/ARAE, for SNLI. Its critic returns the
mean over the batch, which divides the gradient in its penalty by the batch size: the code aims at a
slope of 64, not 1. The penalty here is that of each example.

Shapes: B batch, T time, V vocabulary, E embedding, H hidden and code, Z latent.
"""

from typing import ClassVar, cast

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from textgan_bench.interfaces import Latents, TextGenerator
from textgan_bench.losses.adversarial import gradient_penalty
from textgan_bench.losses.processes import process_mean
from textgan_bench.networks.sentence_codes import (
    DecayingNoise,
    Decoder,
    Encoder,
    critic,
    perceptron,
    spread,
)
from textgan_bench.tokens import Batch, TokenBatch


class ARAE(TextGenerator):
    """Adversarially regularised autoencoder; defaults are those of the authors' code for SNLI.

    Args:
        embedding: dimensions of a word vector; encoder and decoder have one each.
        hidden: width of both LSTMs, of the code and of the layers of generator and critic.
        latent_dim: size of the latent z.
        noise: standard deviation of the noise on codes that are decoded in training.
        noise_decay: factor on the noise every 100 steps.
        penalty: lambda, weight of the gradient penalty.
        critic_steps: number of the critic's steps in a training step.
        encoder_weight: factor on the critic's gradient in the encoder.
        autoencoder_lr: learning rate of SGD, whose gradients are clipped to norm 1.
        generator_lr, critic_lr: Adam learning rates.
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
        latent_dim: int = 100,
        noise: float = 0.05,
        noise_decay: float = 0.9995,
        penalty: float = 1.0,
        critic_steps: int = 5,
        encoder_weight: float = 0.1,
        autoencoder_lr: float = 1.0,
        generator_lr: float = 1e-4,
        critic_lr: float = 1e-4,
    ) -> None:
        super().__init__(vocab_size, max_length)
        self.save_hyperparameters()
        self.encoder = Encoder(vocab_size, embedding, hidden)
        self.decoder = Decoder(vocab_size, max_length, embedding, hidden)
        self.generator = perceptron(
            [latent_dim, hidden, hidden, hidden], nn.ReLU(), normalise_first=True
        )
        self.critic = critic(hidden)
        self.latent_dim = latent_dim
        self.noise = DecayingNoise(noise, noise_decay)
        self.penalty = penalty
        self.critic_steps = critic_steps
        self.encoder_weight = encoder_weight
        self.autoencoder_lr = autoencoder_lr
        self.generator_lr = generator_lr
        self.critic_lr = critic_lr

    def configure_optimizers(self) -> list[Optimizer]:
        return [
            SGD([*self.encoder.parameters(), *self.decoder.parameters()], self.autoencoder_lr),
            Adam(self.generator.parameters(), self.generator_lr, self.BETAS),
            Adam(self.critic.parameters(), self.critic_lr, self.BETAS),
        ]

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        """One iteration of algorithm 1: autoencoder, critic, then encoder and generator."""
        autoencoder_optimizer, generator_optimizer, critic_optimizer = cast(
            "list[LightningOptimizer]", self.optimizers()
        )

        nll = self.decoder(self.noise(self.encoder(batch)), batch)  # (B, T)
        reconstruction = nll.sum() / process_mean(batch.lengths.sum().float())
        self.descend(reconstruction, autoencoder_optimizer, clip=self.GRADIENT_NORM)

        codes = self.encoder(batch)  # (B, H)
        real = codes.detach()
        for _ in range(self.critic_steps):
            with torch.no_grad():
                fake = self.generate(len(real))
            distance = self.critic(real).mean() - self.critic(fake).mean()
            slope = gradient_penalty(self.critic, real, fake)
            self.descend(self.penalty * slope - distance, critic_optimizer)

        with self.frozen(self.critic):
            lowered = self.encoder_weight * self.critic(codes).mean()
            self.descend(lowered, autoencoder_optimizer, clip=self.GRADIENT_NORM)
            self.descend(-self.critic(self.generate(len(codes))).mean(), generator_optimizer)

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
        """(B, H) codes of ``n`` new latents."""
        return self.generator(torch.randn(n, self.latent_dim, device=self.device))

    def draw_latents(self, n: int) -> Latents:
        """A latent for each of ``n`` sentences."""
        ones = torch.ones(n, dtype=torch.int64, device=self.device)
        return Latents(torch.randn(n, 1, self.latent_dim, device=self.device), ones)

    def write_latents(self, latents: Latents) -> TokenBatch:
        """The likeliest sentence of each latent (B, 1, Z); of a trained model, in evaluation."""
        return self.decode(self.generator(latents.z[:, 0]))

    def encode(self, batch: Batch) -> Tensor:
        """(B, H) codes of sentences, on the unit sphere."""
        return self.encoder(batch)

    def decode(self, codes: Tensor, temperature: float = 0.0) -> TokenBatch:
        """The sentence of each code (B, H), as ``Decoder.decode``."""
        return self.decoder.decode(codes, temperature)

    @torch.no_grad()
    def sample(self, n: int, *, temperature: float = 0.0) -> TokenBatch:
        """Draw ``n`` sentences; 0, the paper's, takes the likeliest symbol at each step.

        Raises:
            UserError: the temperature is out of range.
        """
        return self.decode(self.generate(n), temperature)
