"""Convolutions and the maxima of each over time (Kim, 2014).

"Convolutional neural networks for sentence classification". Shapes: B batch, T time, H width of a
sequence.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textgan_bench.networks.packing import max_pooling
from textgan_bench.tokens import length_mask


class TextCNN(nn.Module):
    """Scores of sequences of vectors.

    A filter starts at each vector of a sequence and reads zeros beyond its end. So the score
    depends neither on padding nor on the other sequences, and a short sequence has its maxima as
    well.

    Args:
        width: H.
        spans: number of vectors under a filter, for each group of filters.
        filters: number of filters in a group.
        dropout: share of the maxima that is left out in training.
    """

    def __init__(self, width: int, spans: Sequence[int], filters: int, dropout: float) -> None:
        super().__init__()
        self.spans = spans
        self.groups = nn.ModuleList(nn.Conv1d(width, filters, span) for span in spans)
        self.score = nn.Linear(filters * len(spans), 1)
        self.dropout = dropout

    def forward(self, sequences: Tensor, lengths: Tensor) -> Tensor:
        """(B,) scores of sequences (B, T, H), of which the first ``lengths`` vectors count."""
        mask = length_mask(lengths, sequences.shape[1])
        sequences = (sequences * mask[:, :, None]).transpose(1, 2)  # (B, H, T)
        maxima = []
        for span, group in zip(self.spans, self.groups, strict=True):
            found = F.leaky_relu(group(F.pad(sequences, (0, span - 1))))
            maxima.append(max_pooling(found.transpose(1, 2), mask))  # of (B, T, filters)
        features = F.dropout(torch.cat(maxima, 1), self.dropout, self.training)
        return self.score(features).squeeze(1)
