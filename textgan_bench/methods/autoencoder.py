"""A recurrent autoencoder without adversary, AE in ARAE's table (Zhao et al., ICML 2018).

    min over enc, dec:   -E log p_dec(x | enc(x) + noise)

New sentences are decoded from codes of the Gaussian that has the mean and the covariance of the
training sentences' codes. It is ARAE without critic and generator, with the same sizes and rates,
so that a comparison of the two shows the effect of the adversary.

The paper leaves open how the Gaussian is fitted; here its moments are averages over the last
hundred training batches, the older ones fading.

Shapes: B batch, T time, V vocabulary, E embedding, H hidden and code.
"""

from typing import ClassVar, cast

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor
from torch.optim import SGD

from textgan_bench.interfaces import TextGenerator
from textgan_bench.losses.processes import process_mean
from textgan_bench.networks.sentence_codes import DecayingNoise, Decoder, Encoder
from textgan_bench.tokens import Batch, TokenBatch

MOMENT_BATCHES = 100  # the encoder moves little meanwhile; not tuned


class Autoencoder(TextGenerator):
    """Autoencoder with a Gaussian over its codes; defaults are ARAE's for SNLI.

    Args:
        embedding: dimensions of a word vector; encoder and decoder have one each.
        hidden: width of both LSTMs and of the code.
        noise: standard deviation of the noise on codes that are decoded in training.
        noise_decay: factor on the noise every 100 steps.
        lr: learning rate of SGD, whose gradients are clipped to norm 1.
    """

    knob: ClassVar[str] = "temperature"
    setting = 0.0
    GRADIENT_NORM = 1.0  # code

    mean: Tensor
    second_moment: Tensor

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        embedding: int = 300,
        hidden: int = 300,
        noise: float = 0.05,
        noise_decay: float = 0.9995,
        lr: float = 1.0,
    ) -> None:
        super().__init__(vocab_size, max_length)
        self.save_hyperparameters()
        self.encoder = Encoder(vocab_size, embedding, hidden)
        self.decoder = Decoder(vocab_size, max_length, embedding, hidden)
        self.noise = DecayingNoise(noise, noise_decay)
        self.lr = lr
        self.register_buffer("mean", torch.zeros(hidden))
        self.register_buffer("second_moment", torch.zeros(hidden, hidden))

    def configure_optimizers(self) -> SGD:
        return SGD(self.parameters(), self.lr)

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        codes = self.encode(batch)
        nll = self.decoder(self.noise(codes), batch)  # (B, T)
        reconstruction = nll.sum() / process_mean(batch.lengths.sum().float())
        optimizer = cast(LightningOptimizer, self.optimizers())
        self.descend(reconstruction, optimizer, clip=self.GRADIENT_NORM)
        self.noise.step()
        self.observe(codes.detach())
        self.log_losses({"autoencoder/nll": reconstruction})

    def observe(self, codes: Tensor) -> None:
        """Add codes (B, H) to the moments."""
        share = 1 / self.noise.updates.clamp(max=MOMENT_BATCHES)
        self.mean.lerp_(process_mean(codes.mean(0)), share)
        self.second_moment.lerp_(process_mean(codes.T @ codes / len(codes)), share)

    def generate(self, n: int) -> Tensor:
        """(B, H) ``n`` codes of the Gaussian."""
        covariance = self.second_moment - torch.outer(self.mean, self.mean)
        variances, axes = torch.linalg.eigh(covariance.double())  # rounding may leave some below 0
        root = (axes * variances.clamp(min=0).sqrt()).to(self.mean)  # (H, H)
        return self.mean + torch.randn(n, len(self.mean), device=self.device) @ root.T

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
