"""Recurrent networks between sentences and codes, and perceptrons on codes (Zhao et al., 2018).

All but the sizes is as in the authors' code, jakezhaojb/ARAE.

Shapes: B batch, T time, V vocabulary, E embedding, H hidden and code.
"""

from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from textgan_bench.losses.likelihood import drawn_mask, symbol_nll
from textgan_bench.losses.relaxation import draw_
from textgan_bench.networks.batch_norm import BatchNorm
from textgan_bench.networks.knobs import check_temperature
from textgan_bench.tokens import PAD, Batch, TokenBatch

DECODING_BATCH = 512  # bounds the memory of the scores; not tuned
INITIAL_RANGE = 0.1  # weights of encoder and decoder start uniform in [-0.1, 0.1], code
INITIAL_DEVIATION = 0.02  # of the weights of perceptrons, code


def _initialise(network: nn.Module) -> None:
    """Small weights: embeddings from N(0, 1) would outweigh the code, which has norm one."""
    for parameter in network.parameters():
        nn.init.uniform_(parameter, -INITIAL_RANGE, INITIAL_RANGE)


class Encoder(nn.Module):
    """The last state of an LSTM, projected to the unit sphere."""

    def __init__(self, vocab_size: int, embedding: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True)
        _initialise(self)

    def forward(self, batch: Batch) -> Tensor:
        """(B, H) codes of sentences; an empty sentence has the code of the padding symbol."""
        return F.normalize(self.last_state(batch), dim=1)

    def last_state(self, batch: Batch) -> Tensor:
        """(B, H) what the LSTM ends with, entries in (-1, 1)."""
        lengths = batch.lengths.clamp(min=1).cpu()
        words = pack_padded_sequence(
            self.embedding(batch.ids), lengths, batch_first=True, enforce_sorted=False
        )
        return cast(Tensor, self.lstm(words)[1][0][0])


class Decoder(nn.Module):
    """An LSTM that reads the code beside each symbol and starts from a state of zeros.

    Args:
        vocab_size: V.
        max_length: T.
        embedding: E.
        hidden: H.
        code: width of the codes, that of the LSTM if None.
        word_dropout: rate at which a symbol is read as zeros in training (Bowman et al., 2016).
    """

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        embedding: int,
        hidden: int,
        *,
        code: int | None = None,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.max_length = max_length
        self.word_dropout = word_dropout
        self.embedding = nn.Embedding(vocab_size, embedding)
        width = hidden if code is None else code
        self.lstm = nn.LSTM(embedding + width, hidden, batch_first=True)
        self.output = nn.Linear(hidden, vocab_size)
        _initialise(self)
        nn.init.zeros_(self.output.bias)

    def forward(self, codes: Tensor, batch: Batch) -> Tensor:
        """(B, T) NLL in nats of words and end symbols; T is the longest row's number of them."""
        steps = min(int(batch.lengths.max()) + 1, self.max_length)
        ids = F.pad(batch.ids, (0, steps - batch.ids.shape[1]), value=PAD)  # (B, T), cut or padded
        symbols = self.embedding(F.pad(ids[:, :-1], (1, 0), value=PAD))  # (B, T, E)
        if self.training and self.word_dropout > 0:
            read = torch.rand(ids.shape, device=ids.device) >= self.word_dropout
            symbols = symbols * read[..., None]
        hidden, _ = self.lstm(torch.cat([symbols, codes[:, None].expand(-1, steps, -1)], -1))
        return symbol_nll(self.output(hidden[drawn_mask(batch.lengths, steps)]), ids, batch.lengths)

    @torch.no_grad()
    def decode(self, codes: Tensor, temperature: float) -> TokenBatch:
        """A sentence for each of codes (B, H): the likeliest symbols at temperature 0.

        Raises:
            UserError: the temperature is out of range.
        """
        if temperature != 0:
            check_temperature(temperature)
        ids = torch.full((len(codes), self.max_length), PAD, device=codes.device)  # (B, T)
        for rows, part in zip(ids.split(DECODING_BATCH), codes.split(DECODING_BATCH), strict=True):
            self._write(rows, part, temperature)
        return TokenBatch(ids, (ids != PAD).sum(1))

    def _write(self, ids: Tensor, codes: Tensor, temperature: float) -> None:
        """Write sentences over the padding of ``ids``."""
        symbols, going, state = ids[:, 0], torch.ones_like(ids[:, 0], dtype=torch.bool), None
        for t in range(self.max_length):
            inputs = torch.cat([self.embedding(symbols), codes], -1)[:, None]  # (B, 1, E + H)
            hidden, state = self.lstm(inputs, state)
            logits = self.output(hidden[:, 0])  # (B, V)
            symbols = draw_(logits / temperature) if temperature > 0 else logits.argmax(-1)
            going = going & (symbols != PAD)
            if not going.any():
                break
            ids[:, t] = symbols.where(going, PAD)


class DecayingNoise(nn.Module):
    """Gaussian noise on codes, weaker by a factor every hundred steps.

    Args:
        deviation: standard deviation at the start.
        decay: factor every hundred steps.
    """

    PERIOD = 100  # code
    updates: Tensor

    def __init__(self, deviation: float, decay: float) -> None:
        super().__init__()
        self.deviation = deviation
        self.decay = decay
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def forward(self, codes: Tensor) -> Tensor:
        """(B, H) codes with noise added."""
        deviation = self.deviation * self.decay ** (self.updates // self.PERIOD)
        return codes + deviation * torch.randn_like(codes)

    def step(self) -> None:
        """Count a training step."""
        self.updates += 1


def perceptron(
    sizes: list[int], activation: nn.Module, *, normalise_first: bool, score_bias: bool = True
) -> nn.Sequential:
    """Linear layers with batch normalisation and an activation between them.

    All weights, the gains of the normalisation among them, start at N(0, 0.02^2) and all biases at
    zero (code).

    Args:
        sizes: widths of input, hidden layers and output.
        activation: nonlinearity of the hidden layers.
        normalise_first: whether the first hidden layer has batch normalisation, too; in the code
            that of a generator has it, that of a critic or a classifier has not.
        score_bias: whether the last layer has a bias; in a critic's loss it cancels.
    """
    layers: list[nn.Module] = []
    for i, (inputs, outputs) in enumerate(pairwise(sizes[:-1])):
        layers.append(nn.Linear(inputs, outputs))
        if i > 0 or normalise_first:
            layers.append(BatchNorm(outputs))
        layers.append(activation)
    layers.append(nn.Linear(sizes[-2], sizes[-1], bias=score_bias))
    network = nn.Sequential(*layers)
    for name, parameter in network.named_parameters():
        if name.endswith("weight"):
            nn.init.normal_(parameter, std=INITIAL_DEVIATION)
        else:
            nn.init.zeros_(parameter)
    return network


def critic(hidden: int) -> nn.Sequential:
    """Score (B, 1) of codes (B, H), by two layers as wide as a code; defined up to a constant."""
    sizes = [hidden, hidden, hidden, 1]
    return perceptron(sizes, nn.LeakyReLU(0.2), normalise_first=False, score_bias=False)


def spread(codes: Tensor) -> Tensor:
    """Mean distance of codes (B, H) from their mean, in [0, 1] on the unit sphere.

    It falls to zero where all sentences have one code, which is how an autoencoder collapses.
    """
    return (codes - codes.mean(0)).norm(dim=1).mean()
