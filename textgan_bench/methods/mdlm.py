"""MDLM: a masked-diffusion language model (Sahoo et al., 2024), a baseline that is no GAN.

"Simple and effective masked diffusion language models", NeurIPS 2024. Noise of time t in (0, 1]
replaces each symbol of a sentence x, independently, by the mask m with probability 1 - alpha_t = t
(the log-linear schedule). A network x_theta predicts the symbols from what is left of them. It
minimises the negative evidence lower bound in continuous time, Rao-Blackwellised,

    L_NELBO = E_t E_q(z_t | x) [ 1 / t  sum_{l: z_t^l = m} - log <x_theta^l(z_t), x^l> ],

where - alpha'_t / (1 - alpha_t) = 1 / t. By the parameterisation "SUBS" no mask is ever predicted:
the network has no score for it. What is not masked is carried over, and so costs nothing above. The
times of a batch are spread, one in each of as many equal parts (the low-discrepancy sampler). The
network does not see t, the code's default (``time_conditioning: False``). Samples come from the
moving average of its parameters.

The ancestral sampler goes from t = 1 to 0 in S steps. From t to s it draws each masked symbol with
probability (t - s) / t from x_theta^l(z_t), the symbols of a step independently of each other. So
each symbol has a step of its own, uniform among all S, which is drawn beforehand here. A step that
changes nothing runs no network (the paper's cache), and sentences need not be at the same step at
once. By the same law, min(S, T) passes write any number of sentences.

Words are drawn by inversion in float64. The authors' code draws them by Gumbel noise in float32,
which cuts off the tail as a lower temperature does (Zheng et al., 2024, "Masked diffusion models
are secretly time-agnostic masked models and exploit inaccurate categorical sampling").

Departures:

- Blocks, position codes and word vectors are those of ``TransformerMLE``, not of a DiT: both rows
  have the same network, but that every place sees all others here.
- The paper has no lengths: its code packs text into blocks without padding, or leaves padding out
  of the loss. Here padding is a symbol like any other: all T symbols are diffused, predicted and
  written. A sample ends before its first padding symbol. Symbols behind it stay in the batch, for
  data whose strings hold them.
- The last step goes to t = 0. The code's goes to 1e-5, and what is masked there becomes the
  likeliest word.

The likelihood is not known, only bounded: validation logs the bound, ``validation/nelbo``.

Shapes: B batch, T time, N masked symbols, V vocabulary, E embedding, H hidden.
"""

import copy
from typing import ClassVar, Literal, cast

import torch
import torch.nn.functional as F
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Adam

from textgan_bench.errors import UserError
from textgan_bench.interfaces import TextGenerator
from textgan_bench.kernels.dropout import NO_DROPOUT, Dropout
from textgan_bench.losses.processes import process_count, process_mean
from textgan_bench.losses.relaxation import draw_
from textgan_bench.networks.knobs import check_temperature
from textgan_bench.networks.transformer import EncoderBlock, Shape, sinusoidal_positions
from textgan_bench.tokens import PAD, TokenBatch

SHORTEST = 1e-3
"""Earliest time of training (code, ``sampling_eps``): weights 1 / t have no bound before it."""

GRADIENT_NORM = 1.0  # code, ``gradient_clip_val``

SAMPLING_BATCH = 512  # bounds the memory of the scores; not tuned

PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


def spread_times(uniform: Tensor, first: int, parts: int) -> Tensor:
    """(B,) times in [``SHORTEST``, 1], one in each of B neighbours among equal parts of it.

    Over all parts, the mean of a function has the expectation that it has at uniform times, and
    varies less (Kingma et al., 2021, "Variational diffusion models").

    Args:
        uniform: (B,) random numbers, uniform in [0, 1).
        first: number, from 0, of the part that the first time lies in.
        parts: number of parts.

    >>> spread_times(torch.tensor([0.0, 0.5]), first=0, parts=2)
    tensor([0.0010, 0.7502])
    """
    part = first + torch.arange(len(uniform), device=uniform.device)
    return SHORTEST + (1 - SHORTEST) * (part + uniform) / parts


