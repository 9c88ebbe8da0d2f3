"""Networks on sentences of two sides, each told its side by a label: parts of ``decipherment``.

Shapes: B sentences, T time, N words, V vocabulary, E embedding, H hidden width.
"""

from collections.abc import Iterable
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textgan_bench.errors import UserError
from textgan_bench.networks.packing import Padded, rows_of
from textgan_bench.networks.transformer import (
    Attention,
    EncoderBlock,
    Shape,
    sinusoidal_positions,
)
from textgan_bench.tokens import PAD

SIDES = PLAIN, CIPHER = 0, 1
"""Labels c_X and c_Y."""


class Sides(NamedTuple):
    """Sentences of both sides, the plain ones first."""

    ids: Tensor
    """(2 B, T) words."""
    labels: Tensor
    """(2 B,) side of each."""
    layout: Padded
    """Rows of the N words."""
    lengths: Tensor
    """(2 B,) words of each."""

    @property
    def words(self) -> Tensor:
        """(N,) words."""
        return self.layout.rows(self.ids)

    def mean(self, values: Tensor) -> Tensor:
        """The sum over both sides of the mean over sentences of that over words, of (N,) values."""
        weights = len(SIDES) / len(self.lengths) / self.lengths.to(values)  # (2 B,)
        return (values * self.layout.rows(weights[:, None].expand(self.ids.shape))).sum()

    def cross_entropy(self, scores: Tensor) -> Tensor:
        """d (eq. 34) of the words under scores (N, V - 1), nats a sentence, summed over sides."""
        total = F.cross_entropy(scores, self.words - PAD - 1, reduction="sum")
        return total * (len(SIDES) / len(self.lengths))

    def divergence(self, known: Tensor, scores: Tensor) -> Tensor:
        """Of log probabilities ``known`` (N, V - 1) from scores (N, V - 1), in the same units."""
        log_probs = scores.log_softmax(-1)
        total = F.kl_div(log_probs, known, reduction="sum", log_target=True)
        return total * (len(SIDES) / len(self.lengths))


