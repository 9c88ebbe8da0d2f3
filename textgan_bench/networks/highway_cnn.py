"""A CNN over words with a highway layer, the discriminator of SeqGAN and those after it.

Kim (2014), "Convolutional neural networks for sentence classification", and Srivastava et al.
(2015), "Highway networks", in the form of Yu et al. (2017), "SeqGAN", appendix. Shapes: B batch,
T time, V vocabulary, E embedding, F filters in all.
"""

from collections.abc import Iterator, Mapping
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textgan_bench.errors import UserError
from textgan_bench.tokens import PAD

JUDGED = 1_024
"""Sentences that are judged at a time: more of them leave the cache."""

MANY = 4
"""Words to be judged for each of the vocabulary, from which on tables are faster; measured."""


class HighwayCNN(nn.Module):
    """Scores of sentences; padding is a symbol like any other, as in SeqGAN's code.

    Starts are those of that code: words U(-1, 1), filters N(0, .1²), their biases .1.

    Args:
        vocab_size: V, padding counted.
        max_length: T; a filter of more words is left out.
        embedding: E.
        filters: number of filters by their span, in words, 0 for none.
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
        spans = {span: n for span, n in filters.items() if n and span <= max_length}
        if not spans:
            raise UserError(f"filters={dict(filters)}: none spans {max_length} words or fewer")
        groups = [nn.Conv1d(embedding, n, span) for span, n in spans.items()]
        for group in groups:
            assert group.bias is not None
            nn.init.trunc_normal_(group.weight, std=0.1, a=-0.2, b=0.2)
            nn.init.constant_(group.bias, 0.1)
        self.groups = nn.ModuleList(groups)
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
        return self.carry(torch.cat([group(words).amax(2) for group in self.groups], 1))

    def carry(self, maxima: Tensor) -> Tensor:
        """(B, F) features from the largest value of each filter (B, F), before its ReLU.

        What is below zero is cut off after the maximum as it would be before.
        """
        maxima = maxima.relu()
        change, gate = self.highway(maxima).chunk(2, 1)
        return torch.lerp(maxima, change.relu(), gate.sigmoid())

    def penalty(self) -> Tensor:
        """L2 penalty on the output layer, which has one logit for the two of SeqGAN's code.

        Of two logits, the halves of the penalties of both are least if they share the weights:
        w²/4 in all for their difference w.
        """
        return (self.score.weight.square().sum() + self.score.bias.square().sum()) / 4

    @torch.no_grad()
    def judge(self, ids: Tensor, shared: Tensor | None = None, repetitions: int = 1) -> Tensor:
        """(R,) scores of many sentences ids (R, T), without dropout and without a gradient.

        Args:
            ids: sentences.
            shared: (R,) number of first words that are equal within each run of ``repetitions``
                rows. Equal numbers stand side by side.
            repetitions: rows of a run.
        """
        # A filter is a sum over its words of what each gives at its place. Looked up where that
        # was computed for each word of the vocabulary before, it takes a fifth of the time.
        many = ids.device.type == "cpu" and ids.numel() >= MANY * self.embedding.num_embeddings
        tables = [self._table(group) for group in self.groups] if many else []
        scores = []
        for part, known in _parts(ids, shared if many else None, repetitions):
            if many:
                maxima = self.score.weight.new_empty(len(part), self.features)
                columns = maxima.split([table.shape[1] for table in tables], 1)
                for group, table, out in zip(self.groups, tables, columns, strict=True):
                    _put_largest(part, known, repetitions, group, table, out)
                features = self.carry(maxima)
            else:
                features = self.extract(part)
            scores.append(self.score(features).squeeze(1))
        return torch.cat(scores)

    def _table(self, group: nn.Module) -> Tensor:
        """(S V, filters) of a group: what each word gives at each of the S places of a filter."""
        places = cast(nn.Conv1d, group).weight.unbind(2)  # S times (filters, E)
        return torch.cat([self.embedding.weight @ place.T for place in places])


def _parts(ids: Tensor, shared: Tensor | None, repetitions: int) -> Iterator[tuple[Tensor, int]]:
    """Sentences that are judged at a time, and the number of first words that their runs share."""
    if shared is None or not len(ids):
        yield from ((part, 0) for part in ids.split(JUDGED))
        return
    known, rows = torch.unique_consecutive(shared, return_counts=True)
    size = max(1, JUDGED // repetitions) * repetitions
    for part, words in zip(ids.split(rows.tolist()), known.tolist(), strict=True):
        yield from ((each, words) for each in part.split(size))


def _put_largest(
    ids: Tensor, known: int, repetitions: int, group: nn.Module, table: Tensor, out: Tensor
) -> None:
    """Put the largest values of a group's filters over sentences ids (B, T) into ``out`` (B, n).

    Windows that lie in the ``known`` first words are looked up for one of ``repetitions`` rows.
    """
    convolution = cast(nn.Conv1d, group)
    (span,) = convolution.kernel_size
    first = torch.arange(span, device=ids.device) * (len(table) // span)
    windows = ids.unfold(1, span, 1) + first  # (B, T - S + 1, S)
    inside = min(max(0, known - span + 1), windows.shape[1])
    if inside < windows.shape[1]:
        torch.amax(_sums(windows[:, inside:], table), 1, out=out)
    if inside:
        shared = _sums(windows[::repetitions, :inside], table).amax(1)
        shared = shared.repeat_interleave(repetitions, 0)
        out.copy_(torch.maximum(out, shared) if inside < windows.shape[1] else shared)
    out += cast(Tensor, convolution.bias)


def _sums(windows: Tensor, table: Tensor) -> Tensor:
    """(B, W, n) sums of the rows of a table that windows (B, W, S) name."""
    sums = F.embedding_bag(windows.flatten(0, 1), table, mode="sum")
    return sums.unflatten(0, windows.shape[:2])
