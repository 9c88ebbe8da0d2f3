"""The table of curves at equal diversity, and what a point of a curve varies by."""

from collections.abc import Mapping, Sequence

from torchmetrics import MetricCollection

from textgan_bench.evaluation.bootstrap import resampled
from textgan_bench.evaluation.curves import Point
from textgan_bench.functional.frontiers import (
    Better,
    Frontier,
    compare,
    frontier,
    mean_height,
    overlap,
)
from textgan_bench.leaderboard.columns import column
from textgan_bench.metrics import BLEU, LMScore, OracleNLL, ReverseLMScore, WordEntropy
from textgan_bench.tokens import Sentence

Draws = dict[str, list[float]]
"""Deviations of scores over resamples, by key."""

FRONTIERS: tuple[tuple[str, str, Better], ...] = (
    ("bleu_b/5", "bleu_f/5", "↑"),
    ("word_entropy", "lm_score/kn4", "↓"),
    ("word_entropy", "oracle_nll", "↓"),
)
"""Diversity and quality of the curves that are compared, and which quality is better."""

ON_AXES = (BLEU, LMScore, OracleNLL, ReverseLMScore, WordEntropy)
"""Metrics whose scores are resampled: those of the axes."""

RESAMPLES = 40
"""Of each point; the error of an error is a ninth of it."""

HEAD = """# Curves along the knob, at equal diversity

Written by `make sweep`. A cell says how far the curve of its row is ahead of that of its column on
average over the diversities that both reach, with the standard error of sampling, and over which
share of these it is ahead and behind by more than two standard errors. `apart` are curves that
share no diversity. Trainings of other seeds differ by more than sampling does.
"""


def deviations(metrics: MetricCollection, sentences: Sequence[Sentence], point: Point) -> Draws:
    """What the scores of a point that stand on axes vary by, over resamples of its samples.

    Args:
        metrics: those that the point was scored by; they are left reset.
        sentences: the samples.
        point: their scores.
    """
    on_axes = [metric for metric in metrics.values(copy_state=False) if isinstance(metric, ON_AXES)]
    draws = resampled(MetricCollection(on_axes), sentences, RESAMPLES)
    return {key: values.tolist() for key, values in draws.items() if key in point}


def comparisons(runs: Mapping[str, tuple[Sequence[Point], Sequence[Draws]]]) -> str:
    """Tables of the curves of runs by name: their mean heights, and which is ahead of which.

    Empty where fewer than two runs have a curve.
    """
    tables = []
    for diversity, quality, better in FRONTIERS:
        found = ((name, frontier(*run, diversity, quality)) for name, run in runs.items())
        curves = {name: curve for name, curve in found if curve is not None}
        if len(curves) > 1:
            tables.append(_comparison(curves, diversity, quality, better))
    if not tables:
        return ""
    return "\n".join([HEAD, *tables])


def _comparison(
    curves: Mapping[str, Frontier], diversity: str, quality: str, better: Better
) -> str:
    """The table of one pair of scores."""
    y = column(quality)
    shared = overlap([*curves.values()])
    reach = "no value of which all reach"
    if shared is not None:
        reach = f"{shared[0]:.3g} to {shared[-1]:.3g}, which all reach"
    rows = [["", f"mean {y.title} {better}", *(f"ahead of {name}" for name in curves)]]
    rows.append(["---", *["--:"] * (len(curves) + 1)])
    for name, curve in curves.items():
        found = None if shared is None else mean_height(curve, shared, better)
        height = "–"
        if found is not None:
            mean, error = found
            height = f"{mean:.{y.digits}f} ± {error:.{y.digits}f}"
        cells = [_ahead(curve, other, better, y.digits) for other in curves.values()]
        rows.append([name, height, *cells])
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    title = f"## {y.title} {better} at equal {column(diversity).title}"
    return f"{title}\n\nMean over {column(diversity).title}: {reach}.\n\n{lines}\n"


def _ahead(curve: Frontier, other: Frontier, better: Better, digits: int) -> str:
    if curve is other:
        return ""
    comparison = compare(curve, other, better)
    if comparison is None:
        return "apart"
    distance, error, ahead, behind = comparison
    return f"{distance:+.{digits}f} ± {error:.{digits}f} ({ahead:.0%}, {behind:.0%})"