class Noise:
    """Drops words and swaps their order, as He et al. (2020) do, by whose name the paper goes.

    "A probabilistic formulation of unsupervised text style transfer". A sentence keeps its length,
    since the generator writes as many words as it is given: a word that is dropped leaves its place
    empty.

    Args:
        drop: probability that a word is dropped.
        shuffle: words are sorted by t + u at place t, where u is drawn evenly from 0 to this: of a
            whole number they move by fewer places.

    Raises:
        UserError: a number is out of range.
    """

    def __init__(self, drop: float, shuffle: float) -> None:
        if not 0 <= drop <= 1:
            raise UserError(f"drop is a probability, not {drop}")
        if not shuffle >= 0:
            raise UserError(f"shuffle is a number of places of at least 0, not {shuffle}")
        self.drop = drop
        self.shuffle = shuffle

    def __call__(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(B, T) noisy copy of ids (B, T), of which only those at ``mask`` (B, T) are words."""
        order = torch.arange(ids.shape[1], device=ids.device) + self.shuffle * torch.rand(
            ids.shape, device=ids.device
        )
        last = order.masked_fill(~mask, torch.inf)
        noisy = ids.gather(1, last.argsort(dim=1, stable=True))
        return noisy.masked_fill(torch.rand(ids.shape, device=ids.device) < self.drop, PAD)


class LabelledTransformer(nn.Module):
    """NAGAN's discriminator up to its blocks (A.3.2), on words and the label of their side.

    Args:
        vocab_size: V, padding counted, which stands for no word.
        max_length: number of words of the longest sentence.
        shape: sizes of the Transformer.
        embedding_dim: E.
        causal: whether a position sees those before it and itself alone.
    """

    def __init__(
        self, vocab_size: int, max_length: int, shape: Shape, *, embedding_dim: int, causal: bool
    ) -> None:
        super().__init__()
        self.causal = causal
        self.input_scale = shape.width**0.5
        self.embedding = nn.Embedding(vocab_size, embedding_dim)
        self.labels = nn.Embedding(len(SIDES), embedding_dim)
        for table in (self.embedding, self.labels):
            # They stand for linear layers over one-hots, as in NAGAN's discriminator.
            nn.init.uniform_(table.weight, -(vocab_size**-0.5), vocab_size**-0.5)
        self.projection = nn.Linear(embedding_dim, shape.width)
        self.blocks = nn.ModuleList(
            EncoderBlock(shape.width, shape.heads, shape.feed_forward) for _ in range(shape.blocks)
        )
        self.positions: Tensor
        self.register_buffer(
            "positions", sinusoidal_positions(max_length, shape.width), persistent=False
        )

    def table(self) -> Tensor:
        """(V, H) words as the blocks read them."""
        return self.project(self.embedding)

    def project(self, embedding: nn.Embedding) -> Tensor:
        """(V, H) words of vectors ``embedding`` as the blocks read them."""
        return F.linear(self.input_scale * embedding.weight, self.projection.weight)

    def forward(self, words: Tensor, labels: Tensor, layout: Padded) -> Tensor:
        """(N, H) hidden states.

        Args:
            words: (N, H) words, rows of ``table``.
            labels: (B,) side of each sentence.
            layout: rows of the N words of B sentences.
        """
        of_labels = self.projection(self.input_scale * self.labels(labels))  # (B, H)
        hidden = words + layout.rows(of_labels[:, None] + self.positions[: layout.mask.shape[1]])
        for block in self.blocks:
            hidden = block(hidden, layout, causal=self.causal)
        return hidden


class Judge(nn.Module):
    """P_D: a causal language model of both sides, which is told the side by a label."""

    def __init__(
        self, vocab_size: int, max_length: int, shape: Shape, *, embedding_dim: int
    ) -> None:
        super().__init__()
        self.transformer = LabelledTransformer(
            vocab_size, max_length, shape, embedding_dim=embedding_dim, causal=True
        )
        self.output = nn.Linear(shape.width, vocab_size - 1)

    def table(self) -> Tensor:
        """(V, H) words as they are read."""
        return self.transformer.table()

    def forward(self, words: Tensor, table: Tensor, labels: Tensor, layout: Padded) -> Tensor:
        """(N, V - 1) logits of each word, given those before it.

        Args:
            words: (N, H) words, rows of ``table`` or differentiable as such.
            table: (V, H) words as they are read; padding stands before the first of a sentence.
            labels: (B,) side of each sentence.
            layout: rows of the N words of B sentences.
        """
        padded = layout.pad(words)  # (B, T, H)
        first = table[PAD].expand(len(padded), 1, -1)
        before = torch.cat([first, padded[:, :-1]], 1)
        return self.output(self.transformer(layout.rows(before), labels, layout))


def places_of_sides(labels: Tensor, layout: Padded) -> list[Tensor]:
    """Numbers of the rows of each side, from the sides (B,) of the sentences of ``layout``."""
    sides = layout.rows(labels[:, None].expand(layout.mask.shape))  # (N,)
    return [(sides == side).nonzero().squeeze(1) for side in SIDES]


class JudgesApart(nn.Module):
    """A ``Judge`` for each side, which shares nothing with the other; the same interface.

    The words of both are read side by side, in 2 H numbers.
    """

    def __init__(
        self, vocab_size: int, max_length: int, shape: Shape, *, embedding_dim: int
    ) -> None:
        super().__init__()
        self.judges = nn.ModuleList(
            Judge(vocab_size, max_length, shape, embedding_dim=embedding_dim) for _ in SIDES
        )

    def table(self) -> Tensor:
        """(V, 2 H) words as the judge of either side reads them."""
        return torch.cat([judge.table() for judge in cast("Iterable[Judge]", self.judges)], 1)

    def forward(self, words: Tensor, table: Tensor, labels: Tensor, layout: Padded) -> Tensor:
        """(N, V - 1) logits by the judge of the side; arguments as those of ``Judge``."""
        places = places_of_sides(labels, layout)
        logits = []
        for side, judge in enumerate(self.judges):
            of_side = labels == side
            read, known = (x.chunk(len(SIDES), 1)[side] for x in (words[places[side]], table))
            logits.append(judge(read, known, labels[of_side], rows_of(layout.mask[of_side])))
        return torch.cat(logits)[torch.cat(places).argsort()]


class NoAttention(nn.Module):
    """In the place of an attention: it tells no word of another."""

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, *_: object, **__: object
    ) -> Tensor:
        """Zeros in the shape of ``value``."""
        return torch.zeros_like(value)


def leave_words_alone(transformer: nn.Module) -> None:
    """Take all attention out of a Transformer."""
    for block in transformer.modules():
        for name, child in block.named_children():
            if isinstance(child, Attention):
                setattr(block, name, NoAttention())
