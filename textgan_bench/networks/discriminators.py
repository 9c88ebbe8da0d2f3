"""Discriminators of NAGAN (Huang et al., 2021), of one-hot sentences or their mixtures.

A one-hot enters only through its product with the embedding table, so the embedded sentence stands
for it everywhere.

The CNN's blocks have batch normalisation in the paper (A.4.4). Here they normalise each word by
itself (Ba et al., 2016), as Gulrajani et al. (2017, section 4) advise beside a gradient penalty:
with statistics over the batch a sentence has no score, and no gradient, of its own. The paper names
no activation in a block, without which the convolutions would be linear in a row: it is a ReLU
between the normalisation and the convolution, as He et al. (2016, "Identity mappings") order them.

Shapes: B batch, T time, N words in a batch, V vocabulary, E embedding, H hidden width.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Literal, Unpack, cast, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from textgan_bench.networks.packing import Padded, rows_of
from textgan_bench.networks.transformer import EncoderBlock, Shape, sinusoidal_positions
from textgan_bench.networks.word_vectors import ScaledEmbedding
from textgan_bench.tokens import PAD, length_mask

KERNEL = 3  # A.4.4
DILATIONS = (1, 1, 2, 3) * 3  # A.4.4
NEIGHBOUR_GAIN = 3.0  # on self-attention that starts at neighbouring places; not tuned


def max_pooling(hidden: Tensor, mask: Tensor) -> Tensor:
    """(B, H) largest of hidden states (B, T, H) at the words, where ``mask`` (B, T) is True."""
    return hidden.masked_fill(~mask[:, :, None], -torch.inf).amax(1)


def perceptron(width: int) -> nn.Sequential:
    """The MLP of eq. 10, (…, H) to (…, 1)."""
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))


class Discriminator(nn.Module, ABC):
    """An embedding table and what judges embedded words."""

    capturable: ClassVar[bool] = True
    """Whether nothing is read back from the device, as a CUDA graph needs."""

    def __init__(self, vocab_size: int, embedding_dim: int, embedding_scale: float) -> None:
        super().__init__()
        self.embedding = ScaledEmbedding(vocab_size, embedding_dim, embedding_scale)

    def forward(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """(B,) scores, the logits of "real", of embedded sentences (B, T, E)."""
        words = rows_of(length_mask(lengths, embedded.shape[1]))
        return self.judge(self.project(words.rows(embedded)), words)

    def projected_words(self) -> Tensor:
        """(V - 1, H) all words but padding as ``judge`` takes them."""
        return self.project(self.embedding.table[PAD + 1 :])

    def project(self, embedded: Tensor) -> Tensor:
        """(N, H) from embedded words (N, E): the first layer, if that is linear in each word."""
        return embedded

    @abstractmethod
    def judge(self, projected: Tensor, words: Padded) -> Tensor:
        """(B,) scores of sentences from their projected words (N, H)."""


class TransformerDiscriminator(Discriminator):
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
        embedding_scale: float,
        neighbour_start: bool,
    ) -> None:
        super().__init__(vocab_size, embedding_dim, embedding_scale)
        self.projection = nn.Linear(embedding_dim, width)
        self.blocks = nn.ModuleList(EncoderBlock(width, heads, feed_forward) for _ in range(blocks))
        if neighbour_start:
            for block in cast("Iterable[EncoderBlock]", self.blocks):
                block.self_attention.start_at_neighbours(NEIGHBOUR_GAIN)
        self.score = perceptron(width)
        self.positions: Tensor
        self.register_buffer("positions", sinusoidal_positions(max_length, width), persistent=False)

    def project(self, embedded: Tensor) -> Tensor:
        return self.projection(embedded)

    def judge(self, projected: Tensor, words: Padded) -> Tensor:
        positions = self.positions[: words.mask.shape[1]]  # (T, H)
        hidden = projected + words.rows(positions.expand(len(words.mask), -1, -1))  # (N, H)
        for block in self.blocks:
            hidden = block(hidden, words)
        return self.score(max_pooling(words.pad(hidden), words.mask)).squeeze(-1)


class DilatedBlock(nn.Module):
    """``x + conv(relu(norm(x)))`` over time."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.conv = nn.Conv1d(channels, channels, KERNEL, padding="same", dilation=dilation)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, H) to (B, T, H), zeros taken for what is not True in ``mask`` (B, T)."""
        y = F.relu(self.norm(x)) * mask[:, :, None]
        return x + self.conv(y.transpose(1, 2)).transpose(1, 2)


class CNNDiscriminator(Discriminator):
    """12 dilated residual blocks and max-pooling (A.4.4).

    It has as many channels as a word has dimensions, 300 of both in the paper, so that the first
    block takes the words as they are.
    """

    def __init__(self, vocab_size: int, embedding_dim: int, embedding_scale: float) -> None:
        super().__init__(vocab_size, embedding_dim, embedding_scale)
        self.blocks = nn.ModuleList(DilatedBlock(embedding_dim, dilation) for dilation in DILATIONS)
        self.score = perceptron(embedding_dim)

    def judge(self, projected: Tensor, words: Padded) -> Tensor:
        hidden = words.pad(projected)  # (B, T, H)
        for block in self.blocks:
            hidden = block(hidden, words.mask)
        return self.score(max_pooling(hidden, words.mask)).squeeze(-1)


class RNNDiscriminator(Discriminator):
    """One layer of gated recurrent units in both directions, and max-pooling (A.4.4)."""

    HIDDEN = 256  # A.4.4
    capturable = False  # lengths of packed sequences are read on the host

    def __init__(self, vocab_size: int, embedding_dim: int, embedding_scale: float) -> None:
        super().__init__(vocab_size, embedding_dim, embedding_scale)
        self.gru = nn.GRU(embedding_dim, self.HIDDEN, batch_first=True, bidirectional=True)
        self.score = perceptron(2 * self.HIDDEN)

    def judge(self, projected: Tensor, words: Padded) -> Tensor:
        packed = pack_padded_sequence(
            words.pad(projected), words.mask.sum(1).cpu(), batch_first=True, enforce_sorted=False
        )
        # cuDNN's recurrent layers have no second derivative, which a gradient penalty takes.
        with torch.backends.cudnn.flags(enabled=False):
            states, _ = self.gru(packed)
        hidden, _ = pad_packed_sequence(
            states, batch_first=True, total_length=words.mask.shape[1]
        )  # (B, T, 2 H)
        return self.score(max_pooling(hidden, words.mask)).squeeze(-1)


DiscriminatorKind = Literal["transformer", "cnn", "rnn"]


def build_discriminator(
    kind: DiscriminatorKind,
    vocab_size: int,
    max_length: int,
    embedding_dim: int,
    embedding_scale: float,
    neighbour_start: bool,
    **shape: Unpack[Shape],
) -> Discriminator:
    """A row of Table 4; ``shape`` and ``neighbour_start`` are those of the Transformer.

    Raises:
        ValueError: there is no such kind.
    """
    match kind:
        case "transformer":
            return TransformerDiscriminator(
                vocab_size,
                max_length,
                embedding_dim=embedding_dim,
                embedding_scale=embedding_scale,
                neighbour_start=neighbour_start,
                **shape,
            )
        case "cnn":
            return CNNDiscriminator(vocab_size, embedding_dim, embedding_scale)
        case "rnn":
            return RNNDiscriminator(vocab_size, embedding_dim, embedding_scale)
    raise ValueError(
        f"discriminator={kind}: choose one of {', '.join(get_args(DiscriminatorKind))}"
    )
