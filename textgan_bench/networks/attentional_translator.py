"""An LSTM that reads a sentence and one that writes another in a given style, by attention.

Bahdanau et al. (2015), "Neural machine translation by jointly learning to align and translate", in
the form of He et al. (2020), whose code is cindyxinyiwang/deep-latent-sequence-model: an encoder of
both directions, attention by one hidden layer, the context fed back (Luong et al., 2015), and the
vector of a style in the place of a first word. All styles share all weights and all word vectors.

Shapes: B batch, T time, S places read, V vocabulary, E embedding, H hidden, O other numbers.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from textgan_bench.errors import UserError
from textgan_bench.losses.likelihood import drawn_mask, symbol_nll
from textgan_bench.losses.relaxation import gumbel_noise_like, straight_through_embedding
from textgan_bench.networks.knobs import check_dropout
from textgan_bench.tokens import PAD, Batch, TokenBatch, length_mask

INITIAL_RANGE, CODE_HIDDEN = 0.1, 512  # weights start uniform in [-0.1, 0.1], 512 units, code
TEMPERATURE = 1.0  # of the Gumbel softmax, code


class Read(NamedTuple):
    """What the encoder has made of sentences; words and both ends of each are places."""

    values: Tensor
    """(B, S, 2 H) states."""
    keys: Tensor
    """(B, S, H) what they are attended by."""
    mask: Tensor
    """(B, S) bool, True on the places of a sentence."""
    hidden: Tensor
    """(B, H) that the decoder starts from."""
    cell: Tensor
    """(B, H) likewise."""


class Place(NamedTuple):
    """Where the decoder is in its sentences."""

    hidden: Tensor
    """(B, H)"""
    cell: Tensor
    """(B, H)"""
    context: Tensor
    """(B, 2 H) what it attended to."""


class Relaxed(NamedTuple):
    """Sentences drawn word by word, through which gradients pass straight."""

    words: TokenBatch
    """The sentences, as numbers."""
    scores: Tensor
    """(B, T, V) of all symbols at each place, given those drawn before."""
    perturbed: Tensor
    """(B, T, V) the same with Gumbel noise: the largest was drawn."""
    others: Tensor
    """(B, T, O) rows of the other table, of the symbols drawn."""


class AttentionalTranslator(nn.Module):
    """Sentences of any style into sentences of another; padding stands at both ends of each.

    Args:
        vocab_size: V, padding counted.
        max_length: number of words of the longest sentence.
        styles: number of styles.
        embedding: E.
        hidden: H.
        dropout: rate in training, for the words read, the weights of the attention, and, where
            words are taught, for what they are predicted from (code).
        pooling: number of neighbouring states of the encoder, an odd one, of which attention sees
            the largest entries; 1 leaves states as they are.

    Raises:
        UserError: a number is out of range.
    """

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        styles: int,
        embedding: int,
        hidden: int,
        dropout: float,
        pooling: int,
    ) -> None:
        super().__init__()
        check_dropout(dropout)
        if pooling < 1 or pooling % 2 == 0:
            raise UserError(
                f"pooling={pooling}: of an odd number of neighbours one is in the middle"
            )
        self.max_length = max_length
        self.vocab_size = vocab_size
        self.pooling = pooling
        self.words = nn.Embedding(vocab_size + 1, embedding)  # and that of a blank
        self.encoder = nn.LSTM(embedding, hidden, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * hidden, hidden, bias=False)
        self.keys = nn.Linear(2 * hidden, hidden, bias=False)
        self.styles = nn.Embedding(styles, embedding)
        self.decoder = nn.LSTMCell(embedding + 2 * hidden, hidden)
        self.query = nn.Linear(hidden, hidden)
        self.energy = nn.Linear(hidden, 1, bias=False)  # a bias would move all energies alike
        self.readout = nn.Linear(3 * hidden, hidden, bias=False)
        self.output = nn.Linear(hidden, vocab_size, bias=False)
        self.dropout = nn.Dropout(dropout)
        # Sums over fewer units are as large; otherwise small networks pass on next to nothing.
        largest = INITIAL_RANGE * (CODE_HIDDEN / hidden) ** 0.5
        for weight in self.parameters():
            nn.init.uniform_(weight, -largest, largest)

    @property
    def blank_symbol(self) -> int:
        """The index that is read for a word that noise hides; none writes it."""
        return self.vocab_size

    def read(self, batch: Batch) -> Read:
        """States of sentences, an empty one's ends included."""
        lengths = batch.lengths + 2  # the ends
        steps = int(lengths.max())
        words = self.dropout(self.words(F.pad(batch.ids, (1, 1), value=PAD)[:, :steps]))
        packed = pack_padded_sequence(words, lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, (_, cells) = self.encoder(packed)
        values, _ = pad_packed_sequence(states, batch_first=True, total_length=steps)
        mask = length_mask(lengths, steps)  # (B, S)
        if self.pooling > 1:
            outside = values.masked_fill(~mask[:, :, None], -torch.inf).transpose(1, 2)
            largest = F.max_pool1d(outside, self.pooling, stride=1, padding=self.pooling // 2)
            values = largest.transpose(1, 2).masked_fill(~mask[:, :, None], 0.0)
        cell = self.bridge(torch.cat([cells[0], cells[1]], 1))
        return Read(values, self.keys(values), mask, torch.tanh(cell), cell)

    def start(self, read: Read) -> Place:
        """The place before the first word."""
        return Place(read.hidden, read.cell, torch.zeros_like(read.values[:, 0]))

    def step(self, read: Read, place: Place, vectors: Tensor) -> tuple[Tensor, Place]:
        """(B, H) what the next symbol is predicted from after words (B, E), and its place."""
        inputs = torch.cat([vectors, place.context], 1)
        hidden, cell = self.decoder(inputs, (place.hidden, place.cell))
        layer = torch.tanh(read.keys + self.query(hidden)[:, None])  # (B, S, H)
        energies = self.energy(layer).squeeze(2).masked_fill(~read.mask, -torch.inf)
        weights = self.dropout(energies.softmax(1))  # (B, S)
        context = torch.bmm(weights[:, None], read.values).squeeze(1)  # (B, 2 H)
        prediction = torch.tanh(self.readout(torch.cat([hidden, context], 1)))
        return prediction, Place(hidden, cell, context)

    def teach(self, read: Read, styles: Tensor, batch: TokenBatch) -> Tensor:
        """(B, T) NLL in nats of words and end symbols; T is the longest row's number of them.

        Args:
            read: sentences to be rewritten.
            styles: (B,) style that each is rewritten in.
            batch: what is to be written.
        """
        steps = min(int(batch.lengths.max()) + 1, self.max_length)
        ids = F.pad(batch.ids, (0, steps - batch.ids.shape[1]), value=PAD)  # (B, T), cut or padded
        first = self.styles(styles)[:, None]
        vectors = torch.cat([first, self.words(ids[:, :-1])], 1)  # (B, T, E)
        place, predictions = self.start(read), []
        for before in vectors.unbind(1):
            prediction, place = self.step(read, place, before)
            predictions.append(prediction)
        drawn = drawn_mask(batch.lengths, steps)
        hidden = self.dropout(torch.stack(predictions, 1)[drawn])  # (N, H)
        return symbol_nll(self.output(hidden), ids, batch.lengths)

    @torch.no_grad()
    def translate(self, read: Read, styles: Tensor) -> TokenBatch:
        """The likeliest word at each step."""
        ids = torch.full((len(styles), self.max_length), PAD, device=styles.device)  # (B, T)
        place, vectors = self.start(read), self.styles(styles)
        going = torch.ones_like(styles, dtype=torch.bool)
        for t in range(self.max_length):
            prediction, place = self.step(read, place, vectors)
            chosen = self.output(prediction).argmax(1)
            going = going & (chosen != PAD)
            if not going.any():
                break
            ids[:, t] = chosen.where(going, PAD)
            vectors = self.words(chosen)
        return TokenBatch(ids, (ids != PAD).sum(1))

    def relax(self, read: Read, styles: Tensor, others: Tensor) -> Relaxed:
        """Draw a sentence of each, by Gumbel noise.

        Gradients pass as if each word were a softmax (Jang et al., 2017): those at the words read
        next, and those at ``Relaxed.others``.

        Args:
            read: sentences to be rewritten.
            styles: (B,) style that each is rewritten in.
            others: (V, O) vectors of words for whoever reads the sentences.
        """
        n, steps = len(styles), self.max_length
        table = torch.cat([self.words.weight[: self.vocab_size], others], 1)  # (V, E + O)
        sizes = [self.words.embedding_dim, others.shape[1]]
        noise = gumbel_noise_like(table.new_empty(n, steps, self.vocab_size))
        place, before = self.start(read), self.styles(styles)
        going = torch.ones_like(styles, dtype=torch.bool)
        drawn: list[tuple[Tensor, ...]] = []
        for t in range(steps):
            prediction, place = self.step(read, place, before)
            scores = self.output(prediction)  # (B, V)
            perturbed = scores + noise[:, t]
            both = straight_through_embedding(perturbed, table, TEMPERATURE)
            before, other = both.split(sizes, 1)
            chosen = perturbed.argmax(1)
            going = going & (chosen != PAD)
            drawn.append((chosen.where(going, PAD), scores, perturbed, other))
            if not going.any():
                break
        ids, *rest = (torch.stack(column, 1) for column in zip(*drawn, strict=True))
        return Relaxed(TokenBatch(ids, (ids != PAD).sum(1)), *rest)
