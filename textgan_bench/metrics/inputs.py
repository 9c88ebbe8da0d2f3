"""What a metric is given of a text: samples, and for some metrics more than that."""

from collections.abc import Sequence
from typing import Any

from torchmetrics import Metric

from textgan_bench.interfaces import Sentence
from textgan_bench.tokens import PAD_TOKEN


class PairedMetric(Metric):
    """A metric of samples that have their own references: ``update(samples, references)``."""


class TrainingMetric(Metric):
    """A metric of samples relative to the training text.

    Training text itself is no anchor of it: no other real text is as near to it.
    """


class StringMetric(Metric):
    """A metric of samples as they were written, blanks between symbols included."""


def ended(samples: Sequence[Sentence]) -> list[Sentence]:
    """The sentence of each sample, which ends before the first blank.

    >>> ended([["x", "<pad>", "+"], ["x"]])
    [['x'], ['x']]
    """
    return [words[: words.index(PAD_TOKEN)] if PAD_TOKEN in words else words for words in samples]


def given(
    metric: Metric, samples: Sequence[Sentence], references: Sequence[Sentence] | None
) -> dict[str, Any]:
    """The arguments of ``metric.update`` for some samples, and their references if they have any.

    >>> from textgan_bench.metrics import Diversity
    >>> given(Diversity(), [["x", "<pad>", "+"]], None)
    {'samples': [['x']]}
    """
    if isinstance(metric, StringMetric):
        return {"samples": samples}
    paired = isinstance(metric, PairedMetric) and references is not None
    return {"samples": ended(samples)} | ({"references": references} if paired else {})
