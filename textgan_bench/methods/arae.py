"""ARAE: an adversarially regularised autoencoder (Zhao et al., ICML 2018).

A recurrent autoencoder maps a sentence x to a code c = enc(x) on the unit sphere and back; a
generator maps noise z ~ N(0, I) to codes, and a critic f keeps the two kinds of codes alike:

    min over enc, dec:   -E log p_dec(x | enc(x) + noise)
    max over f:          E f(enc(x)) - E f(g(z)) - lambda E (||grad f(c')|| - 1)^2
    min over enc:        E f(enc(x)),     min over g:   -E f(g(z))

(paper, algorithm 1), in this order, the critic several times. c' lies between a real and a
generated code (Gulrajani et al., 2017); the first version of the paper clips weights instead. The
paper draws new sentences for each of these steps; here one batch serves all of a training step,
encoded anew where the encoder has changed.

Sizes and rates are those of the authors' code, jakezhaojb/ARAE, for SNLI. Its critic returns the
mean over the batch, so that the gradient in its penalty is divided by the batch size and 64, not 1,
is the slope it aims at; the penalty here is that of each example.

Shapes: B batch, T time, V vocabulary, E embedding, H hidden and code, Z latent.
"""

from itertools import pairwise
from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.optim import SGD, Adam, Optimizer

from textgan_bench.functional.likelihood import drawn_mask, symbol_nll
from textgan_bench.functional.processes import process_mean
from textgan_bench.functional.wasserstein import gradient_penalty
from textgan_bench.interfaces import TextGenerator
from textgan_bench.networks.autoregressive import draw
from textgan_bench.networks.batch_norm import BatchNorm
from textgan_bench.tokens import PAD, TokenBatch

SAMPLING_BATCH = 512  # bounds the memory of the scores; not tuned


class Encoder(nn.Module):
    """The last state of an LSTM, projected to the unit sphere."""

    def __init__(self, vocab_size: int, embedding: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True)

    def forward(self, batch: TokenBatch) -> Tensor:
        """(B, H) codes of sentences; that of an empty one is the code of the padding symbol."""
        lengths = batch.lengths.clamp(min=1).cpu()
        words = pack_padded_sequence(
            self.embedding(batch.ids), lengths, batch_first=True, enforce_sorted=False
        )
        return F.normalize(self.lstm(words)[1][0][0], dim=1)


class Decoder(nn.Module):
    """An LSTM that reads the code beside each symbol and starts from a state of zeros."""

    def __init__(self, vocab_size: int, max_length: int, embedding: int, hidden: int) -> None:
        super().__init__()
        self.max_length = max_length
        self.embedding = nn.Embedding(vocab_size, embedding)
        self.lstm = nn.LSTM(embedding + hidden, hidden, batch_first=True)
        self.output = nn.Linear(hidden, vocab_size)

    def forward(self, codes: Tensor, batch: TokenBatch) -> Tensor:
        """(B, T) NLL in nats of words and end symbols; T is the longest row's number of them."""
        steps = min(int(batch.lengths.max()) + 1, self.max_length)
        ids = F.pad(batch.ids, (0, steps - batch.ids.shape[1]), value=PAD)  # (B, T), cut or padded
        symbols = self.embedding(F.pad(ids[:, :-1], (1, 0), value=PAD))  # (B, T, E)
        hidden, _ = self.lstm(torch.cat([symbols, codes[:, None].expand(-1, steps, -1)], -1))
        return symbol_nll(self.output(hidden[drawn_mask(batch.lengths, steps)]), ids, batch.lengths)

    @torch.no_grad()
    def decode(self, codes: Tensor, temperature: float) -> TokenBatch:
        """A sentence for each of codes (B, H): the likeliest symbols at temperature 0."""
        ids = torch.full((len(codes), self.max_length), PAD, device=codes.device)
        symbols, going, state = ids[:, 0], torch.ones_like(ids[:, 0], dtype=torch.bool), None
        for t in range(self.max_length):
            inputs = torch.cat([self.embedding(symbols), codes], -1)[:, None]  # (B, 1, E + H)
            hidden, state = self.lstm(inputs, state)
            logits = self.output(hidden[:, 0])  # (B, V)
            symbols = draw(logits / temperature) if temperature > 0 else logits.argmax(-1)
            going = going & (symbols != PAD)
            if not going.any():
                break
            ids[:, t] = symbols.where(going, PAD)
        return TokenBatch(ids, (ids != PAD).sum(1))


def perceptron(sizes: list[int], activation: nn.Module, critic: bool) -> nn.Sequential:
    """Linear layers, batch normalised and activated between; weights from N(0, 0.02) (code).

    The first layer of a critic is not normalised, and its score has no bias, which would cancel.
    """
    layers: list[nn.Module] = []
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        last = i == len(sizes) - 2
        layers.append(nn.Linear(inputs, outputs, bias=not (last and critic)))
        nn.init.normal_(layers[-1].weight, std=0.02)  # type: ignore[arg-type]
        if not last:
            layers += [BatchNorm(outputs)] if i > 0 or not critic else []
            layers.append(activation)
    return nn.Sequential(*layers)


