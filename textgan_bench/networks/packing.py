"""The positions of a padded batch as rows: all of them, or only its words.

Position-wise layers work on rows, attention works on padded sentences. ``rows_of`` chooses between
the two layouts, which give the same numbers for every word.

Shapes: B batch, T time, N rows, H hidden width.
"""

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from textgan_bench.kernels.shapes import shapes_are_fixed

BUCKET = 4
"""Sentences attend together if their lengths round up to the same multiple of this; measured."""


def rows_of(mask: Tensor) -> "Padded":
    """The layout of the words, True in ``mask`` (B, T): packed, and padded in ``fixed_shapes``."""
    if shapes_are_fixed():
        return Padded(mask)
    return Whole(mask) if bool(mask.all()) else Packed(mask)


def padding_bias(mask: Tensor) -> Tensor:
    """(B, 1, 1, T) bias on scores of attention to the words, True in ``mask`` (B, T).

    From a mask, PyTorch would make this bias anew in each attention, by three kernels.
    """
    words = torch.zeros(mask.shape, device=mask.device)
    return words.masked_fill_(~mask, -torch.inf)[:, None, None]


def max_pooling(hidden: Tensor, mask: Tensor) -> Tensor:
    """(B, H) largest of hidden states (B, T, H) at the words, where ``mask`` (B, T) is True."""
    return hidden.masked_fill(~mask[:, :, None], -torch.inf).amax(1)


class Padded:
    """Every position is a row, N = B T: the plain form, whose shapes depend on no length.

    Args:
        mask: (B, T) bool, True on the words, from the left.
    """

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def rows(self, padded: Tensor) -> Tensor:
        """(N, …) from (B, T, …), sentence by sentence."""
        return padded.flatten(0, 1)

    def pad(self, rows: Tensor) -> Tensor:
        """(B, T, …) from (N, …)."""
        return rows.unflatten(0, self.mask.shape)

    def attend(self, attention: Callable[..., Tensor], *states: Tensor) -> Tensor:
        """(N, H) of an attention between the words of each sentence.

        Args:
            attention: function from ``padding_bias`` and the states (B, T, …) to (B, T, H).
            states: (N, …), or (1, T, …) if it is the same for every sentence.
        """
        padded = (x if x.dim() == 3 else self.pad(x) for x in states)
        return self.rows(attention(self._bias, *padded))

    @cached_property
    def _bias(self) -> Tensor | None:
        return padding_bias(self.mask)


class Whole(Padded):
    """Sentences of one length, of which nothing has to be hidden."""

    @cached_property
    def _bias(self) -> Tensor | None:
        # The kernels of a GPU take a bias, always.
        return None if self.mask.device.type == "cpu" else padding_bias(self.mask)


class Packed(Padded):
    """Only words are rows, so that no work is done on padding, which reads as zeros.

    Sentences of similar lengths attend together. Lengths are read back from the device.
    """

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask)
        self._places = mask.flatten().nonzero().squeeze(1)  # (N,)

    def rows(self, padded: Tensor) -> Tensor:
        return super().rows(padded).index_select(0, self._places)

    def pad(self, rows: Tensor) -> Tensor:
        padded = rows.new_zeros(self.mask.numel(), *rows.shape[1:])
        return super().pad(padded.index_copy(0, self._places, rows))

    def attend(self, attention: Callable[..., Tensor], *states: Tensor) -> Tensor:
        results = []
        for rows, bias, places in self._buckets:
            padded = (
                x[:, : rows.shape[1]]
                if x.dim() == 3
                else x.index_select(0, rows.flatten()).unflatten(0, rows.shape)
                for x in states
            )
            results.append(attention(bias, *padded).flatten(0, 1).index_select(0, places))
        return torch.cat(results).index_select(0, self._order)

    @cached_property
    def _buckets(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        """For each bucket: the row at each position (B, T), its bias, the positions of words."""
        lengths = self.mask.sum(1)
        ends = lengths.cumsum(0)
        buckets = []
        for bucket in lengths.add(BUCKET - 1).div(BUCKET, rounding_mode="floor").unique():
            inside = lengths.sub(1).div(BUCKET, rounding_mode="floor") == bucket - 1
            length, end = lengths[inside, None], ends[inside, None]
            step = torch.arange(int(length.max()), device=length.device)
            mask = step < length
            # A row of its own sentence on padding, which the mask hides.
            rows = end - length + step.minimum(length - 1)
            buckets.append((rows, padding_bias(mask), mask.flatten().nonzero().squeeze(1)))
        return buckets

    @cached_property
    def _order(self) -> Tensor:
        """(N,) order that takes words from bucket by bucket to sentence by sentence."""
        return torch.cat([rows.flatten()[places] for rows, _, places in self._buckets]).argsort()
