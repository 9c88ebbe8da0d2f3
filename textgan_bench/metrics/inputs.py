"""What a metric is given of a text: samples, and for some metrics more than that."""

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

from torchmetrics import Metric

from textgan_bench.functional.line_words import SharedLines
from textgan_bench.functional.word_numbers import SharedText, once
from textgan_bench.tokens import PAD_TOKEN, Sentence


class TextMetric(Metric):
    """A metric of sentences, each a list of words.

    Args:
        texts: what the metric is built from beside the samples.

    Raises:
        TypeError: a sentence is a string, here or in ``update``: its letters would be its words.
    """

    in_threads = True
    """Whether several threads may measure pieces of a text at once, each of which takes one."""

    def __init__(self, *texts: Sequence[Sequence[str]]) -> None:
        _refuse_strings(*texts)
        super().__init__()

    def measure(self, samples: Sequence[Sequence[str]]) -> Any:
        """What the state grows by with these samples, if that can be told without the state.

        A metric defines it so that several pieces of a text can be measured at once. Any state
        that is read here may be an older one.
        """

    def measured(self, samples: Sequence[Sequence[str]]) -> Any:
        """``measure`` of samples, kept where they are a ``SharedText``."""
        return once(samples, (TextMetric.measure, id(self)), partial(self.measure, samples))

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "update" in vars(cls):
            cls.update = _of_words(cls.update)  # type: ignore[method-assign]


def _of_words(update: Callable[..., None]) -> Callable[..., None]:
    @wraps(update)
    def checked(metric: Metric, *texts: Any, **named: Any) -> None:
        _refuse_strings(*texts, *named.values())
        update(metric, *texts, **named)

    return checked


def _refuse_strings(*texts: Sequence[Sequence[str]]) -> None:
    for text in texts:
        if not isinstance(text, SharedLines):
            once(text, _refuse_strings, partial(_refuse_string, text))


def _refuse_string(text: Sequence[Sequence[str]]) -> None:
    if any(issubclass(kind, str) for kind in set(map(type, text))):
        sentence = next(sentence for sentence in text if isinstance(sentence, str))
        raise TypeError(f"a sentence is a list of words, not the string {sentence!r}: split it")


class PairedMetric(TextMetric):
    """A metric of samples that have their own references: ``update(samples, references)``."""


def is_paired(metric: Metric) -> bool:
    """Whether the metric compares each sample with a reference of its own."""
    return isinstance(metric, PairedMetric)


class TrainingMetric(TextMetric):
    """A metric of samples relative to the training text.

    Training text itself is no anchor of it: no other real text is as near to it.
    """


class StringMetric(TextMetric):
    """A metric of samples as they were written, blanks between symbols included."""


def ended(samples: Sequence[Sentence]) -> Sequence[Sentence]:
    """The sentence of each sample, which ends before the first blank.

    >>> ended([["x", "<pad>", "+"], ["x"]])
    [['x'], ['x']]
    """
    if not isinstance(samples, SharedText):
        return _ended(samples)
    # A text that kept itself would stay in memory until Python looks for cycles.
    whole = samples.once(PAD_TOKEN, lambda: PAD_TOKEN not in samples.numbers.types)
    return samples if whole else samples.once(ended, lambda: SharedText(_ended(samples)))


def _ended(samples: Sequence[Sentence]) -> list[Sentence]:
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
    own = {} if references is None or not is_paired(metric) else {"references": references}
    return {"samples": ended(samples)} | own
