"""Sentences completed from each of their prefixes (Yu et al., 2017, "SeqGAN", section 3.1).

The prefixes of a sentence are read once, whatever the number of completions. All completions of all
prefixes are written side by side: at each place there is one pass of the network over those that
have not ended. Shapes: B batch, T time, R completions, N repetitions, V vocabulary.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textgan_bench.losses.relaxation import draw_
from textgan_bench.networks.autoregressive import Writer
from textgan_bench.tokens import PAD, TokenBatch

ROWS = 128
"""Rows whose scores of all symbols are computed and drawn from while the cache holds them."""


class Rollouts(NamedTuple):
    """Completed sentences, by the number of words of their prefixes, and where each comes from.

    Those of one prefix are side by side.
    """

    ids: Tensor
    """(R, T) complete sentences."""
    sentence: Tensor
    """(R,) row of the batch that the prefix is of."""
    words: Tensor
    """(R,) number of words of the prefix, from 1."""

    @property
    def lengths(self) -> Tensor:
        """(R,) words of each complete sentence."""
        return (self.ids != PAD).sum(1)


@torch.no_grad()
def roll_out(model: Writer, batch: TokenBatch, repetitions: int, *, every: int = 1) -> Rollouts:
    """Complete each prefix of each sentence ``repetitions`` times.

    A prefix is complete, and is left out, if it is the whole of the longest sentence possible; the
    end symbol of a shorter one is no word, and is drawn.

    Args:
        model: model that writes the rest of a sentence, at temperature 1.
        batch: sentences.
        repetitions: N.
        every: step between the numbers of words of two prefixes; 1 completes all of them.
    """
    steps = model.max_length
    ids = F.pad(batch.ids, (0, steps - batch.ids.shape[1]), value=PAD)  # (B, T)
    device = ids.device
    prefix = model.start(len(ids))
    symbols = torch.full_like(ids[:, 0], PAD)
    written = ids.new_zeros(0, steps)  # of all completions that were begun, the rest is padding
    origin, kept = ids.new_zeros(0), ids.new_zeros(0)
    live, going = ids.new_zeros(0), tuple(part[:0] for part in prefix)
    scores = _one_product(model.output)
    for t in range(steps):
        # Those that go on read the word that they wrote last.
        if len(live):
            hidden, going = model.step(written[live, t - 1], going)
            drawn = _draw(scores, hidden)
        else:
            drawn = live
        # Sentences of t words and more begin completions here, from one state for all repetitions.
        hidden, prefix = model.step(symbols, prefix)
        symbols = ids[:, t]
        begin = torch.arange(len(ids), device=device)[batch.lengths >= t]
        if t and t % every == 0 and len(begin):
            rows = begin.repeat_interleave(repetitions)
            start = ids[rows].where(torch.arange(steps, device=device) < t, PAD)
            new = torch.arange(len(rows), device=device) + len(written)
            written = torch.cat([written, start])
            origin, kept = torch.cat([origin, rows]), torch.cat([kept, torch.full_like(rows, t)])
            live = torch.cat([live, new])
            drawn = torch.cat([drawn, _draw(scores, hidden[begin], repetitions)])
            fresh = tuple(part[rows] for part in prefix)
            # A Transformer's memory has grown by a word in those that go on, if there are any.
            both = zip(going, fresh, strict=True)
            going = tuple(torch.cat(parts) for parts in both) if len(going[0]) else fresh
        on = drawn != PAD
        written[live, t] = drawn
        if not on.all():  # else nothing is copied: a memory may be large
            live, going = live[on], tuple(part[on] for part in going)
    return Rollouts(written, origin, kept)


def _one_product(output: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Scores (…, V) of hidden states (…, H) by a linear layer, its bias a column of the weights.

    PyTorch copies a bias to each row before it multiplies.
    The weights are those of now. What is no linear layer stays as it is.
    """
    if not isinstance(output, nn.Linear) or output.bias is None:
        return output
    table = torch.cat([output.weight, output.bias[:, None]], 1).T  # (H + 1, V)
    return lambda hidden: F.pad(hidden, (0, 1), value=1.0) @ table


def _draw(scores: Callable[[Tensor], Tensor], hidden: Tensor, repetitions: int = 1) -> Tensor:
    """(B N,) symbols after hidden states (B, H), N times each."""
    rows = hidden.repeat_interleave(repetitions, 0) if repetitions > 1 else hidden
    return torch.cat([draw_(scores(part)) for part in rows.split(ROWS)])
