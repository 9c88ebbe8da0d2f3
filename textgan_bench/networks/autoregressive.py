"""Networks that write a sentence word by word: a GRU, an LSTM and a causal Transformer.

Shapes: B batch, T time, V vocabulary, E embedding, H hidden.

All read the padding symbol first and end a sentence by drawing it again; after ``max_length``
words a sentence ends without it (see ``losses.likelihood``).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textgan_bench.kernels.dropout import Dropout
from textgan_bench.losses.likelihood import drawn_mask, symbol_nll
from textgan_bench.losses.relaxation import draw_
from textgan_bench.networks.transformer import EncoderBlock, sinusoidal_positions
from textgan_bench.tokens import PAD, TokenBatch

SAMPLING_BATCH = 512  # more at once bring no speed, and their scores fill the memory

State = tuple[Tensor, ...]
"""The memory of a network of the words read so far; the first axis of each tensor is the batch."""


class Writer(Protocol):
    """What draws a sentence word by word."""

    max_length: int

    @property
    def output(self) -> Callable[[Tensor], Tensor]:
        """Scores of all symbols, (…, V) from hidden states (…, H)."""

    def start(self, n: int) -> State:
        """The state of ``n`` sentences before their first symbol."""

    def step(self, symbols: Tensor, state: State) -> tuple[Tensor, State]:
        """(B, H) hidden states after one more symbol (B,), and the state that holds it."""


@torch.no_grad()
def write(writer: Writer, n: int, temperature: float, device: torch.device) -> TokenBatch:
    """Draw ``n`` sentences, each symbol from the softmax of scores / ``temperature``."""
    ids = torch.full((n, writer.max_length), PAD, device=device)  # (B, T)
    for chunk in ids.split(SAMPLING_BATCH):
        _write(writer, chunk, temperature)
    return TokenBatch(ids, (ids != PAD).sum(1))


def _write(writer: Writer, ids: Tensor, temperature: float) -> None:
    """Write sentences over the padding of ``ids``; one that has ended costs nothing more."""
    live = torch.arange(len(ids), device=ids.device)
    symbols, state = ids[:, 0], writer.start(len(ids))
    for t in range(writer.max_length):
        hidden, state = writer.step(symbols, state)
        symbols = draw_(writer.output(hidden) / temperature)
        going = symbols != PAD
        live, symbols = live[going], symbols[going]
        if not len(live):
            break
        state = tuple(part[going] for part in state)
        ids[live, t] = symbols


class LanguageModel(nn.Module, ABC):
    """The part that all autoregressive networks share: scores and samples of sentences."""

    output: nn.Module
    """Scores of all symbols, (…, V) from hidden states (…, H)."""

    def __init__(self, max_length: int) -> None:
        super().__init__()
        self.max_length = max_length

    @abstractmethod
    def read(self, symbols: Tensor) -> Tensor:
        """(B, T, H) hidden states after each of ``symbols`` (B, T), the first of a sentence."""

    @abstractmethod
    def start(self, n: int) -> State:
        """The state of ``n`` sentences before their first symbol."""

    @abstractmethod
    def step(self, symbols: Tensor, state: State) -> tuple[Tensor, State]:
        """(B, H) hidden states after one more symbol (B,), and the state that holds it."""

    def forward(self, batch: TokenBatch, temperature: float = 1.0) -> Tensor:
        """(B, T) NLL in nats of words and end symbols; T is the longest row's number of them.

        It is that of sentences drawn from the softmax of logits / ``temperature``.
        """
        steps = min(int(batch.lengths.max()) + 1, self.max_length)
        ids = F.pad(batch.ids, (0, steps - batch.ids.shape[1]), value=PAD)  # (B, T), cut or padded
        hidden = self.read(F.pad(ids[:, :-1], (1, 0), value=PAD))  # (B, T, H)
        logits = self.output(hidden[drawn_mask(batch.lengths, steps)])  # (N, V)
        if temperature != 1.0:
            logits = logits / temperature
        return symbol_nll(logits, ids, batch.lengths)

    def sample(self, n: int, temperature: float) -> TokenBatch:
        """Draw ``n`` sentences, each symbol from the softmax of logits / ``temperature``."""
        return write(self, n, temperature, next(self.parameters()).device)


class RecurrentLanguageModel(LanguageModel):
    """One layer of recurrent cells between an embedding and an output layer."""

    output: nn.Linear

    def __init__(
        self, vocab_size: int, max_length: int, embedding: int, hidden: int, cells: nn.GRU | nn.LSTM
    ) -> None:
        super().__init__(max_length)
        self.embedding = nn.Embedding(vocab_size, embedding)
        self.cells = cells
        self.output = nn.Linear(hidden, vocab_size)

    def read(self, symbols: Tensor) -> Tensor:
        return cast(Tensor, self.cells(self.embedding(symbols))[0])


class GRULanguageModel(RecurrentLanguageModel):
    """Gated recurrent units (Cho et al., 2014)."""

    def __init__(self, vocab_size: int, max_length: int, embedding: int, hidden: int) -> None:
        cells = nn.GRU(embedding, hidden, batch_first=True)
        super().__init__(vocab_size, max_length, embedding, hidden, cells)

    def start(self, n: int) -> State:
        return (self.output.weight.new_zeros(n, self.cells.hidden_size),)

    def step(self, symbols: Tensor, state: State) -> tuple[Tensor, State]:
        _, hidden = self.cells(self.embedding(symbols[:, None]), state[0][None])  # (1, B, H)
        return hidden[0], (hidden[0],)


class LSTMLanguageModel(RecurrentLanguageModel):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997)."""

    def __init__(self, vocab_size: int, max_length: int, embedding: int, hidden: int) -> None:
        cells = nn.LSTM(embedding, hidden, batch_first=True)
        super().__init__(vocab_size, max_length, embedding, hidden, cells)

    def start(self, n: int) -> State:
        zeros = self.output.weight.new_zeros(n, self.cells.hidden_size)
        return zeros, zeros

    def step(self, symbols: Tensor, state: State) -> tuple[Tensor, State]:
        past = tuple(part[None] for part in state)  # (1, B, H) each
        _, (hidden, cell) = self.cells(self.embedding(symbols[:, None]), past)
        return hidden[0], (hidden[0], cell[0])


