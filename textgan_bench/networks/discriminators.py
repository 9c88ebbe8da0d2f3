"""Discriminators of NAGAN (Huang et al., 2021), of one-hot sentences or their mixtures.

A one-hot enters only through its product with the embedding table, so the embedded sentence stands
for it everywhere.

Shapes: B batch, T time, E embedding, H hidden width.
"""

import torch
from torch import Tensor, nn

from textgan_bench.networks.packing import Packed, Padded
from textgan_bench.networks.transformer import EncoderBlock, sinusoidal_positions
from textgan_bench.tokens import PAD, length_mask


class TransformerDiscriminator(nn.Module):
    """Transformer encoder and max-pooling (eq. 9-10, A.3.2)."""

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        width: int,
        blocks: int,
        heads: int,
        feed_forward: int,
        embedding_dim: int,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_dim)  # entries from N(0, 1)
        self.projection = nn.Linear(embedding_dim, width)
        self.blocks = nn.ModuleList(EncoderBlock(width, heads, feed_forward) for _ in range(blocks))
        self.score = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))
        self.positions: Tensor
        self.register_buffer("positions", sinusoidal_positions(max_length, width), persistent=False)

    def forward(self, embedded: Tensor, lengths: Tensor, layout: type[Padded] = Packed) -> Tensor:
        """(B,) scores, the logits of "real", of embedded sentences (B, T, E)."""
        words = layout(length_mask(lengths, embedded.shape[1]))
        return self.judge(self.projection(words.rows(embedded)), words)

    def projected_words(self) -> Tensor:
        """(V - 1, H) all words but padding as ``judge`` takes them."""
        return self.projection(self.embedding.weight[PAD + 1 :])

    def judge(self, projected: Tensor, words: Padded) -> Tensor:
        """(B,) scores of sentences from their projected words (N, H)."""
        mask = words.mask[:, :, None]  # (B, T, 1)
        positions = self.positions[: mask.shape[1]]  # (T, H)
        hidden = projected + words.rows(positions.expand(len(mask), -1, -1))  # (N, H)
        for block in self.blocks:
            hidden = block(hidden, words)
        pooled = words.pad(hidden).masked_fill(~mask, -torch.inf).amax(1)  # (B, H)
        return self.score(pooled).squeeze(-1)
