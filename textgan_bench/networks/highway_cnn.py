"""A CNN over words with a highway layer, the discriminator of SeqGAN and those after it.

Kim (2014), "Convolutional neural networks for sentence classification", and Srivastava et al.
(2015), "Highway networks", in the form of Yu et al. (2017), "SeqGAN", appendix. Shapes: B batch,
T time, V vocabulary, E embedding, F filters in all.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textgan_bench.errors import UserError
from textgan_bench.tokens import PAD


class HighwayCNN(nn.Module):
    """Scores of sentences; padding is a symbol like any other, as in SeqGAN's code.

    Starts are those of that code: words U(-1, 1), filters N(0, .1²), their biases .1.

    Args:
        vocab_size: V, padding counted.
        max_length: T; a filter of more words is left out.
        embedding: E.
        filters: number of filters by their span, in words.
        dropout: share of the features that is left out in training.

    Raises:
        UserError: no filter is as short as a sentence may be.
    """

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        *,
        embedding: int,
        filters: Mapping[int, int],
        dropout: float,
    ) -> None:
        super().__init__()
        self.max_length = max_length
        self.dropout = dropout
        self.embedding = nn.Embedding(vocab_size, embedding)
        nn.init.uniform_(self.embedding.weight, -1.0, 1.0)
        spans = {span: n for span, n in filters.items() if span <= max_length}
        if not spans:
            raise UserError(f"filters={dict(filters)}: none spans {max_length} words or fewer")
        self.groups = nn.ModuleList(nn.Conv1d(embedding, n, span) for span, n in spans.items())
        for group in self.groups:
            nn.init.trunc_normal_(group.weight, std=0.1, a=-0.2, b=0.2)
            nn.init.constant_(group.bias, 0.1)
        self.features = sum(spans.values())
        self.highway = nn.Linear(self.features, 2 * self.features)
        nn.init.xavier_uniform_(self.highway.weight[: self.features])
        nn.init.xavier_uniform_(self.highway.weight[self.features :])
        nn.init.zeros_(self.highway.bias)
        self.score = nn.Linear(self.features, 1)
        nn.init.trunc_normal_(self.score.weight, std=0.1, a=-0.2, b=0.2)
        nn.init.constant_(self.score.bias, 0.1)

    def forward(self, ids: Tensor) -> Tensor:
        """(B,) scores, the logits of "real", of sentences ids (B, T)."""
        features = F.dropout(self.extract(ids), self.dropout, self.training)
        return self.score(features).squeeze(1)

    def extract(self, ids: Tensor) -> Tensor:
        """(B, F) features of sentences ids (B, T) after the highway layer."""
        ids = F.pad(ids, (0, self.max_length - ids.shape[1]), value=PAD)
        words = self.embedding(ids).transpose(1, 2)  # (B, E, T)
        # The largest first: what is below zero is cut off after it as it would be before.
        maxima = torch.cat([group(words).amax(2) for group in self.groups], 1).relu()  # (B, F)
        change, gate = self.highway(maxima).chunk(2, 1)
        return torch.lerp(maxima, change.relu(), gate.sigmoid())
