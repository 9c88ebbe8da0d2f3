"""Options of NAGAN that its paper does not have, or does not state: see docs/nagan.md.

The paper gives neither the initialisation of its networks nor the epsilon of RAdam, and it holds no
word at its frequency. The defaults of ``Start`` do nothing of the kind.

Shapes: B batch, T time, N words in a batch, V vocabulary, E embedding, H hidden width.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from itertools import cycle
from typing import cast

import torch
from torch import Tensor, nn

from textgan_bench.errors import UserError
from textgan_bench.interfaces import Method
from textgan_bench.kernels.row_chunks import row_chunks
from textgan_bench.losses.likelihood import log_frequencies
from textgan_bench.losses.processes import process_count, process_mean
from textgan_bench.methods.nagan.cooccurrence import neighbour_counts, word_vectors
from textgan_bench.methods.nagan.discriminator import Discriminator, TransformerDiscriminator
from textgan_bench.methods.nagan.generator import LatentTransformer, NonAutoregressiveTransformer
from textgan_bench.networks.packing import rows_of
from textgan_bench.networks.transformer import (
    Attention,
    EncoderBlock,
    LatentDecoderBlock,
    code_frequencies,
)
from textgan_bench.tokens import PAD, TokenBatch, length_mask

UNIGRAM_STD = 2.5
"""Standard deviation of normal scores, around log frequencies, whose argmax comes nearest to
drawing words at these frequencies: measured on the HMM oracle; about 3 on COCO. Gumbel noise has
1.28."""

MEASURED = 256
"""Sentences that the first scores are measured on; not tuned."""

MEMORY = 0.9
"""Share of the counts of written words that is kept at the next batch; not tuned."""

PRIOR = 0.1
"""Count added to the expected and to the written count of each word; not tuned."""

NEIGHBOURS = (-2, -1, 1, 2)
"""Offsets, in words, of the neighbours that heads look at in turn."""

SHARPNESS = 6.0
"""Factor on the queries for neighbours: at width 128 a head gives them four fifths of its
attention."""

CODE_SIZE = 0.5**0.5
"""Root of the mean square of sines and cosines."""

GENERATOR_GAIN = 4.0
"""Factor on the output of positional attention that looks at neighbours, which makes it about as
large as the state that it is added to; not tuned."""

DISCRIMINATOR_GAIN = 3.0
"""The same factor for self-attention of the discriminator; not tuned."""


@dataclass(frozen=True)
class Start:
    """Not in the paper; see docs/nagan.md. The defaults leave all of it out.

    Args:
        score_std: standard deviation over the latents of a word's first scores, whose means follow
            the frequencies of words (Gumbel noise has 1.28); None for PyTorch's output layer. An
            autoregressive generator takes the frequencies alone.
        latent_scale: factor on the latents as inputs; None for the root of the width.
        word_vectors: whether words with like neighbours in the training text start alike to both
            players.
        neighbours: whether attention (positional in the generator, self-attention in the
            discriminator's Transformer) starts at the two words on either side.
        frequency_rate: step size at which the output bias is pulled towards the frequencies of
            words in the training text; for the non-autoregressive generator.
        warm_up: batches in which the learning rate of the generator grows to its value.
        young_average: whether gamma of the parameter average is at most (1 + t) / (4 + t) after t
            updates, so that a short run is not the average of its start.
        epsilon: RAdam's epsilon for the generator. Gradients of rare words' scores are of 1e-9,
            those of other layers of 1e-3: at RAdam's own 1e-8, noise moves these words out of use.
    """

    score_std: float | None = None
    latent_scale: float | None = None
    word_vectors: bool = False
    neighbours: bool = False
    frequency_rate: float = 0.0
    warm_up: int = 0
    young_average: bool = False
    epsilon: float = 1e-8

    @torch.no_grad()
    def prepare(self, generator: LatentTransformer, discriminator: Discriminator) -> None:
        """Apply the options to new networks.

        Raises:
            UserError: words of an autoregressive generator are to be held.
        """
        if self.frequency_rate and not isinstance(generator, NonAutoregressiveTransformer):
            raise UserError("an autoregressive generator has no start.frequency_rate: set it to 0")
        if self.latent_scale is not None:
            generator.input_scale = self.latent_scale
        if self.word_vectors and isinstance(discriminator, TransformerDiscriminator):
            # Vectors are then as large as the root of the width would make them. A step of RAdam
            # has one size whatever the gradient, so that words turn over as much more slowly.
            discriminator.input_scale = 1.0
        if not self.neighbours:
            return
        for block in cast("Iterable[LatentDecoderBlock]", generator.blocks):
            look_at_neighbours(block.positional_attention, GENERATOR_GAIN)
        if isinstance(discriminator, TransformerDiscriminator):
            for encoder in cast("Iterable[EncoderBlock]", discriminator.blocks):
                look_at_neighbours(encoder.self_attention, DISCRIMINATOR_GAIN)

    @torch.no_grad()
    def begin(
        self,
        method: Method,
        generator: LatentTransformer,
        discriminator: Discriminator,
        frequencies: "Frequencies",
        word_counts: Tensor,
        length_counts: Tensor,
        dropout: float,
    ) -> None:
        """Apply the options that need the training text, before the first step.

        Args:
            method: method that trains, in its trainer.
            generator: generator of the method.
            discriminator: discriminator of the method.
            frequencies: module that holds the words of the method.
            word_counts: (V - 1,) counts of each word in the text of all processes.
            length_counts: (T + 1,) counts of each length there.
            dropout: rate of dropout in training.
        """
        if self.word_vectors:
            vectors = vectors_of_training_text(method, discriminator.embedding.embedding_dim)
            start_at_vectors(generator, discriminator, vectors)
        if self.score_std is not None or self.frequency_rate:
            lengths = torch.multinomial(length_counts, MEASURED, replacement=True)
            mask = length_mask(lengths, method.max_length)
            if self.frequency_rate:
                frequencies.begin(word_counts, mask)
            if self.score_std is not None:
                calibrate(generator, word_counts, mask, dropout, self.score_std)
        # Each process drew numbers of its own.
        broadcast = method.trainer.strategy.broadcast
        for module in (generator, frequencies):
            module.load_state_dict(broadcast(module.state_dict()))


PAPER = Start()

torch.serialization.add_safe_globals([Start])  # a hyper-parameter, and so part of checkpoints


@torch.no_grad()
def look_at_neighbours(attention: Attention, gain: float) -> None:
    """Let the heads attend, by position codes alone, to the words -2, -1, 1 and 2 further on.

    A query is a position code turned to the position that it looks for (Vaswani et al., 2017,
    section 3.5). Each head takes the fastest frequencies that it has room for, since these tell
    neighbours apart. The same weights read states that hold more than position codes.

    Args:
        attention: layer whose queries, keys and output weights are changed.
        gain: factor on the output weights.
    """
    width, size = attention.output.in_features, attention.output.in_features // attention.heads
    query, key = attention.inputs.weight[: 2 * width].zero_().view(2, attention.heads, size, width)
    attention.inputs.bias[: 2 * width].zero_()
    sine = torch.arange(0, size - 1, 2)
    cosine = sine + 1
    frequency = code_frequencies(width)[: len(sine)]
    key[:, sine, sine] = key[:, cosine, cosine] = 1.0
    for head, offset in zip(query, cycle(NEIGHBOURS)):
        angle = offset * frequency
        head[sine, sine] = head[cosine, cosine] = SHARPNESS * angle.cos()
        head[sine, cosine] = SHARPNESS * angle.sin()
        head[cosine, sine] = -SHARPNESS * angle.sin()
    attention.output.weight.mul_(gain)


def vectors_of_training_text(method: Method, dimension: int) -> Tensor:
    """(V, E) vectors of words from their neighbours in the text of all processes.

    Args:
        method: method that trains, in its trainer.
        dimension: E.
    """
    strategy = method.trainer.strategy
    text = cast("Iterable[TokenBatch]", method.trainer.train_dataloader)
    of_rank = neighbour_counts((batch.ids for batch in text), method.vocab_size)
    of_all = (strategy.broadcast(of_rank, rank) for rank in range(method.trainer.world_size))
    return word_vectors(reduce(torch.add, of_all), dimension).to(method.device)


@torch.no_grad()
def start_at_vectors(
    generator: LatentTransformer, discriminator: Discriminator, vectors: Tensor
) -> None:
    """Start words with similar ``vectors`` (V, E) alike, for both players.

    The vectors become the discriminator's embedding, of a size at which words enter it as strongly
    as position codes. The generator's weights of a word's score become its vector, projected at
    random and scaled to the size that the weights had.
    """
    vectors = vectors.to(discriminator.embedding.weight)
    entered = discriminator.project(vectors) - discriminator.project(torch.zeros_like(vectors))
    discriminator.embedding.weight.copy_(vectors * (CODE_SIZE / entered.square().mean().sqrt()))
    weight = generator.scores.weight  # (V - 1, H)
    projection = torch.randn(vectors.shape[1], weight.shape[1]).to(weight)
    projected = vectors[PAD + 1 :].to(weight) @ projection
    weight.copy_(projected * (weight.std() / projected.std()))


@torch.no_grad()
def calibrate(
    generator: LatentTransformer,
    word_counts: Tensor,
    mask: Tensor,
    dropout: float,
    score_std: float,
) -> None:
    """Make the first words as frequent as in the training text.

    Each word's score then varies by ``score_std`` around its log frequency. The log frequencies are
    stretched so that this deviation does what Gumbel noise does around plain log frequencies.

    Scores are measured on new latents, and the output layer is corrected (data-dependent
    initialisation, Salimans and Kingma, 2016, section 3). Without this, most of the first output of
    a deep post-norm stack is the same for all latents, and its output layer prefers a few words to
    all others. Words of an autoregressive generator are drawn from the softmax, or are the softmax:
    only their bias is set, and nothing is measured.

    Args:
        generator: network whose output layer is changed.
        word_counts: (V - 1,) counts of each word in the training text.
        mask: (B, T) bool, True on the words of the sentences to measure on.
        dropout: rate of dropout in training.
        score_std: standard deviation of a word's scores.
    """
    if not isinstance(generator, NonAutoregressiveTransformer):
        generator.scores.bias.copy_(log_frequencies(word_counts))
        return
    generator.scores.bias.zero_()
    scores = generator(generator.draw_latents(mask), mask, dropout)  # (N, V - 1)
    scale = score_std / scores.std(0).mean()
    generator.scores.weight.mul_(scale)
    stretched = score_std / UNIGRAM_STD * log_frequencies(word_counts)
    generator.scores.bias.copy_(stretched - scale * scores.mean(0))


class Frequencies(nn.Module):
    """Holds the words of the generator at their frequencies in the training text.

    Without it the discriminator separates samples by word frequency alone, and rare words die out:
    a word that is out of use has no gradient.

    Args:
        vocab_size: V, padding counted.
        rate: step size; 0 holds nothing.
    """

    def __init__(self, vocab_size: int, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.frequencies: Tensor  # of words in the training text
        self.register_buffer("frequencies", torch.zeros(vocab_size - 1))
        self.written: Tensor  # times that a word was expected to be, lately
        self.register_buffer("written", torch.zeros(vocab_size - 1))

    def begin(self, word_counts: Tensor, mask: Tensor) -> None:
        """Store the frequencies of ``word_counts`` (V - 1,), and count words as written so often.

        ``mask`` (B, T) is True on as many words as a batch has.
        """
        self.frequencies.copy_(log_frequencies(word_counts).exp())
        self.written.copy_(self.frequencies * mask.sum() / (1 - MEMORY))

    @torch.no_grad()
    def hold(self, generator: LatentTransformer, scores: Tensor, mask: Tensor) -> None:
        """Move the bias of each word to where it is drawn as often as the training text has it.

        A step of stochastic approximation (Robbins and Monro, 1951) on the expected counts of the
        words that ``scores`` (N, V - 1) draw for the words of ``mask`` (B, T).
        """
        if not self.rate:
            return
        real = rows_of(mask).rows(mask)[:, None].to(scores.dtype)  # (N, 1)
        latest = torch.zeros_like(self.written)
        for rows, weights in row_chunks(scores, real):
            latest += (weights.T @ rows.softmax(-1)).squeeze(0)
        self.written.mul_(MEMORY).add_(process_mean(latest), alpha=process_count())
        expected = self.frequencies * self.written.sum()
        lack = ((expected + PRIOR) / (self.written + PRIOR)).log().clamp(-2, 2)
        generator.scores.bias.add_(lack, alpha=self.rate)
