"""The networks of NAGAN's ablations: autoregressive generators, other discriminators (A.4.4).

The autoregressive generators have the architecture of NAGAN's generator "except for the attention
mask" (Huang et al., 2021). They read by the embedding of the discriminator, as in Chen et al.
(2018, "Adversarial text generation via feature-mover's distance"): only without a table of their
own do they have "the same size of parameters" as NAGAN's (4.2). As NAGAN's they are given the
length of a sentence. Before the first word they read zeros.

The CNN's blocks have batch normalisation, as in the paper, or normalise each word by itself (Ba et
al., 2016), as Gulrajani et al. (2017, section 4) advise beside a gradient penalty: with statistics
over the batch a sentence has no score, and no gradient, of its own. The paper names no activation
in a block, without which the convolutions would be linear in a row: it is a ReLU between the
normalisation and the convolution, as He et al. (2016, "Identity mappings") order them.

Shapes: B batch, T time, N words in a batch, V vocabulary, E embedding, H hidden width, Z latent.
"""

from collections.abc import Callable, Iterable
from typing import ClassVar, Literal, cast, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from textgan_bench.errors import UserError
from textgan_bench.interfaces import ARGMAX, GUMBEL
from textgan_bench.kernels.dropout import Dropout
from textgan_bench.losses.adversarial import max_gradient_penalty_of_all, one_hot_product
from textgan_bench.losses.relaxation import gumbel_noise_like, soft_embedding
from textgan_bench.methods.nagan.discriminator import (
    Discriminator,
    TransformerDiscriminator,
    perceptron,
)
from textgan_bench.methods.nagan.generator import LatentTransformer, NonAutoregressiveTransformer
from textgan_bench.networks.batch_norm import BatchNorm
from textgan_bench.networks.packing import Padded, max_pooling, rows_of
from textgan_bench.networks.transformer import LatentDecoderBlock, Shape
from textgan_bench.tokens import PAD

GeneratorKind = Literal["non_autoregressive", "autoregressive_soft", "autoregressive_gumbel"]
DiscriminatorKind = Literal["transformer", "cnn", "cnn_layer_norm", "rnn"]

KERNEL = 3  # A.4.4
DILATIONS = (1, 1, 2, 3) * 3  # A.4.4

Past = tuple[Tensor, Tensor]
"""(B, T, H) each: the inputs that a block's self-attention and positional attention have read."""


class AutoregressiveTransformer(LatentTransformer):
    """Words drawn from the softmax of their scores by Gumbel noise, at inference too (eq. 29).

    Args:
        vocab_size: V, padding counted.
        max_length: number of words of the longest sentence.
        shape: sizes of the Transformer.
        latent_dim: Z.
        temperature: softmax temperature of relaxed words.
        embedding_dim: E.
        table: function that returns the embedding (V - 1, E) by which words are read. It belongs to
            the discriminator; copies of the generator read by the same.
    """

    noisy: ClassVar[bool] = True
    draws: ClassVar[str] = GUMBEL

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        shape: Shape,
        *,
        latent_dim: int,
        temperature: float,
        embedding_dim: int,
        table: Callable[[], Tensor],
    ) -> None:
        super().__init__(
            vocab_size,
            max_length,
            shape,
            inputs=embedding_dim + latent_dim,
            latent_dim=latent_dim,
            temperature=temperature,
        )
        self.table = table

    def write(self, mask: Tensor, dropout: float, *, training: bool) -> Tensor:
        """(N, V - 1) scores, noise included; words are read relaxed in ``training``."""
        z = self.positions.new_empty(len(mask), self.latent_dim).normal_()  # (B, Z)
        return self(z, mask, dropout, training)

    def fake(self, mask: Tensor, dropout: float, embedding: nn.Embedding) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            scores = self.write(mask, dropout, training=True)
        return self.relax(scores, embedding.weight[PAD + 1 :]), scores

    def forward(self, z: Tensor, mask: Tensor, dropout: float, training: bool) -> Tensor:
        """(N, V - 1) scores of the N words of ``mask`` (B, T) from latents z (B, Z)."""
        drop, table = Dropout(dropout), self.table().detach()
        word = z.new_zeros(len(z), table.shape[1])  # (B, E)
        latents = z.new_empty(len(z), 0, self.positions.shape[1])  # (B, T, H), T as far as written
        past = [(latents, latents) for _ in self.blocks]
        written = []
        for t in range(mask.shape[1]):
            inputs = self.latents(self.input_scale * torch.cat([word, z], -1))
            x = drop(inputs + self.positions[t])[:, None]  # (B, 1, H)
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
        """``block`` under a causal mask, at the last position alone: x is (B, 1, H)."""
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
    draws: ClassVar[str] = ARGMAX

    def relax(self, scores: Tensor, table: Tensor) -> Tensor:
        return soft_embedding(scores, table, self.temperature)


class DilatedBlock(nn.Module):
    """``x + conv(relu(norm(x)))`` over time."""

    def __init__(self, norm: nn.Module, channels: int, dilation: int) -> None:
        super().__init__()
        self.norm = norm
        self.conv = nn.Conv1d(channels, channels, KERNEL, padding="same", dilation=dilation)

    def forward(self, x: Tensor, layout: Padded) -> Tensor:
        """(B, T, H) to (B, T, H), with zeros in the place of padding."""
        y = layout.pad(F.relu(self.norm(layout.rows(x)))) * layout.mask[:, :, None]
        return x + self.conv(y.transpose(1, 2)).transpose(1, 2)


