"""A recurrent layer that is normalised. Shapes: B batch, T time, E input, H hidden."""

import torch
from torch import Tensor, nn


class LayerNormLSTM(nn.Module):
    """An LSTM layer with layer normalisation of the gates, as in Sonnet, which the code uses."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.input = nn.Linear(inputs, 4 * hidden, bias=False)
        self.recurrent = nn.Linear(hidden, 4 * hidden, bias=False)
        self.norm = nn.LayerNorm(4 * hidden)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, T, H) hidden states from inputs (B, T, E)."""
        projected = self.input(inputs)  # (B, T, 4 H)
        h = c = projected.new_zeros(len(projected), projected.shape[2] // 4)
        hidden = []
        for now in projected.unbind(1):
            update, candidate, forget, out = self.norm(now + self.recurrent(h)).chunk(4, -1)
            # Sonnet adds 1 to the forget gate, so that an untrained layer remembers.
            c = torch.sigmoid(forget + 1) * c + torch.sigmoid(update) * torch.tanh(candidate)
            h = torch.sigmoid(out) * torch.tanh(c)
            hidden.append(h)
        return torch.stack(hidden, 1)
