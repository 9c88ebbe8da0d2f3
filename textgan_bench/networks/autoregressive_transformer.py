"""Transformers that read each word before they write the next, for NAGAN's ablation (A.4.4).

They read by the embedding of the discriminator, as in Chen et al. (2018, "Adversarial text
generation via feature-mover's distance"): only without a table of their own do they have "the same
size of parameters" as the non-autoregressive one (Huang et al., 2021, 4.2), which they replace, and
like which they are given the length of a sentence. What is read before the first word is zero.

Shapes: B batch, T time, N words in a batch, V vocabulary, E embedding, H hidden width, Z latent.
"""

from collections.abc import Iterable
from typing import ClassVar, Unpack, cast

import torch
from torch import Tensor

from textgan_bench.functional.dropout import Dropout
from textgan_bench.functional.likelihood import log_frequencies
from textgan_bench.functional.relaxation import gumbel_noise_like, soft_embedding
from textgan_bench.networks.latent_transformer import LatentTransformer
from textgan_bench.networks.packing import rows_of
from textgan_bench.networks.transformer import LatentDecoderBlock, Shape

Past = tuple[Tensor, Tensor]
"""(B, T, H) each: what a block's attention to the words, and its positional one, have read."""


class AutoregressiveTransformer(LatentTransformer):
    """Words drawn from the softmax of their scores by Gumbel noise, at inference too (eq. 29)."""

    noisy: ClassVar[bool] = True

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        latent_dim: int,
        temperature: float,
        neighbour_start: bool,
        embedding_dim: int,
        **shape: Unpack[Shape],
    ) -> None:
        inputs = embedding_dim + latent_dim
        super().__init__(
            vocab_size, max_length, inputs, latent_dim, temperature, neighbour_start, shape
        )

    @torch.no_grad()
    def calibrate(self, word_counts: Tensor, mask: Tensor, dropout: float) -> None:
        """Let the softmax of the first scores be about the frequencies of words.

        Words are drawn from the softmax, or are the softmax: nothing is to be measured, since no
        deviation over the latents has to take the place of a draw.
        """
        self.scores.bias.copy_(log_frequencies(word_counts))

    def write(self, mask: Tensor, dropout: float, table: Tensor, *, training: bool) -> Tensor:
        z = self.positions.new_empty(len(mask), self.latent_dim).normal_()  # (B, Z)
        return self(z, mask, dropout, table, training)

    def forward(
        self,
        z: Tensor,
        mask: Tensor,
        dropout: float,
        table: Tensor,
        training: bool,
    ) -> Tensor:
        """(N, V - 1) scores of the N words of ``mask`` (B, T) from latents z (B, Z).

        Noise is included; words are read by ``table`` (V - 1, E), relaxed in ``training``.
        """
        drop = Dropout(dropout)
        word = z.new_zeros(len(z), table.shape[1])  # (B, E)
        latents = z.new_empty(len(z), 0, self.positions.shape[1])  # (B, T, H), T as far as written
        past = [(latents, latents) for _ in self.blocks]
        written = []
        for t in range(mask.shape[1]):
            inputs = self.latents(torch.cat([word, z], -1)) + self.positions[t]
            x = drop(inputs)[:, None]  # (B, 1, H)
            latents = torch.cat([latents, x], 1)
            for i, block in enumerate(cast("Iterable[LatentDecoderBlock]", self.blocks)):
                x, past[i] = self._step(block, x, past[i], latents, drop)
            scores = self.scores(x[:, 0])  # (B, V - 1)
            if self.noisy:
                scores = scores + gumbel_noise_like(scores)
            written.append(scores)
            word = self.relax(scores, table) if training else table[scores.argmax(-1)]
        return rows_of(mask).rows(torch.stack(written, 1))

    def _step(
        self, block: LatentDecoderBlock, x: Tensor, past: Past, latents: Tensor, dropout: Dropout
    ) -> tuple[Tensor, Past]:
        """``block`` under a causal mask, at the last place alone: x is (B, 1, H)."""
        words = torch.cat([past[0], x], 1)  # (B, T, H)
        attended = block.self_attention(x, words, words, dropout=dropout)
        x = block.norms[0](x, attended, dropout)
        values = torch.cat([past[1], x], 1)
        codes = self.positions[: values.shape[1]].expand_as(values)
        attended = block.positional_attention(codes[:, -1:], codes, values, dropout=dropout)
        x = block.norms[1](x, attended, dropout)
        attended = block.latent_attention(x, latents, latents, dropout=dropout)
        x = block.norms[2](x, attended, dropout)
        return block.norms[3](x, block.feed_forward(x), dropout), (words, values)


class SoftAutoregressiveTransformer(AutoregressiveTransformer):
    """Words that are the softmax of their scores, and the likeliest ones at inference (A.4.4)."""

    noisy: ClassVar[bool] = False

    def relax(self, scores: Tensor, table: Tensor) -> Tensor:
        return soft_embedding(scores, table, self.temperature)