def turns(steps: Tensor) -> Tensor:
    """(B, T) place, from 0, of each step among the different ones of its row, in ascending order.

    >>> turns(torch.tensor([[7, 2, 7, 3]]))
    tensor([[2, 0, 2, 1]])
    """
    ordered, places = steps.sort(1)
    ranks = F.pad((ordered.diff(dim=1) > 0).cumsum(1), (1, 0))
    return torch.zeros_like(ranks).scatter(1, places, ranks)


class Denoiser(nn.Module):
    """Transformer blocks over words and the mask symbol, which is number V.

    Args:
        vocab_size: V, padding counted and the mask not.
        max_length: T.
        embedding: E.
        shape: sizes of the Transformer.
    """

    positions: Tensor

    def __init__(self, vocab_size: int, max_length: int, embedding: int, shape: Shape) -> None:
        super().__init__()
        self.mask_symbol = vocab_size
        self.embedding = nn.Sequential(
            nn.Embedding(vocab_size + 1, embedding), nn.Linear(embedding, shape.width)
        )
        positions = sinusoidal_positions(max_length, shape.width)
        self.register_buffer("positions", positions, persistent=False)
        self.blocks = nn.ModuleList(
            EncoderBlock(shape.width, shape.heads, shape.feed_forward) for _ in range(shape.blocks)
        )
        self.output = nn.Linear(shape.width, vocab_size)

    def forward(self, ids: Tensor, asked: Tensor, dropout: Dropout = NO_DROPOUT) -> Tensor:
        """(N, V) scores of symbols at the places that are ``asked`` for, row by row.

        Args:
            ids: (B, T) symbols, the mask symbol among them.
            asked: (B, T) bool, True on N of those.
            dropout: of all layers.
        """
        hidden = dropout(self.embedding(ids) + self.positions)  # (B, T, H)
        for block in self.blocks:
            hidden = block(hidden, layout=None, dropout=dropout)
        return self.output(hidden[asked])

    def nelbo(
        self, ids: Tensor, times: Tensor, uniform: Tensor, dropout: Dropout = NO_DROPOUT
    ) -> Tensor:
        """(B,) estimates of the NELBO of sentences, in nats, each at one time.

        Args:
            ids: (B, T) symbols, padding among them.
            times: (B,) in (0, 1].
            uniform: (B, T) random numbers, uniform in [0, 1); those below the time are masked.
            dropout: of the network.
        """
        masked = uniform < times[:, None]
        scores = self(ids.masked_fill(masked, self.mask_symbol), masked, dropout)
        nll = F.cross_entropy(scores, ids[masked], reduction="none")  # (N,)
        return nll.new_zeros(ids.shape).masked_scatter(masked, nll).sum(1) / times


