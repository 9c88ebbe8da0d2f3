"""GAN of relaxed sequences (Kusner and Hernández-Lobato, 2016).

"GANs for sequences of discrete elements with the Gumbel-softmax distribution". An LSTM whose first
hidden state and cell are noise writes T symbols, each a vector of the simplex that is fed back,

    y_t = softmax((h_t + g_t) / tau),   g_t ~ Gumbel(0, 1)

(eq. 4), where the paper's inverse temperature tau is a temperature. A real symbol x_t is softened
by the same equation, with h_t such that softmax(h_t) is about 0.9 at x_t and equal elsewhere, so
that the discriminator, another LSTM, cannot tell the players apart by their corners. They minimise

    L_D = -E log D(x) - E log(1 - D(G(z))),   L_G = -E log(D(G(z)) / (1 - D(G(z))))

(algorithm 1) on the same samples. The temperature falls linearly over the first half of training.

Four variants (figure 3): (a) these defaults; (b) ``samples=1000``; (c) ``anneal_generator=False``,
the temperature falling only at the softened real symbols; (d) ``learnt_cell=True``, noise in the
hidden state only.

The paper leaves open:

- the number of units, and the first input, which is zero here;
- how h_t is made: here by a linear layer. The states of an LSTM lie in (-1, 1), where none of the
  paper's six symbols could reach a probability of 0.6;
- how samples are drawn after training: here as the argmax of y_t, which draws from softmax(h_t)
  exactly (eq. 3), while y_t at tau = 1 is fed back as in training.

A shorter sentence is padded by a symbol that is written like any other. A sample ends before the
first padding symbol. Symbols behind it stay in the batch, for data whose strings hold them.

Shapes: B batch, T time, V vocabulary, H hidden.
"""

from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from textgan_bench.interfaces import GUMBEL, TextGenerator
from textgan_bench.losses.adversarial import discriminator_loss
from textgan_bench.losses.relaxation import gumbel_noise_like
from textgan_bench.networks.knobs import check_temperature
from textgan_bench.tokens import PAD, TokenBatch

SAMPLING_BATCH = 512  # bounds the memory of the scores; not tuned


def gumbel_softmax(scores: Tensor, temperature: float) -> Tensor:
    """Points of the simplex drawn around softmax(scores) (eq. 4), in the shape of ``scores``."""
    return torch.softmax((scores + gumbel_noise_like(scores)) / temperature, -1)


def softened(ids: Tensor, vocab_size: int, confidence: float) -> Tensor:
    """(…, V) scores whose softmax is ``confidence`` at each of ids (…) and equal elsewhere."""
    logs = torch.tensor([(1 - confidence) / (vocab_size - 1), confidence]).log().to(ids.device)
    return logs[F.one_hot(ids, vocab_size)]


class Generator(nn.Module):
    """An LSTM that starts from noise and reads the relaxed symbols it writes (section 3)."""

    def __init__(self, vocab_size: int, max_length: int, hidden: int, learnt_cell: bool) -> None:
        super().__init__()
        self.max_length = max_length
        self.lstm = nn.LSTMCell(vocab_size, hidden)
        self.scores = nn.Linear(hidden, vocab_size)
        self.cell = nn.Parameter(torch.zeros(hidden)) if learnt_cell else None

    def forward(self, n: int, temperature: float, sharpness: float = 1.0) -> Tensor:
        """(B, T, V) relaxed symbols of ``n`` sequences, scores multiplied by ``sharpness``."""
        weight = self.scores.weight  # (V, H)
        hidden, noise = weight.new_empty(2, n, weight.shape[1]).uniform_()  # U(0, 1), section 3
        cell = noise if self.cell is None else self.cell.expand(n, -1)
        symbol = weight.new_zeros(n, len(weight))
        symbols = []
        for _ in range(self.max_length):
            hidden, cell = self.lstm(symbol, (hidden, cell))
            symbol = gumbel_softmax(sharpness * self.scores(hidden), temperature)
            symbols.append(symbol)
        return torch.stack(symbols, 1)


