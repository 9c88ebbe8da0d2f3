"""Post-norm Transformer blocks (Vaswani et al., 2017) in the form of Gu et al. (2018).

Dropout is an argument of every forward pass, not a module: NAGAN keeps it at inference as its
quality-diversity knob, and the kernels of a GPU carry it out.

Hidden states are padded, (B, T, H), or in the rows (N, H) of a layout (``packing``). Shapes: B
batch, T time, N rows, H hidden width.
"""

import math
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textgan_bench.errors import UserError
from textgan_bench.kernels.attention import attention
from textgan_bench.kernels.dropout import NO_DROPOUT, Dropout
from textgan_bench.kernels.residual_norm import residual_norm
from textgan_bench.networks.packing import Padded


@dataclass(frozen=True)
class Shape:
    """Sizes of a Transformer."""

    width: int
    blocks: int
    heads: int
    feed_forward: int


def code_frequencies(width: int) -> Tensor:
    """(H / 2,) frequencies of the sines and cosines of position codes, in radians a position."""
    return torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))


def sinusoidal_positions(length: int, width: int) -> Tensor:
    """(T, H) position codes of Vaswani et al. (2017), section 3.5."""
    position = torch.arange(length)[:, None]
    frequency = code_frequencies(width)
    codes = torch.empty(length, width)
    codes[:, 0::2] = torch.sin(position * frequency)
    codes[:, 1::2] = torch.cos(position * frequency)
    return codes


class Attention(nn.Module):
    """Multi-head scaled dot-product attention.

    Its second derivative may need the math backend (``kernels.attention``), which a gradient
    penalty has to choose by ``torch.nn.attention.sdpa_kernel``.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise UserError(f"heads={heads} do not share a width of {width}")
        self.heads = heads
        # Queries, keys and values: one product for those that are made of the same states.
        self.inputs = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        layout: Padded | None = None,
        dropout: Dropout = NO_DROPOUT,
        causal: bool = False,
        others: bool = False,
    ) -> Tensor:
        """(B, T, H) from queries (B, T, H) and keys, values (B, S, H).

        A word attends to itself and those before it if ``causal``, to the ``others`` alone if so.
        With ``layout``, (N, H) from (N, H), and only its words are attended to; queries and keys
        that are the same for every sentence may then be (1, T, H), and are projected once.
        """
        states = self._project(query, key, value)
        attend = partial(attention, heads=self.heads, dropout=dropout, causal=causal, others=others)
        attended = attend(None, *states) if layout is None else layout.attend(attend, *states)
        return self.output(attended)

    def _project(self, query: Tensor, key: Tensor, value: Tensor) -> list[Tensor]:
        """Queries, keys and values, side by side in (…, n H) where n of them have one source."""
        if query is key is value:
            return [self.inputs(query)]
        sources = [list(same) for _, same in groupby((query, key, value), key=id)]
        sizes = [len(same) * query.shape[-1] for same in sources]
        layers = zip(self.inputs.weight.split(sizes), self.inputs.bias.split(sizes), strict=True)
        return [F.linear(same[0], *layer) for same, layer in zip(sources, layers, strict=True)]


class FeedForward(nn.Sequential):
    """Position-wise two-layer ReLU network, (…, H) to (…, H)."""

    def __init__(self, width: int, feed_forward: int) -> None:
        super().__init__(
            nn.Linear(width, feed_forward), nn.ReLU(inplace=True), nn.Linear(feed_forward, width)
        )


class ResidualNorm(nn.LayerNorm):
    """``LayerNorm(x + dropout(change))``, (…, H) of both to (…, H)."""

    def forward(  # type: ignore[override]
        self, x: Tensor, change: Tensor, dropout: Dropout = NO_DROPOUT
    ) -> Tensor:
        return residual_norm(x, change, self.weight, self.bias, dropout, self.eps)


class EncoderBlock(nn.Module):
    """Self-attention, then feed-forward, each as ``LayerNorm(x + dropout(f(x)))``."""

    def __init__(self, width: int, heads: int, feed_forward: int) -> None:
        super().__init__()
        self.self_attention = Attention(width, heads)
        self.feed_forward = FeedForward(width, feed_forward)
        self.norms = nn.ModuleList(ResidualNorm(width) for _ in range(2))

    def forward(
        self,
        x: Tensor,
        layout: Padded | None,
        dropout: Dropout = NO_DROPOUT,
        causal: bool = False,
    ) -> Tensor:
        """(B, T, H) to (B, T, H), or (N, H) to (N, H) with ``layout``."""
        attended = self.self_attention(x, x, x, layout, dropout, causal)
        x = self.norms[0](x, attended, dropout)
        return self.norms[1](x, self.feed_forward(x), dropout)


class LatentDecoderBlock(nn.Module):
    """Block of the non-autoregressive decoder of Gu et al. (2018), section 3.2.

    Self-attention without a causal mask, positional attention (queries and keys are the position
    codes), attention to the latents in the place of the source sentence (Huang et al., 2021,
    A.3.1), feed-forward; each as ``LayerNorm(x + dropout(f(x)))``.
    """

    def __init__(self, width: int, heads: int, feed_forward: int) -> None:
        super().__init__()
        self.self_attention = Attention(width, heads)
        self.positional_attention = Attention(width, heads)
        self.latent_attention = Attention(width, heads)
        self.feed_forward = FeedForward(width, feed_forward)
        self.norms = nn.ModuleList(ResidualNorm(width) for _ in range(4))
        self.others = True

    def forward(
        self, x: Tensor, latents: Tensor, positions: Tensor, layout: Padded, dropout: Dropout
    ) -> Tensor:
        """(N, H) from hidden states and latents (N, H) and position codes (T, H)."""
        attended = self.self_attention(x, x, x, layout, dropout, others=self.others)
        x = self.norms[0](x, attended, dropout)
        codes = positions[None]  # (1, T, H)
        attended = self.positional_attention(codes, codes, x, layout, dropout, others=self.others)
        x = self.norms[1](x, attended, dropout)
        attended = self.latent_attention(x, latents, latents, layout, dropout)
        x = self.norms[2](x, attended, dropout)
        return self.norms[3](x, self.feed_forward(x), dropout)
