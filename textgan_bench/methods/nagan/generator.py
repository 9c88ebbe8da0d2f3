"""The generator of NAGAN: a Transformer from latents to a sentence (Huang et al., 2021, A.3.1).

It is the decoder of Gu et al. (2018), with attention to the latents in the place of the attention
to a source sentence. The MLP of eq. 8 is one layer, which gives the parameter count of Table 12.
The autoregressive generators of the ablations differ in the attention mask and in the vector read
at a position (A.4.4).

Shapes: B batch, T time, N words in a batch, V vocabulary, E embedding, H hidden width, Z latent.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor, nn

from textgan_bench.interfaces import ARGMAX
from textgan_bench.kernels.dropout import Dropout
from textgan_bench.losses.relaxation import add_gumbel_noise_, draw, straight_through_embedding
from textgan_bench.networks.packing import Padded, rows_of
from textgan_bench.networks.transformer import LatentDecoderBlock, Shape, sinusoidal_positions
from textgan_bench.tokens import PAD


class LatentTransformer(nn.Module, ABC):
    """The parts that NAGAN's generator shares with those of its ablations.

    Args:
        vocab_size: V, padding counted, which is never written.
        max_length: number of words of the longest sentence.
        shape: sizes of the Transformer.
        inputs: size of the vector that is read at a position.
        latent_dim: Z.
        temperature: softmax temperature of relaxed words.
    """

    draws: ClassVar[str] = ARGMAX
    """How words follow from scores at inference; see ``interfaces``."""

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        shape: Shape,
        *,
        inputs: int,
        latent_dim: int,
        temperature: float,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.temperature = temperature
        self.input_scale = shape.width**0.5
        self.recentred = False
        self.latents = nn.Linear(inputs, shape.width)
        self.blocks = nn.ModuleList(
            LatentDecoderBlock(shape.width, shape.heads, shape.feed_forward)
            for _ in range(shape.blocks)
        )
        self.scores = nn.Linear(shape.width, vocab_size - 1)  # score v belongs to word v + 1
        self.positions: Tensor
        self.register_buffer(
            "positions", sinusoidal_positions(max_length, shape.width), persistent=False
        )

    @abstractmethod
    def write(self, mask: Tensor, dropout: float, *, training: bool) -> Tensor:
        """(N, V - 1) scores of new sentences, noise included: words are their argmax.

        Args:
            mask: (B, T) bool, True on words.
            dropout: rate in [0, 1).
            training: whether to relax the words and add Gumbel noise, as the training step does.
        """

    @abstractmethod
    def fake(self, mask: Tensor, dropout: float, embedding: nn.Embedding) -> tuple[Tensor, Tensor]:
        """New sentences for the discriminator, with a gradient in ``embedding`` alone.

        Args:
            mask: (B, T) bool, True on words.
            dropout: rate in [0, 1).
            embedding: word vectors of the discriminator.

        Returns:
            (N, E) embedded words, and the (N, V - 1) scores whose argmax they are.
        """

    def relax(self, scores: Tensor, table: Tensor) -> Tensor:
        """(…, E) words of ``scores`` (…, V - 1) by ``table`` (V - 1, E), differentiable in scores.

        The words are those of the argmax, and their gradient is the straight-through one (eq.
        22-24).
        """
        return straight_through_embedding(scores, table, self.temperature, self.recentred)


class NonAutoregressiveTransformer(LatentTransformer):
    """All words at once, each from a latent of its own (A.3.1).

    Args:
        vocab_size: V, padding counted, which is never written.
        max_length: number of words of the longest sentence.
        shape: sizes of the Transformer.
        latent_dim: Z.
        temperature: softmax temperature of the straight-through estimator.
    """

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        shape: Shape,
        *,
        latent_dim: int,
        temperature: float,
    ) -> None:
        super().__init__(
            vocab_size,
            max_length,
            shape,
            inputs=latent_dim,
            latent_dim=latent_dim,
            temperature=temperature,
        )

    def forward(self, z: Tensor, mask: Tensor, dropout: float) -> Tensor:
        """(N, V - 1) scores of the N words of ``mask`` (B, T) from latents z (B, T, Z), eq. 7-8."""
        layout = rows_of(mask)
        return self.scores(self.hidden(layout.rows(z), layout, dropout))

    def hidden(self, z: Tensor, layout: Padded, dropout: float) -> Tensor:
        """(N, H) hidden states h of the words of ``layout`` from their latents z (N, Z), eq. 7."""
        for state in self.states(z, layout, dropout):
            hidden = state
        return hidden

    def states(self, z: Tensor, layout: Padded, dropout: float) -> Iterator[Tensor]:
        """(N, H) hidden states from latents z (N, Z): the inputs, then those of each block."""
        positions = self.positions[: layout.mask.shape[1]]  # (T, H)
        latents = self.latents(self.input_scale * z)  # (N, H)
        latents = latents + layout.rows(positions.expand(len(layout.mask), -1, -1))
        drop = Dropout(dropout)
        latents = drop(latents)
        hidden = latents
        yield hidden
        for block in self.blocks:
            hidden = block(hidden, latents, positions, layout, drop)
            yield hidden

    def draw_latents(self, mask: Tensor) -> Tensor:
        """(B, T, Z) latents from N(0, I) of sentences with the words of ``mask`` (B, T)."""
        return self.positions.new_empty(*mask.shape, self.latent_dim).normal_()

    def write(self, mask: Tensor, dropout: float, *, training: bool) -> Tensor:
        scores = self(self.draw_latents(mask), mask, dropout)
        return add_gumbel_noise_(scores) if training else scores

    def fake(self, mask: Tensor, dropout: float, embedding: nn.Embedding) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            scores = self(self.draw_latents(mask), mask, dropout)
            words = draw(scores)  # (N,) by the law of the argmax of scores with Gumbel noise
        return embedding(words + PAD + 1), scores
