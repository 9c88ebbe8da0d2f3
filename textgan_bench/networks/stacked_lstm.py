"""Many independent small LSTMs computed together: each step is one batched matrix product.

Shapes: R runs, B batch, T time, V vocabulary, H hidden.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

State = tuple[Tensor, Tensor]


class StackedLinear(nn.Module):
    """R linear layers."""

    def __init__(self, runs: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = inputs**-0.5  # that of torch.nn.Linear
        self.weight = nn.Parameter(torch.empty(runs, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(runs, 1, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """(R, N, outputs) from (R, N, inputs), N rows of any meaning."""
        return torch.baddbmm(self.bias, x, self.weight)


class StackedLSTM(nn.Module):
    """R LSTM layers over one-hot symbols."""

    def __init__(self, runs: int, vocab_size: int, hidden: int) -> None:
        super().__init__()
        self.runs = runs
        self.hidden = hidden
        bound = hidden**-0.5  # that of torch.nn.LSTM
        # The product of a one-hot symbol and a matrix is a row of the matrix.
        self.symbols = nn.Parameter(torch.empty(runs, vocab_size, 4 * hidden))
        self.recurrent = nn.Parameter(torch.empty(runs, hidden, 4 * hidden))
        self.bias = nn.Parameter(torch.empty(runs, 1, 4 * hidden))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def start(self, n: int) -> State:
        """The state of ``n`` sequences of each run before their first symbol, twice (R, B, H)."""
        zeros = self.bias.new_zeros(self.runs, n, self.hidden)
        return zeros, zeros

    def step(self, symbols: Tensor, state: State) -> State:
        """The state after one more symbol, (R, B)."""
        return self._update(self._inputs(symbols), state)

    def forward(self, symbols: Tensor) -> Tensor:
        """(R, B, T, H) hidden states after each of ``symbols`` (R, B, T)."""
        state, hidden = self.start(symbols.shape[1]), []
        for inputs in self._inputs(symbols).unbind(2):
            state = self._update(inputs, state)
            hidden.append(state[0])
        return torch.stack(hidden, 2)

    def _inputs(self, symbols: Tensor) -> Tensor:
        """(R, B, …, 4 H) what the gates get from ``symbols`` (R, B, …)."""
        runs = torch.arange(self.runs, device=symbols.device)
        first = runs.view(-1, *[1] * (symbols.ndim - 1)) * self.symbols.shape[1]
        return F.embedding(symbols + first, self.symbols.flatten(0, 1))

    def _update(self, inputs: Tensor, state: State) -> State:
        h, c = state
        gates = torch.baddbmm(inputs + self.bias, h, self.recurrent)  # (R, B, 4 H)
        update, forget, candidate, out = gates.chunk(4, -1)
        c = torch.sigmoid(forget) * c + torch.sigmoid(update) * torch.tanh(candidate)
        return torch.sigmoid(out) * torch.tanh(c), c
