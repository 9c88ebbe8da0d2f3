"""Share of samples that a grammar accepts, whole or up to their first blank."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from textgan_bench.errors import UserError
from textgan_bench.metrics.inputs import StringMetric, ended
from textgan_bench.tokens import PAD_TOKEN, Sentence


class ParseRate(StringMetric):
    """Fraction of samples that are sentences of a formal language, in [0, 1]; higher is better.

    ``parse_rate`` is of the strings as they were written: blanks pad a string, and one with a
    symbol behind a blank is no sentence. ``prefix_parse_rate`` is of what stands before the first
    blank; a model that stops there has the same in both. One sentence written again and again
    scores 1: read it beside the distinct sentences.

    Args:
        parses: whether a sentence belongs to the language; the data set gives it.

    >>> metric = ParseRate(lambda words: words == sorted(words))
    >>> metric.update([["a", "b"], ["b", "a"], [], ["a", "<pad>"], ["a", "<pad>", "b"]])
    >>> {key: round(float(value), 3) for key, value in metric.compute().items()}
    {'parse_rate': 0.6, 'prefix_parse_rate': 0.8}
    """

    full_state_update = False

    parsed_count: Tensor
    parsed_prefix_count: Tensor
    parse_sample_count: Tensor

    def __init__(self, parses: Callable[[list[str]], bool]) -> None:
        super().__init__()
        self.parses = parses
        for name in ("parsed_count", "parsed_prefix_count", "parse_sample_count"):
            self.add_state(name, torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, samples: Sequence[Sentence]) -> None:
        for words, prefix in zip(samples, ended(samples), strict=True):
            parsed = bool(self.parses(list(prefix)))
            self.parsed_prefix_count += parsed
            self.parsed_count += parsed and set(words[len(prefix) :]) <= {PAD_TOKEN}
        self.parse_sample_count += len(samples)

    def compute(self) -> dict[str, Tensor]:
        if not self.parse_sample_count:
            raise UserError("a parse rate needs at least one sample")
        samples = self.parse_sample_count.double()
        return {
            "parse_rate": self.parsed_count / samples,
            "prefix_parse_rate": self.parsed_prefix_count / samples,
        }
