"""A variational autoencoder of sentences (Bowman et al., "Generating sentences from a continuous
space", CoNLL 2016), with which ARAE's paper compares.

    max over enc, dec:   E log p_dec(x | z) - beta KL(q(z | x) || N(0, I)),   z ~ q(z | x),

where q(z | x) is a Gaussian whose mean and log variances are affine maps of the encoder's last
state. beta rises from 0 to 1 along a sigmoid, and words that the decoder reads are dropped: without
either the decoder learns to do without z. New sentences are drawn from p_dec(x | z), z ~ N(0, I).

Encoder, decoder and their sizes are those of the autoencoder in ARAE's table
(``methods/autoencoder.py``), so that a comparison of the two shows the effect of the posterior. But
Adam takes the steps: by SGD at ARAE's rate the mean stays small beside a deviation of one, and
nothing is read off z from the start. The slides of ARAE say that VAEs could not be trained on its
text, the paper that theirs "simply ignored the latent code".

Read into the paper, which leaves them open: beta is sigmoid(12 t / annealing - 6) in step t, the
rate is 1e-3.
Departures from it: the decoder reads z beside each word, as ARAE's reads codes, not as its first
state alone, and a dropped word is read as zeros, not as ``<unk>``, which some vocabularies do not
have.

Shapes: B batch, T time, V vocabulary, E embedding, H hidden, Z latent.
"""

from typing import ClassVar, cast

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Adam

from textgan_bench.interfaces import Latents, TextGenerator
from textgan_bench.losses.likelihood import normal_kl
from textgan_bench.losses.processes import process_mean
from textgan_bench.networks.sentence_codes import Decoder, Encoder
from textgan_bench.tokens import Batch, TokenBatch

STEEPNESS = 12.0  # the sigmoid goes from 0.0025 to 0.9975; not stated


class VAE(TextGenerator):
    """Variational autoencoder; sizes are ARAE's for SNLI.

    Args:
        embedding: dimensions of a word vector; encoder and decoder have one each.
        hidden: width of both LSTMs.
        latent_dim: size of the latent z, that of ARAE's.
        word_dropout: rate at which a word is hidden from the decoder in training.
        annealing: steps in which beta rises to 1.
        lr: Adam learning rate; gradients are clipped to norm 1.
    """

    knob: ClassVar[str] = "temperature"
    setting = 1.0
    GRADIENT_NORM = 1.0  # of ARAE's code

    updates: Tensor

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        embedding: int = 300,
        hidden: int = 300,
        latent_dim: int = 100,
        word_dropout: float = 0.25,
        annealing: int = 20_000,
        lr: float = 1e-3,
    ) -> None:
        super().__init__(vocab_size, max_length)
        self.save_hyperparameters()
        self.encoder = Encoder(vocab_size, embedding, hidden)
        self.posterior = nn.Linear(hidden, 2 * latent_dim)
        self.decoder = Decoder(
            vocab_size,
            max_length,
            embedding,
            hidden,
            code=latent_dim,
            word_dropout=word_dropout,
        )
        self.latent_dim = latent_dim
        self.annealing = annealing
        self.lr = lr
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def configure_optimizers(self) -> Adam:
        return Adam(self.parameters(), self.lr)

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        mean, log_variance = self.moments(batch)
        z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        words = process_mean(batch.lengths.sum().float())
        nll = self.decoder(z, batch).sum() / words
        kl = normal_kl(mean, log_variance).sum(1)  # (B,)
        loss = nll + self.beta() * kl.sum() / words
        optimizer = cast(LightningOptimizer, self.optimizers())
        self.descend(loss, optimizer, clip=self.GRADIENT_NORM)
        self.log_losses(
            {
                "autoencoder/nll": nll,
                "autoencoder/kl": kl.mean(),
                "autoencoder/beta": self.beta(),
            }
        )
        self.updates += 1

    def moments(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(B, Z) means and log variances of q(z | x)."""
        mean, log_variance = self.posterior(self.encoder.last_state(batch)).chunk(2, 1)
        return mean, log_variance

    def beta(self) -> Tensor:
        """Weight of the divergence in this step, in (0, 1)."""
        return torch.sigmoid(STEEPNESS * (self.updates / self.annealing - 0.5))

    def draw_latents(self, n: int) -> Latents:
        """A latent for each of ``n`` sentences."""
        ones = torch.ones(n, dtype=torch.int64, device=self.device)
        return Latents(torch.randn(n, 1, self.latent_dim, device=self.device), ones)

    def write_latents(self, latents: Latents) -> TokenBatch:
        """The likeliest sentence of each latent (B, 1, Z)."""
        return self.decode(latents.z[:, 0])

    def encode(self, batch: Batch) -> Tensor:
        """(B, Z) means of q(z | x)."""
        return self.moments(batch)[0]

    def decode(self, codes: Tensor, temperature: float = 0.0) -> TokenBatch:
        """The sentence of each latent (B, Z), as ``Decoder.decode``."""
        return self.decoder.decode(codes, temperature)

    @torch.no_grad()
    def sample(self, n: int, *, temperature: float = 1.0) -> TokenBatch:
        """Draw ``n`` sentences, at temperature 1 of the model's own distribution.

        At 0 a decoder that does without z writes one sentence.

        Raises:
            UserError: the temperature is out of range.
        """
        return self.decode(self.draw_latents(n).z[:, 0], temperature)