class CNNDiscriminator(Discriminator):
    """12 dilated residual blocks and max-pooling (A.4.4).

    It has as many channels as a word has dimensions, 300 of both in the paper, so that the first
    block takes the words as they are.
    """

    norm: ClassVar[type[nn.Module]] = nn.LayerNorm

    def __init__(self, vocab_size: int, *, embedding_dim: int) -> None:
        super().__init__(vocab_size, embedding_dim=embedding_dim)
        self.blocks = nn.ModuleList(
            DilatedBlock(self.norm(embedding_dim), embedding_dim, dilation)
            for dilation in DILATIONS
        )
        self.score = perceptron(embedding_dim)

    def score_rows(self, projected: Tensor, layout: Padded) -> Tensor:
        hidden = layout.pad(projected)  # (B, T, H)
        for block in self.blocks:
            hidden = block(hidden, layout)
        return self.score(max_pooling(hidden, layout.mask)).squeeze(-1)


class BatchNormCNNDiscriminator(CNNDiscriminator):
    """The same with batch normalisation, by the words of a batch that is real or generated."""

    norm: ClassVar[type[nn.Module]] = BatchNorm
    capturable = False  # in fixed shapes, padding would be counted

    def scores_of_both(self, real: Tensor, fake: Tensor, lengths: Tensor) -> Tensor:
        return torch.cat([self(real, lengths), self(fake, lengths)])

    def penalty(self, points: Tensor, lengths: Tensor) -> Tensor:
        product = one_hot_product(self.words)
        return max_gradient_penalty_of_all(self, points, lengths, product)


class RNNDiscriminator(Discriminator):
    """One layer of gated recurrent units in both directions, and max-pooling (A.4.4)."""

    HIDDEN = 256  # A.4.4
    capturable = False  # lengths of packed sequences are read on the host

    def __init__(self, vocab_size: int, *, embedding_dim: int) -> None:
        super().__init__(vocab_size, embedding_dim=embedding_dim)
        self.gru = nn.GRU(embedding_dim, self.HIDDEN, batch_first=True, bidirectional=True)
        self.score = perceptron(2 * self.HIDDEN)

    def score_rows(self, projected: Tensor, layout: Padded) -> Tensor:
        packed = pack_padded_sequence(
            layout.pad(projected), layout.mask.sum(1).cpu(), batch_first=True, enforce_sorted=False
        )
        # cuDNN's recurrent layers have no second derivative, which a gradient penalty takes.
        with torch.backends.cudnn.flags(enabled=False):
            states, _ = self.gru(packed)
        hidden, _ = pad_packed_sequence(
            states, batch_first=True, total_length=layout.mask.shape[1]
        )  # (B, T, 2 H)
        return self.score(max_pooling(hidden, layout.mask)).squeeze(-1)


def build_generator(
    kind: GeneratorKind,
    vocab_size: int,
    max_length: int,
    shape: Shape,
    *,
    latent_dim: int,
    temperature: float,
    embedding_dim: int,
    table: Callable[[], Tensor],
) -> LatentTransformer:
    """A row of Table 3.

    Args:
        kind: name of the generator.
        vocab_size: V, padding counted.
        max_length: number of words of the longest sentence.
        shape: sizes of the Transformer.
        latent_dim: Z.
        temperature: softmax temperature of relaxed words.
        embedding_dim: E, of the words that an autoregressive generator reads.
        table: function that returns the embedding (V - 1, E) of these words.

    Raises:
        UserError: there is no such kind.
    """
    match kind:
        case "non_autoregressive":
            return NonAutoregressiveTransformer(
                vocab_size, max_length, shape, latent_dim=latent_dim, temperature=temperature
            )
        case "autoregressive_soft" | "autoregressive_gumbel":
            soft = kind == "autoregressive_soft"
            network = SoftAutoregressiveTransformer if soft else AutoregressiveTransformer
            return network(
                vocab_size,
                max_length,
                shape,
                latent_dim=latent_dim,
                temperature=temperature,
                embedding_dim=embedding_dim,
                table=table,
            )
    raise UserError(f"generator={kind}: choose one of {', '.join(get_args(GeneratorKind))}")


def build_discriminator(
    kind: DiscriminatorKind, vocab_size: int, max_length: int, shape: Shape, *, embedding_dim: int
) -> Discriminator:
    """A row of Table 4.

    Args:
        kind: name of the discriminator.
        vocab_size: V, padding counted.
        max_length: number of words of the longest sentence.
        shape: sizes of the Transformer.
        embedding_dim: E.

    Raises:
        UserError: there is no such kind.
    """
    match kind:
        case "transformer":
            return TransformerDiscriminator(
                vocab_size, max_length, shape, embedding_dim=embedding_dim
            )
        case "cnn":
            return BatchNormCNNDiscriminator(vocab_size, embedding_dim=embedding_dim)
        case "cnn_layer_norm":
            return CNNDiscriminator(vocab_size, embedding_dim=embedding_dim)
        case "rnn":
            return RNNDiscriminator(vocab_size, embedding_dim=embedding_dim)
    raise UserError(f"discriminator={kind}: choose one of {', '.join(get_args(DiscriminatorKind))}")
