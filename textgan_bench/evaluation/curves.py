"""Scores along the knob of a generator, which trades quality against diversity.

One temperature hides what another one shows: Caccia et al. (2020), "Language GANs falling short",
and de Masson d'Autume et al. (2019), "Training language GANs from scratch", compare whole curves.
"""

from collections.abc import Callable, Iterator, Sequence

from torchmetrics import MetricCollection
from tqdm import tqdm

from textgan_bench.evaluation.scores import score
from textgan_bench.tokens import Sentence

KNOB = "knob"

QUIET_SECONDS = 3  # before the progress bar appears

Point = dict[str, float]


def knob_curve(
    sample: Callable[[float], Sequence[Sentence]],
    values: Sequence[float],
    metrics: MetricCollection,
) -> Iterator[Point]:
    """The scores at each value of the knob in turn, with the value itself under the key ``knob``.

    Args:
        sample: the sentences a generator writes at a value.
        values: temperatures, rates of dropout or whatever the knob is, in the order of the curve.
        metrics: what they are scored by.

    >>> from textgan_bench.metrics import Diversity
    >>> write = lambda temperature: [[str(i % round(4 * temperature))] for i in range(8)]
    >>> curve = knob_curve(write, [0.5, 1.0], MetricCollection([Diversity()]))
    >>> [(point["knob"], point["distinct_words"]) for point in curve]
    [(0.5, 2.0), (1.0, 4.0)]
    """
    for value in tqdm(values, "curve", delay=QUIET_SECONDS):
        yield {KNOB: value, **score(metrics, sample(value))}
