"""Share of samples that a grammar accepts."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torchmetrics import Metric


class ParseRate(Metric):
    """Fraction of samples that are sentences of a formal language, in [0, 1]; higher is better.

    One sentence written again and again scores 1: read it beside the distinct sentences.

    Args:
        parses: whether a sentence belongs to the language; the data set gives it.

    >>> metric = ParseRate(lambda words: words == sorted(words))
    >>> metric.update([["a", "b"], ["b", "a"], []])
    >>> {key: round(float(value), 3) for key, value in metric.compute().items()}
    {'parse_rate': 0.667}
    """

    full_state_update = False
    higher_is_better = True

    parsed_count: Tensor
    parse_sample_count: Tensor

    def __init__(self, parses: Callable[[list[str]], bool]) -> None:
        super().__init__()
        self.parses = parses
        self.add_state("parsed_count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state(
            "parse_sample_count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum"
        )

    def update(self, samples: Sequence[Sequence[str]]) -> None:
        self.parsed_count += sum(bool(self.parses(list(words))) for words in samples)
        self.parse_sample_count += len(samples)

    def compute(self) -> dict[str, Tensor]:
        if not self.parse_sample_count:
            raise ValueError("a parse rate needs at least one sample")
        return {"parse_rate": self.parsed_count / self.parse_sample_count.double()}