class TransformerLanguageModel(LanguageModel):
    """Post-norm Transformer blocks under a causal mask, on a projected word embedding.

    While sampling it keeps the inputs of each block, not their keys and values. It projects these
    anew at every step, which is simpler and takes a third of the time at the lengths of captions.
    """

    output: nn.Linear
    positions: Tensor

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        embedding: int,
        width: int,
        blocks: int,
        heads: int,
        feed_forward: int,
        dropout: float,
    ) -> None:
        super().__init__(max_length)
        self.dropout = dropout
        self.embedding = nn.Sequential(
            nn.Embedding(vocab_size, embedding), nn.Linear(embedding, width)
        )
        self.register_buffer("positions", sinusoidal_positions(max_length, width), persistent=False)
        self.blocks = nn.ModuleList(EncoderBlock(width, heads, feed_forward) for _ in range(blocks))
        self.output = nn.Linear(width, vocab_size)

    def read(self, symbols: Tensor) -> Tensor:
        dropout = Dropout(self.dropout if self.training else 0.0)
        hidden: Tensor = self.embedding(symbols) + self.positions[: symbols.shape[1]]  # (B, T, H)
        hidden = dropout(hidden)
        for block in self.blocks:
            hidden = block(hidden, layout=None, dropout=dropout, causal=True)
        return hidden

    def start(self, n: int) -> State:
        return (self.output.weight.new_empty(n, len(self.blocks), 0, self.output.in_features),)

    def step(self, symbols: Tensor, state: State) -> tuple[Tensor, State]:
        (past,) = state  # (B, blocks, T, H), what each block has read
        hidden = (self.embedding(symbols) + self.positions[past.shape[2]])[:, None]  # (B, 1, H)
        new = []
        for i, block in enumerate(cast(Iterable[EncoderBlock], self.blocks)):
            new.append(hidden)
            context = torch.cat([past[:, i], hidden], dim=1)  # (B, T + 1, H)
            hidden = block.norms[0](hidden, block.self_attention(hidden, context, context))
            hidden = block.norms[1](hidden, block.feed_forward(hidden))
        return hidden[:, 0], (torch.cat([past, torch.stack(new, 1)], dim=2),)
