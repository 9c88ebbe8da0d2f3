"""Noise on sentences that an autoencoder has to undo (Lample et al., 2018).

"Unsupervised machine translation using monolingual corpora only". Shapes: B batch, T time.
"""

import torch
from torch import Tensor

from textgan_bench.errors import UserError
from textgan_bench.tokens import PAD, TokenBatch, length_mask


class TextNoise:
    """Words change places, are left out, and are blanked, in this order.

    Args:
        shuffle: words are sorted by t + u at place t, where u is drawn evenly from 0 to this: of a
            whole number they move by fewer places.
        drop: probability that a word is left out; a sentence keeps one word at least.
        blank: probability that ``blank_symbol`` takes the place of a word.
        blank_symbol: index that stands for no word.

    Raises:
        UserError: a number is out of range.
    """

    def __init__(self, *, shuffle: float, drop: float, blank: float, blank_symbol: int) -> None:
        for name, rate in (("drop", drop), ("blank", blank)):
            if not 0 <= rate <= 1:
                raise UserError(f"{name} is a probability, not {rate}")
        if not shuffle >= 0:
            raise UserError(f"shuffle is a number of places of at least 0, not {shuffle}")
        self.shuffle = shuffle
        self.drop = drop
        self.blank = blank
        self.blank_symbol = blank_symbol

    def __call__(self, batch: TokenBatch) -> TokenBatch:
        """A noisy copy of sentences, in which there may be fewer words."""
        ids, lengths = batch
        steps, device = ids.shape[1], ids.device
        words = length_mask(lengths, steps)  # (B, T)
        places = torch.arange(steps, device=device) + self.shuffle * torch.rand(
            ids.shape, device=device
        )
        ids = ids.gather(1, _in_order(places, words))
        kept = words & (torch.rand(ids.shape, device=device) >= self.drop)
        spared = (torch.rand(len(ids), 1, device=device) * lengths[:, None]).long()  # (B, 1)
        kept |= words & ~kept.any(1, keepdim=True) & (torch.arange(steps, device=device) == spared)
        ids = ids.gather(1, _in_order(torch.zeros_like(places), kept))
        lengths = kept.sum(1)
        blanked = torch.rand(ids.shape, device=device) < self.blank
        ids = ids.masked_fill(blanked, self.blank_symbol)
        return TokenBatch(ids.where(length_mask(lengths, steps), PAD), lengths)


def _in_order(values: Tensor, first: Tensor) -> Tensor:
    """(B, T) places sorted by ``values``, those that are not ``first`` behind all others."""
    return values.masked_fill(~first, torch.inf).argsort(dim=1, stable=True)