class MDLM(TextGenerator):
    """Masked diffusion; defaults are those of the authors' code (``configs/``), but for sizes.

    Args:
        embedding: E.
        width: hidden width; this and other sizes are those of ``TransformerMLE`` (paper 768, with
            12 blocks of 12 heads).
        blocks: number of blocks.
        heads: number of attention heads.
        feed_forward: width of the feed-forward layers.
        dropout: rate in training.
        lr: Adam learning rate; the code's AdamW has a weight decay of 0.
        warm_up: number of batches in which the rate rises to ``lr``.
        averaging: decay of the average of the parameters, which is smaller in the first batches.
        steps: S, number of steps of the sampler, that of the commands in the code's README. Two
            symbols share a step with probability 1 / S.
        precision: floating-point type that words are drawn in, an option so that records hold it.

    Raises:
        UserError: there are no steps, or no such precision.
    """

    knob: ClassVar[str] = "temperature"
    setting = 1.0

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        embedding: int = 300,
        width: int = 128,
        blocks: int = 5,
        heads: int = 4,
        feed_forward: int = 384,
        dropout: float = 0.1,
        lr: float = 3e-4,
        warm_up: int = 2_500,
        averaging: float = 0.9999,
        steps: int = 1_000,
        precision: Literal["float32", "float64"] = "float64",
    ) -> None:
        super().__init__(vocab_size, max_length)
        if steps < 1:
            raise UserError(f"steps={steps}: a sampler takes one step or more")
        if precision not in PRECISIONS:
            raise UserError(f"precision={precision}: choose one of {', '.join(PRECISIONS)}")
        self.save_hyperparameters()
        shape = Shape(width=width, blocks=blocks, heads=heads, feed_forward=feed_forward)
        self.denoiser = Denoiser(vocab_size, max_length, embedding, shape)
        self.average = copy.deepcopy(self.denoiser).requires_grad_(False)
        self.dropout = dropout
        self.lr = lr
        self.warm_up = warm_up
        self.averaging = averaging
        self.steps = steps
        self.precision = PRECISIONS[precision]

    @property
    def draw_dtype(self) -> torch.dtype:
        return self.precision

    @property
    def passes(self) -> int:
        """Steps that change nothing run no network, and T symbols change in T steps at most."""
        return min(self.steps, self.max_length)

    def configure_optimizers(self) -> Adam:
        return Adam(self.denoiser.parameters(), lr=self.lr)

    def training_step(self, batch: TokenBatch, batch_idx: int) -> None:
        optimizer = cast(LightningOptimizer, self.optimizers())
        batches = self.batches_done + 1
        for group in optimizer.param_groups:
            group["lr"] = self.lr * min(1.0, batches / self.warm_up)
        noise = torch.rand(len(batch.ids), self.max_length + 1, device=self.device)
        nelbo = self._nelbo(self.denoiser, batch, noise, Dropout(self.dropout))
        loss = nelbo.sum() / process_mean(batch.lengths.sum().float())
        self.descend(loss, optimizer, clip=GRADIENT_NORM)
        self._average_parameters(batches)
        self.log_losses({"generator/nelbo": loss})

    def _nelbo(
        self, network: Denoiser, batch: TokenBatch, noise: Tensor, dropout: Dropout
    ) -> Tensor:
        """(B,) NELBO in nats; the times of all processes together are spread.

        Args:
            network: the network, or its average.
            batch: sentences.
            noise: (B, T + 1) uniform random numbers: for the time, then for each symbol.
            dropout: of the network.
        """
        n, length = batch.ids.shape
        ids = F.pad(batch.ids, (0, self.max_length - length), value=PAD)  # (B, T)
        times = spread_times(noise[:, 0], self.global_rank * n, process_count() * n)
        return network.nelbo(ids, times, noise[:, 1:], dropout)

    @torch.no_grad()
    def _average_parameters(self, batches: int) -> None:
        """Let the average follow the network after this number of batches (code, ``ema.py``)."""
        decay = min(self.averaging, (1 + batches) / (10 + batches))
        average: list[Tensor] = [*self.average.parameters()]
        latest: list[Tensor] = [*self.denoiser.parameters()]
        torch._foreach_lerp_(average, latest, 1 - decay)

    def validation_step(self, batch: TokenBatch, batch_idx: int) -> dict[str, TokenBatch]:
        # The same noise at each validation: checkpoints then differ by their weights alone.
        generator = torch.Generator().manual_seed(batch_idx)
        noise = torch.rand(len(batch.ids), self.max_length + 1, generator=generator)
        nelbo = self._nelbo(self.average, batch, noise.to(self.device), NO_DROPOUT)
        words = batch.lengths.sum()
        # Weighted by words, the batches' means average to the mean of the split. As in the LM
        # score, padding adds to the sum and not to the count.
        self.log("validation/nelbo", nelbo.sum() / words, batch_size=int(words), sync_dist=True)
        return super().validation_step(batch, batch_idx)

    @torch.no_grad()
    def sample(self, n: int, *, temperature: float = 1.0) -> TokenBatch:
        """Draw ``n`` sentences; a ``temperature`` below 1 gives up diversity for quality.

        It divides the scores before a word is drawn. The symbols behind a sentence's end are those
        that were written, not all padding.

        Raises:
            UserError: the temperature is out of range.
        """
        check_temperature(temperature)
        ids = torch.full(
            (n, self.max_length), self.average.mask_symbol, device=self.device
        )  # (B, T)
        for chunk in ids.split(SAMPLING_BATCH):
            self._unmask(chunk, temperature)
        return TokenBatch(ids, ((ids == PAD).cumsum(1) == 0).sum(1))

    def _unmask(self, ids: Tensor, temperature: float) -> None:
        """Write sentences over the mask symbols of ``ids`` (B, T)."""
        when = turns(torch.randint(self.steps, ids.shape, device=self.device))  # (B, T)
        for turn in range(self.passes):
            now = when == turn
            rows = now.any(1)
            if not rows.any():
                break
            scores = self.average(ids[rows], now[rows])  # (N, V)
            ids[now] = draw_(scores.to(self.precision) / temperature)
