"""Transformers from latents to sentences, the generators of NAGAN (Huang et al., 2021).

Shapes: B batch, T time, N words in a batch, V vocabulary, H hidden width, Z latent.
"""

from collections.abc import Iterable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textgan_bench.networks.packing import Packed, Padded
from textgan_bench.networks.transformer import LatentDecoderBlock, sinusoidal_positions

UNIGRAM_STD = 2.5
"""Deviation of normal scores around log frequencies at which their argmax comes nearest to drawing
words at these frequencies: measured on the HMM oracle, and about 3 on COCO. Gumbel scores: 1.28."""


class NonAutoregressiveTransformer(nn.Module):
    """From latents to word scores, all words at once (A.3.1)."""

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        width: int,
        blocks: int,
        heads: int,
        feed_forward: int,
        latent_dim: int,
        latent_gain: float,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.latents = nn.Linear(latent_dim, width)
        self.blocks = nn.ModuleList(
            LatentDecoderBlock(width, heads, feed_forward) for _ in range(blocks)
        )
        with torch.no_grad():
            for block in cast("Iterable[LatentDecoderBlock]", self.blocks):
                block.latent_attention.output.weight.mul_(latent_gain)
        # The padding symbol is never written: score v belongs to word v + 1.
        self.scores = nn.Linear(width, vocab_size - 1)
        self.positions: Tensor
        self.register_buffer("positions", sinusoidal_positions(max_length, width), persistent=False)

    @torch.no_grad()
    def calibrate(
        self, word_counts: Tensor, score_std: float, z: Tensor, mask: Tensor, dropout: float
    ) -> None:
        """Let the argmax of the first scores draw words about at their frequencies.

        Each word's score varies by ``score_std`` around its log frequency, stretched as much as
        makes that deviation equivalent to Gumbel noise beside the plain log frequency.

        Measured on z and corrected in the output layer (data-dependent initialisation, Salimans
        and Kingma, 2016, section 3): most of what a deep post-norm stack puts out at first is the
        same for all latents, and one output layer on top of it prefers a few words to all others.

        Args:
            word_counts: (V - 1,) in the training set; a half is added to each, so that a word
                never seen stays possible.
            score_std: positive.
            z: (B, T, Z) latents to measure on.
            mask: (B, T) bool, True on words.
            dropout: that of training.
        """
        smoothed = word_counts + 0.5
        self.scores.bias.zero_()
        scores = self(z, mask, dropout)  # (N, V - 1)
        scale = score_std / scores.std(0).mean()
        self.scores.weight.mul_(scale)
        stretched = score_std / UNIGRAM_STD * (smoothed / smoothed.sum()).log()
        self.scores.bias.copy_(stretched - scale * scores.mean(0))

    def forward(
        self, z: Tensor, mask: Tensor, dropout: float, layout: type[Padded] = Packed
    ) -> Tensor:
        """(N, V - 1) scores of the N words of ``mask`` (B, T) from latents z (B, T, Z)."""
        words = layout(mask)
        positions = self.positions[: z.shape[1]]  # (T, H)
        latents = self.latents(words.rows(z)) + words.rows(positions.expand(len(z), -1, -1))
        latents = F.dropout(latents, dropout)  # (N, H)
        hidden = latents
        for block in self.blocks:
            hidden = block(hidden, latents, positions, words, dropout)
        return self.scores(hidden)
