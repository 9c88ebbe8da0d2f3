"""The discriminator of NAGAN: a Transformer encoder and max-pooling (Huang et al., 2021, eq. 9-10).

A sentence of one-hots, or of mixtures of them, enters only by its product with the embedding table.
So the embedded sentence stands for the one-hots everywhere.

Shapes: B batch, T time, N words in a batch, V vocabulary, E embedding, H hidden width.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from textgan_bench.losses.adversarial import max_gradient_penalty, one_hot_product
from textgan_bench.networks.packing import Padded, max_pooling, rows_of
from textgan_bench.networks.transformer import EncoderBlock, Shape, sinusoidal_positions
from textgan_bench.tokens import PAD, length_mask


def perceptron(width: int) -> nn.Sequential:
    """The MLP of eq. 10, (…, H) to (…, 1)."""
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))


class Discriminator(nn.Module, ABC):
    """An embedding table, and scores of sentences of embedded words."""

    capturable: ClassVar[bool] = True
    """Whether a CUDA graph can hold its steps: nothing is read back from the device."""

    def __init__(self, vocab_size: int, *, embedding_dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_dim)
        # It stands for a linear layer over one-hots, and starts as PyTorch has that.
        bound = vocab_size**-0.5
        nn.init.uniform_(self.embedding.weight, -bound, bound)

    def forward(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """(B,) scores, the logits of "real", of embedded sentences (B, T, E)."""
        layout = rows_of(length_mask(lengths, embedded.shape[1]))
        return self.score_rows(self.project(layout.rows(embedded)), layout)

    def scores_of_both(self, real: Tensor, fake: Tensor, lengths: Tensor) -> Tensor:
        """(2 B,) scores of real, then of generated embedded sentences, each (B, T, E)."""
        return self(torch.cat([real, fake]), lengths.repeat(2))

    def penalty(self, points: Tensor, lengths: Tensor) -> Tensor:
        """Max gradient penalty (eq. 25), at the one-hots, of embedded mixtures (B, T, E)."""
        return max_gradient_penalty(self, points, lengths, one_hot_product(self.words))

    @property
    def words(self) -> Tensor:
        """(V - 1, E) embedding of all words but padding."""
        return self.embedding.weight[PAD + 1 :]

    def projected_words(self) -> Tensor:
        """(V - 1, H) all words but padding as ``score_rows`` takes them."""
        return self.project(self.words)

    def project(self, embedded: Tensor) -> Tensor:
        """(N, H) from embedded words (N, E): the first layer, if that is linear in each word."""
        return embedded

    @abstractmethod
    def score_rows(self, projected: Tensor, layout: Padded) -> Tensor:
        """(B,) scores of the sentences whose projected words (N, H) are the rows of ``layout``."""


class TransformerDiscriminator(Discriminator):
    """Transformer encoder and max-pooling (eq. 9-10, A.3.2)."""

    def __init__(
        self, vocab_size: int, max_length: int, shape: Shape, *, embedding_dim: int
    ) -> None:
        super().__init__(vocab_size, embedding_dim=embedding_dim)
        self.input_scale = shape.width**0.5
        self.projection = nn.Linear(embedding_dim, shape.width)
        self.blocks = nn.ModuleList(
            EncoderBlock(shape.width, shape.heads, shape.feed_forward) for _ in range(shape.blocks)
        )
        self.score = perceptron(shape.width)
        self.positions: Tensor
        self.register_buffer(
            "positions", sinusoidal_positions(max_length, shape.width), persistent=False
        )

    def project(self, embedded: Tensor) -> Tensor:
        return self.projection(self.input_scale * embedded)

    def score_rows(self, projected: Tensor, layout: Padded) -> Tensor:
        positions = self.positions[: layout.mask.shape[1]]  # (T, H)
        hidden = projected + layout.rows(positions.expand(len(layout.mask), -1, -1))  # (N, H)
        for block in self.blocks:
            hidden = block(hidden, layout)
        return self.score(max_pooling(layout.pad(hidden), layout.mask)).squeeze(-1)