class Discriminator(nn.Module):
    """An LSTM that scores a sequence by its last state."""

    def __init__(self, vocab_size: int, hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(vocab_size, hidden, batch_first=True)
        self.score = nn.Linear(hidden, 1)

    def forward(self, symbols: Tensor) -> Tensor:
        """(B,) scores, the logits of "real", of relaxed sequences (B, T, V)."""
        return self.score(self.lstm(symbols)[1][0][0]).squeeze(-1)


class GumbelSoftmaxGAN(TextGenerator):
    """Gumbel-softmax GAN; defaults are variant (a), section 4, unless said otherwise.

    Args:
        hidden: units of each LSTM; not stated.
        samples: number of generated sequences a step; None for as many as real ones.
        anneal_generator: whether the generator's temperature falls too, or is 1 throughout.
        learnt_cell: whether the first cell state is learnt; else it is noise, as the hidden one is.
        first_temperature: temperature of the first step, which falls to 1.
        annealing: number of steps in which it falls, half of all.
        confidence: probability of a real symbol before it is relaxed.
        lr: Adam learning rate of both players.
    """

    knob: ClassVar[str] = "temperature"
    draws: ClassVar[str] = GUMBEL
    setting = 1.0

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        hidden: int = 64,
        samples: int | None = None,
        anneal_generator: bool = True,
        learnt_cell: bool = False,
        first_temperature: float = 5.0,
        annealing: int = 10_000,
        confidence: float = 0.9,
        lr: float = 1e-3,
    ) -> None:
        super().__init__(vocab_size, max_length)
        self.save_hyperparameters()
        self.generator = Generator(vocab_size, max_length, hidden, learnt_cell)
        self.discriminator = Discriminator(vocab_size, hidden)
        self.samples = samples
        self.anneal_generator = anneal_generator
        self.first_temperature = first_temperature
        self.annealing = annealing
        self.confidence = confidence
        self.lr = lr
        self.updates: Tensor
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def configure_optimizers(self) -> list[Optimizer]:
        return [
            Adam(self.generator.parameters(), self.lr),
            Adam(self.discriminator.parameters(), self.lr),
        ]

    def relaxation(self) -> float:
        """The temperature tau of this step: linear, then 1."""
        left = max(0.0, 1 - int(self.updates) / self.annealing)
        return 1 + (self.first_temperature - 1) * left

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        """One step of the discriminator, one of the generator (algorithm 1, lines 5 to 8)."""
        generator_optimizer, discriminator_optimizer = cast(
            "list[LightningOptimizer]", self.optimizers()
        )
        temperature = self.relaxation()
        ids = F.pad(batch.ids, (0, self.max_length - batch.ids.shape[1]), value=PAD)  # (B, T)
        scores = softened(ids, self.vocab_size, self.confidence)  # (B, T, V)
        real = gumbel_softmax(scores, temperature)
        fake = self.generator(
            self.samples or len(batch.ids), temperature if self.anneal_generator else 1.0
        )

        loss = discriminator_loss(self.discriminator(real), self.discriminator(fake.detach()))
        self.descend(loss, discriminator_optimizer)

        with self.frozen(self.discriminator):
            # log D - log(1 - D) is the score itself.
            generator_loss = -self.discriminator(fake).mean()
            self.descend(generator_loss, generator_optimizer)

        self.updates += 1
        self.log_losses({"discriminator/loss": loss, "generator/loss": generator_loss})

    @torch.no_grad()
    def sample(self, n: int, *, temperature: float = 1.0) -> TokenBatch:
        """``n`` sentences; a ``temperature`` below 1 gives up diversity for quality.

        It divides the scores before the noise is added, and is not the tau of training. The
        symbols behind a sentence's end are those that were written, not all padding.

        Raises:
            UserError: the temperature is out of range.
        """
        check_temperature(temperature)
        chunks = torch.arange(n).split(SAMPLING_BATCH)
        written = [self.generator(len(chunk), 1.0, 1 / temperature).argmax(-1) for chunk in chunks]
        ids = torch.cat(written)  # (B, T)
        return TokenBatch(ids, ((ids == PAD).cumsum(1) == 0).sum(1))
