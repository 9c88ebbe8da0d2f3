"""How far the lengths of the samples are from those of real text."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from textgan_bench.errors import UserError
from textgan_bench.functional.lengths import wasserstein_distance
from textgan_bench.functional.word_numbers import word_numbers
from textgan_bench.metrics.inputs import TextMetric


class LengthDistance(TextMetric):
    """1-Wasserstein distance between the lengths of samples and references, in words, from 0 up.

    Lower is better; it is the number of words that the average sentence is too long or too short
    by. Total variation would not tell one word too many from twenty. Other real text of n
    sentences is at about the standard deviation of the lengths divided by the root of n.

    Args:
        references: sentences as lists of words; their lengths are kept.

    >>> metric = LengthDistance([["a"], ["a", "cat"]])
    >>> metric.update([["a", "cat", "sat"], ["a", "cat"]])
    >>> {key: float(value) for key, value in metric.compute().items()}
    {'length_distance': 1.0}
    """

    full_state_update = False

    sample_lengths: list[Tensor]

    def __init__(self, references: Sequence[Sequence[str]]) -> None:
        super().__init__(references)
        if not references:
            raise UserError("a length distance needs at least one reference")
        self._lengths = torch.tensor([len(words) for words in references])
        self.add_state("sample_lengths", default=[], dist_reduce_fx="cat")

    def update(self, samples: Sequence[Sequence[str]]) -> None:
        self.sample_lengths.append(torch.from_numpy(word_numbers(samples).lengths).to(self.device))

    def compute(self) -> dict[str, Tensor]:
        lengths = dim_zero_cat(self.sample_lengths)
        if not len(lengths):
            raise UserError("a length distance needs at least one sample")
        references = self._lengths.to(self.device)
        longest = 1 + int(torch.maximum(lengths.max(), references.max()))
        counts = (torch.bincount(side, minlength=longest) for side in (lengths, references))
        return {"length_distance": wasserstein_distance(*counts)}
