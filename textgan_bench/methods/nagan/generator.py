"""The generator of NAGAN: a Transformer from latents to a sentence (Huang et al., 2021, A.3.1).

It is the decoder of Gu et al. (2018), with attention to the latents in the place of the attention
to a source sentence. The autoregressive generators of the ablations differ in the mask of the
attention and in what is read at a position (A.4.4).

Shapes: B batch, T time, N words in a batch, V vocabulary, E embedding, H hidden width, Z latent.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

from textgan_bench.functional.dropout import Dropout
from textgan_bench.functional.likelihood import log_frequencies
from textgan_bench.functional.processes import process_count, process_mean
from textgan_bench.functional.relaxation import add_gumbel_noise_, straight_through_embedding
from textgan_bench.functional.row_chunks import row_chunks
from textgan_bench.methods.nagan.discriminator import ScaledEmbedding
from textgan_bench.networks.autoregressive import draw
from textgan_bench.networks.packing import Padded, rows_of
from textgan_bench.networks.transformer import LatentDecoderBlock, Shape, sinusoidal_positions
from textgan_bench.tokens import PAD

UNIGRAM_STD = 2.5
"""Deviation of normal scores around log frequencies at which their argmax comes nearest to drawing
words at these frequencies: measured on the HMM oracle, and about 3 on COCO. Gumbel scores: 1.28."""

MEMORY = 0.9
"""Share of the counts of words written so far that a batch leaves; not tuned."""

PRIOR = 0.1
"""Words added to what was expected of each and what was written; not tuned."""

NEIGHBOUR_GAIN = 4.0
"""On positional attention that starts at neighbouring places: what it adds is then about as large
as what it is added to; not tuned."""


class LatentTransformer(nn.Module, ABC):
    """The parts that NAGAN's generator and those of its ablations have in common.

    Args:
        vocab_size: V, padding counted, which is never written.
        max_length: number of words of the longest sentence.
        shape: sizes of the Transformer.
        inputs: size of what is read at a position.
        latent_dim: Z.
        temperature: softmax temperature of relaxed words.
        neighbour_start: whether positional attention is that to neighbouring places at first.
    """

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        shape: Shape,
        *,
        inputs: int,
        latent_dim: int,
        temperature: float,
        neighbour_start: bool,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.temperature = temperature
        self.latents = nn.Linear(inputs, shape.width)
        self.blocks = nn.ModuleList(
            LatentDecoderBlock(shape.width, shape.heads, shape.feed_forward)
            for _ in range(shape.blocks)
        )
        if neighbour_start:
            for block in cast("Iterable[LatentDecoderBlock]", self.blocks):
                block.positional_attention.start_at_neighbours(NEIGHBOUR_GAIN)
        # The padding symbol is never written: score v belongs to word v + 1.
        self.scores = nn.Linear(shape.width, vocab_size - 1)
        self.positions: Tensor
        self.register_buffer(
            "positions", sinusoidal_positions(max_length, shape.width), persistent=False
        )

    @torch.no_grad()
    def start_at(self, vectors: Tensor) -> None:
        """Let words of like ``vectors`` (V - 1, E) have like scores.

        The weights of a word's score are its vector, projected at random, in the size they had.
        """
        weight = self.scores.weight  # (V - 1, H)
        projection = torch.randn(vectors.shape[1], weight.shape[1]).to(weight)
        projected = vectors.to(weight) @ projection
        weight.copy_(projected * (weight.std() / projected.std()))

    @abstractmethod
    def calibrate(self, word_counts: Tensor, mask: Tensor, dropout: float) -> None:
        """Let the first words come about at their frequencies in the training set.

        Args:
            word_counts: (V - 1,).
            mask: (B, T) bool, True on words: sentences to measure on.
            dropout: that of training.
        """

    @abstractmethod
    def write(self, mask: Tensor, dropout: float, *, training: bool) -> Tensor:
        """(N, V - 1) scores from new latents, noise included: words are their argmax.

        Args:
            mask: (B, T) bool, True on words.
            dropout: rate in [0, 1).
            training: whether to relax the words and add Gumbel noise, as the training step does.
        """

    @abstractmethod
    def fake(self, mask: Tensor, dropout: float, embedding: ScaledEmbedding) -> Tensor:
        """(N, E) words of training, embedded; the gradient reaches the embedding alone."""

    def relax(self, scores: Tensor, table: Tensor) -> Tensor:
        """(…, E) embedded words of scores (…, V - 1), differentiable in these (eq. 22-24)."""
        return straight_through_embedding(scores, table, self.temperature)


class NonAutoregressiveTransformer(LatentTransformer):
    """All words at once, each from a latent of its own (A.3.1)."""

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        shape: Shape,
        *,
        latent_dim: int,
        temperature: float,
        neighbour_start: bool,
        latent_gain: float,
        score_std: float,
        frequency_rate: float,
    ) -> None:
        super().__init__(
            vocab_size,
            max_length,
            shape,
            inputs=latent_dim,
            latent_dim=latent_dim,
            temperature=temperature,
            neighbour_start=neighbour_start,
        )
        self.score_std = score_std
        self.frequency_rate = frequency_rate
        self.frequencies: Tensor  # of words in the training set
        self.register_buffer("frequencies", torch.zeros(vocab_size - 1))
        self.written: Tensor  # times that a word was expected to be, lately
        self.register_buffer("written", torch.zeros(vocab_size - 1))
        with torch.no_grad():
            for block in cast("Iterable[LatentDecoderBlock]", self.blocks):
                block.latent_attention.output.weight.mul_(latent_gain)

    @torch.no_grad()
    def calibrate(self, word_counts: Tensor, mask: Tensor, dropout: float) -> None:
        """Let the argmax of the first scores draw words about at their frequencies.

        Each word's score varies by ``score_std`` around its log frequency, stretched as much as
        makes that deviation equivalent to Gumbel noise beside the plain log frequency.

        Measured on new latents and corrected in the output layer (data-dependent initialisation,
        Salimans and Kingma, 2016, section 3): most of what a deep post-norm stack puts out at first
        is the same for all latents, and one output layer on top of it prefers a few words to all
        others.
        """
        self.frequencies.copy_(log_frequencies(word_counts).exp())
        self.written.copy_(self.frequencies * mask.sum() / (1 - MEMORY))
        self.scores.bias.zero_()
        scores = self(self._latents(mask), mask, dropout)  # (N, V - 1)
        scale = self.score_std / scores.std(0).mean()
        self.scores.weight.mul_(scale)
        stretched = self.score_std / UNIGRAM_STD * log_frequencies(word_counts)
        self.scores.bias.copy_(stretched - scale * scores.mean(0))

    def write(self, mask: Tensor, dropout: float, *, training: bool) -> Tensor:
        scores = self(self._latents(mask), mask, dropout)
        return add_gumbel_noise_(scores) if training else scores

    def fake(self, mask: Tensor, dropout: float, embedding: ScaledEmbedding) -> Tensor:
        with torch.no_grad():
            scores = self(self._latents(mask), mask, dropout)  # (N, V - 1)
            if self.frequency_rate:
                self._hold_frequencies(scores, rows_of(mask))
            # What the argmax of scores with Gumbel noise draws, without the noise.
            words = draw(scores)  # (N,)
        return embedding(words + PAD + 1)

    def forward(self, z: Tensor, mask: Tensor, dropout: float) -> Tensor:
        """(N, V - 1) scores of the N words of ``mask`` (B, T) from latents z (B, T, Z)."""
        layout = rows_of(mask)
        positions = self.positions[: z.shape[1]]  # (T, H)
        latents = self.latents(layout.rows(z)) + layout.rows(positions.expand(len(z), -1, -1))
        drop = Dropout(dropout)
        latents = drop(latents)  # (N, H)
        hidden = latents
        for block in self.blocks:
            hidden = block(hidden, latents, positions, layout, drop)
        return self.scores(hidden)

    def _hold_frequencies(self, scores: Tensor, layout: Padded) -> None:
        """Move the bias of each word to where it is drawn as often as the training text has it.

        A step of stochastic approximation (Robbins and Monro, 1951) on the expected counts of
        scores (N, V - 1). Otherwise the discriminator tells samples by their words alone, and the
        players lose rare words between them: one that is out of use has no gradient.
        """
        real = layout.rows(layout.mask)[:, None].to(scores.dtype)  # (N, 1)
        latest = torch.zeros_like(self.written)
        for rows, weights in row_chunks(scores, real):
            latest += (weights.T @ rows.softmax(-1)).squeeze(0)
        self.written.mul_(MEMORY).add_(process_mean(latest), alpha=process_count())
        expected = self.frequencies * self.written.sum()
        lack = ((expected + PRIOR) / (self.written + PRIOR)).log().clamp(-2, 2)
        self.scores.bias.add_(lack, alpha=self.frequency_rate)

    def _latents(self, mask: Tensor) -> Tensor:
        z = self.positions.new_empty(*mask.shape, self.latent_dim)
        return z.normal_()  # (B, T, Z)
