"""A recurrent memory whose slots attend to each other and to the input (Santoro et al., 2018).

"Relational recurrent neural networks". With the rows R_t = [M_t; x_t W] of the memory and of the
input, a step is

    A_t = norm(R_t + attention(R_t)),   A'_t = norm(A_t + mlp(A_t)),
    M_{t+1} = sigmoid(i_t) * tanh(A'_t) + sigmoid(f_t + 1) * M_t

on the rows of the memory, where (i_t, f_t) = x_t W U + tanh(M_t) V: one gate a unit.

Two details are those of the code of Nie et al. (2019), weilinie/RelGAN. A normalisation takes the
mean and variance of all rows of a sentence together. Products of queries and keys are divided by
the root of the size of a head's query, key and value, three times that of its key.

Shapes: B batch, S slots, E input, H width of a slot.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FORGET_BIAS = 1.0
"""Constant that keeps an untrained memory; the input gate has none."""

EPSILON = 1e-12
"""Added to a variance, as by TensorFlow's ``layer_norm``."""


class JointNorm(nn.Module):
    """Layer normalisation of all rows of a sentence by one mean and one variance."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, rows: Tensor) -> Tensor:
        """(B, S, H) from rows (B, S, H), which share gain and bias (H,)."""
        shape = rows.shape[1:]
        return F.layer_norm(rows, shape, self.gain.expand(shape), self.bias.expand(shape), EPSILON)


class Inputs(NamedTuple):
    """What inputs bring to a step, whatever the memory."""

    rows: Tensor
    """(…, H) rows beside those of the memory."""
    heads: Tensor
    """(…, 3 H) queries, keys and values of ``rows``."""
    gates: Tensor
    """(…, 2 H) part of the gates."""


class RelationalMemory(nn.Module):
    """One step of a memory.

    Args:
        inputs: E, size of an input.
        slots: S, number of rows that are kept.
        heads: number of heads of the attention.
        head_size: units of a head; ``heads`` times as many are the width of a slot.
    """

    def __init__(self, inputs: int, slots: int, heads: int, head_size: int) -> None:
        super().__init__()
        width = heads * head_size
        self.slots = slots
        self.heads = heads
        self.width = width
        self.input = nn.Linear(inputs, width)
        self.projection = nn.Linear(width, 3 * width, bias=False)
        self.projection_norm = JointNorm(3 * width)
        self.attention_norm = JointNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.mlp_norm = JointNorm(width)
        self.input_gates = nn.Linear(width, 2 * width, bias=False)
        self.memory_gates = nn.Linear(width, 2 * width, bias=False)

    def start(self, n: int) -> Tensor:
        """(B, S, H) memory before the first input: rows of the identity, so that slots differ."""
        weight = self.input.weight
        first = torch.eye(self.slots, self.width, dtype=weight.dtype, device=weight.device)
        return first.expand(n, -1, -1)

    def prepare(self, vectors: Tensor) -> Inputs:
        """The part of steps that does not hang on the memory, for vectors (…, E)."""
        rows = self.input(vectors)
        return Inputs(rows, self.projection(rows), self.input_gates(rows))

    def forward(self, inputs: Inputs, memory: Tensor) -> Tensor:
        """(B, S, H) memory after one more input of each sentence."""
        rows = torch.cat([memory, inputs.rows[:, None]], 1)  # (B, S + 1, H)
        projected = torch.cat([self.projection(memory), inputs.heads[:, None]], 1)
        projected = self.projection_norm(projected)  # (B, S + 1, 3 H)
        heads = projected.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, heads, S + 1, …)
        query, key, value = heads.chunk(3, -1)
        attended = F.scaled_dot_product_attention(query, key, value, scale=heads.shape[-1] ** -0.5)
        rows = self.attention_norm(rows + attended.transpose(1, 2).flatten(2))
        rows = self.mlp_norm(rows + self.mlp(rows))
        gates = self.memory_gates(memory.tanh()) + inputs.gates[:, None]  # (B, S, 2 H)
        admit, keep = gates.chunk(2, -1)
        return admit.sigmoid() * rows[:, :-1].tanh() + (keep + FORGET_BIAS).sigmoid() * memory