class ARAE(TextGenerator):
    """Adversarially regularised autoencoder; defaults are those of the authors' code for SNLI.

    Args:
        embedding: dimensions of a word, of encoder and decoder each.
        hidden: of both LSTMs, of the code and of the layers of generator and critic.
        latent_dim: of z.
        noise: standard deviation of the noise on codes that are decoded in training.
        noise_decay: its factor every 100 steps.
        penalty: lambda, weight of the gradient penalty.
        critic_steps: of the critic in a training step.
        encoder_weight: of the critic's gradient in the encoder.
        autoencoder_lr: of SGD, gradients clipped to norm 1.
        generator_lr, critic_lr: of Adam.
    """

    knob: ClassVar[str] = "temperature"
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
        self.generator = perceptron([latent_dim, hidden, hidden, hidden], nn.ReLU(), critic=False)
        self.critic = perceptron([hidden, hidden, hidden, 1], nn.LeakyReLU(0.2), critic=True)
        self.latent_dim = latent_dim
        self.noise = noise
        self.noise_decay = noise_decay
        self.penalty = penalty
        self.critic_steps = critic_steps
        self.encoder_weight = encoder_weight
        self.autoencoder_lr = autoencoder_lr
        self.generator_lr = generator_lr
        self.critic_lr = critic_lr
        self.updates: Tensor
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

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

        nll = self.decoder(self._noisy(self.encoder(batch)), batch)  # (B, T)
        reconstruction = nll.sum() / process_mean(batch.lengths.sum().float())
        self.descend(reconstruction, autoencoder_optimizer, clip=self.GRADIENT_NORM)

        with torch.no_grad():
            codes = self.encoder(batch)
        for _ in range(self.critic_steps):
            with torch.no_grad():
                real, fake = self._noisy(codes), self.generate(len(codes))
            distance = self.critic(real).mean() - self.critic(fake).mean()
            slope = gradient_penalty(self.critic, real, fake)
            self.descend(self.penalty * slope - distance, critic_optimizer)

        with self.frozen(self.critic):
            lowered = self.encoder_weight * self.critic(self._noisy(self.encoder(batch))).mean()
            self.descend(lowered, autoencoder_optimizer, clip=self.GRADIENT_NORM)
            self.descend(-self.critic(self.generate(len(codes))).mean(), generator_optimizer)

        self.updates += 1
        self.log_losses(
            {
                "autoencoder/nll": reconstruction,
                "critic/distance": distance,
                "critic/gradient_penalty": slope,
            }
        )

    def _noisy(self, codes: Tensor) -> Tensor:
        deviation = self.noise * self.noise_decay ** (int(self.updates) // 100)
        return codes + deviation * torch.randn_like(codes)

    def generate(self, n: int) -> Tensor:
        """(B, H) codes of ``n`` new latents."""
        return self.generator(torch.randn(n, self.latent_dim, device=self.device))

    @torch.no_grad()
    def sample(self, n: int, *, temperature: float = 0.0) -> TokenBatch:
        """``n`` sentences; 0, the paper's, takes the likeliest symbol of each code at each step.

        Raises:
            ValueError: the temperature is negative.
        """
        if temperature < 0:
            raise ValueError(f"the temperature must not be negative, not {temperature}")
        chunks = torch.arange(n).split(SAMPLING_BATCH)
        written = [self.decoder.decode(self.generate(len(c)), temperature) for c in chunks]
        return TokenBatch(*(torch.cat(column) for column in zip(*written, strict=True)))

    @torch.no_grad()
    def reconstruct(self, batch: TokenBatch) -> TokenBatch:
        """Each sentence, encoded and decoded."""
        return self.decoder.decode(self.encoder(batch), temperature=0.0)

    @torch.no_grad()
    def interpolate(self, start: Tensor, end: Tensor, steps: int) -> TokenBatch:
        """Sentences of ``steps`` latents evenly spaced from ``start`` to ``end``, both (Z,).

        Raises:
            ValueError: there are fewer than two steps.
        """
        if steps < 2:
            raise ValueError(f"an interpolation has at least 2 steps, not {steps}")
        share = torch.linspace(0, 1, steps, device=start.device)[:, None]
        return self.decoder.decode(self.generator(torch.lerp(start, end, share)), temperature=0.0)

    @torch.no_grad()
    def transfer(self, batch: TokenBatch, offset: Tensor) -> TokenBatch:
        """Decode codes of ``batch`` moved by ``offset`` (H,), a difference of mean codes."""
        codes = F.normalize(self.encoder(batch) + offset, dim=1)
        return self.decoder.decode(codes, temperature=0.0)
