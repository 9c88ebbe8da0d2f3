"""The positions of a padded batch as rows: all of them, or only its words.

What treats positions one by one works on rows, attention and pooling on the padded batch. Both
layouts give the same for every word. Shapes: B batch, T time, N rows, H hidden width.
"""

from torch import Tensor


class Padded:
    """Every position is a row, N = B T: the plain form, whose shapes no length changes.

    Args:
        mask: (B, T) bool, True on words.
    """

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def rows(self, padded: Tensor) -> Tensor:
        """(N, …) from (B, T, …), sentence by sentence."""
        return padded.flatten(0, 1)

    def pad(self, rows: Tensor) -> Tensor:
        """(B, T, …) from (N, …)."""
        return rows.unflatten(0, self.mask.shape)


class Packed(Padded):
    """Only words are rows, so that no work is done on padding, which reads as zeros.

    How many there are is read back from the device, once.
    """

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask)
        self._places = mask.flatten().nonzero().squeeze(1)  # (N,)

    def rows(self, padded: Tensor) -> Tensor:
        return super().rows(padded).index_select(0, self._places)

    def pad(self, rows: Tensor) -> Tensor:
        padded = rows.new_zeros(self.mask.numel(), *rows.shape[1:])
        return super().pad(padded.index_copy(0, self._places, rows))
