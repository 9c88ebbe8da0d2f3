"""An autoencoder of sentences and their styles (Shen et al., 2017).

Shapes: B batch, T time, V vocabulary, E embedding, H hidden, of which the content is a part.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from textgan_bench.losses.likelihood import drawn_mask, symbol_nll
from textgan_bench.losses.relaxation import soft_embedding
from textgan_bench.tokens import PAD, Batch, LabelledBatch, TokenBatch, TransferBatch, length_mask


class StyleVectors(nn.Linear):
    """The vector of a label: that of label 0, and what each other label adds to it.

    Weights start by Glorot and Bengio (code). Of two styles, on average the vector of label 0 has
    norm 1, that of label 1 norm 1.7. States of a recurrent layer, whose entries lie in (-1, 1), are
    about as large.
    """

    def __init__(self, styles: int, dimension: int) -> None:
        super().__init__(styles - 1, dimension)
        nn.init.xavier_uniform_(self.weight)
        limit = math.sqrt(3 / dimension)  # a bias has as many inputs as outputs, in TensorFlow
        nn.init.uniform_(self.bias, -limit, limit)

    def forward(self, labels: Tensor) -> Tensor:
        """(B, dimension) vectors of labels (B,)."""
        return super().forward(F.one_hot(labels, self.in_features + 1)[:, 1:].to(self.weight))


class StyledAutoencoder(nn.Module):
    """E and G: layers of gated recurrent units that start from a style and share word vectors."""

    EMBEDDING_NORM = 1.0  # of each word at the start, code

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        styles: int,
        embedding: int,
        style: int,
        content: int,
        dropout: float,
    ) -> None:
        super().__init__()
        hidden = style + content
        self.max_length = max_length
        self.content = content
        self.words = nn.Embedding(vocab_size, embedding)
        self.words.weight.data.renorm_(2, 0, self.EMBEDDING_NORM)
        self.encoder_style = StyleVectors(styles, style)
        self.encoder = nn.GRU(embedding, hidden, batch_first=True)
        self.generator_style = StyleVectors(styles, style)
        self.generator = nn.GRU(embedding, hidden, batch_first=True)
        self.output = nn.Linear(hidden, vocab_size)
        self.dropout = nn.Dropout(dropout)

    def encode(self, batch: LabelledBatch | TransferBatch) -> Tensor:
        """(B, content) content of sentences, read from their last word to their first."""
        positions = torch.arange(batch.ids.shape[1], device=batch.ids.device)
        backwards = (batch.lengths[:, None] - 1 - positions).clamp(min=0)  # (B, T)
        words = self.dropout(self.words(batch.ids.gather(1, backwards)))  # (B, T, E)
        lengths = batch.lengths.clamp(min=1).cpu()
        packed = pack_padded_sequence(words, lengths, batch_first=True, enforce_sorted=False)
        start = F.pad(self.encoder_style(batch.labels), (0, self.content))  # (B, H)
        return self.encoder(packed, start[None])[1][0, :, -self.content :]

    def start(self, styles: Tensor, content: Tensor) -> Tensor:
        """(B, H) states from which the generator writes ``content`` in ``styles`` (B,)."""
        return torch.cat([self.generator_style(styles), content], 1)

    def teach(self, start: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """(B, T + 1, H) states of a generator fed with sentences, (B, T) NLL of their symbols."""
        ids = F.pad(batch.ids, (0, self.max_length - batch.ids.shape[1]), value=PAD)  # (B, T)
        words = self.dropout(self.words(F.pad(ids[:, :-1], (1, 0), value=PAD)))
        states, _ = self.generator(words, start[None])  # (B, T, H)
        drawn = drawn_mask(batch.lengths, self.max_length)
        nll = symbol_nll(self.output(self.dropout(states[drawn])), ids, batch.lengths)
        return torch.cat([start[:, None], states], 1), nll

    def unroll(self, start: Tensor, word: Callable[[Tensor], Tensor]) -> tuple[Tensor, TokenBatch]:
        """(B, T + 1, H) states of a generator fed with what it writes, and the likeliest words.

        Args:
            start: (B, H) first states.
            word: function from the scores (B, V) of a word to the vector (B, E) that is fed.
        """
        states, ids = [start], []
        fed = self.words(torch.full((len(start),), PAD, device=start.device))
        for _ in range(self.max_length):
            _, state = self.generator(self.dropout(fed)[:, None], states[-1][None])
            scores = self.output(self.dropout(state[0]))
            states.append(state[0])
            ids.append(scores.argmax(-1))
            fed = word(scores)
        written = torch.stack(ids, 1)  # (B, T)
        lengths = (written != PAD).cumprod(1).sum(1)
        sentences = TokenBatch(written * length_mask(lengths, self.max_length), lengths)
        return torch.stack(states, 1), sentences

    def soft(self, start: Tensor, temperature: float) -> tuple[Tensor, TokenBatch]:
        """``unroll`` on mean words under softmax(scores / temperature), which has a gradient."""
        table = self.words.weight
        return self.unroll(start, partial(soft_embedding, table=table, temperature=temperature))

    @torch.no_grad()
    def write(self, start: Tensor) -> TokenBatch:
        """The likeliest word at each step."""
        return self.unroll(start, lambda scores: self.words(scores.argmax(-1)))[1]
