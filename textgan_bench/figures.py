"""Pictures of texts and of curves; they need matplotlib, the extra ``[plot]``."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from textgan_bench.curves import KNOB, Point
from textgan_bench.interfaces import Sentence

SIZE = (5.0, 3.5)  # inches
FORMATS = (".svg", ".png", ".pdf")

Axis = tuple[str, str]
"""Key of a score, and what is written there."""


def plot_lengths(texts: Mapping[str, Sequence[Sentence]], path: Path) -> None:
    """Draw the share of sentences of each length, a line a text, in words.

    Raises:
        ValueError: a text is empty, matplotlib is missing, or the file is of no known kind.
    """
    figure, axes = _figure(path)
    for name, sentences in texts.items():
        if not sentences:
            raise ValueError(f"{name} has no sentence whose length could be drawn")
        counts = Counter(map(len, sentences))
        lengths = range(min(counts), max(counts) + 1)
        shares = [counts[length] / len(sentences) for length in lengths]
        # A step from half a word below to half a word above, and down to zero at both ends.
        edges = [length - 0.5 for length in (*lengths, lengths[-1] + 1)]
        axes.stairs(shares, edges, label=name, linewidth=1.5)
    axes.set_xlabel("words in a sentence")
    axes.set_ylabel("share of sentences")
    axes.legend(frameon=False)
    _save(figure, path)


def plot_curves(
    curves: Mapping[str, Sequence[Point]], panels: Sequence[tuple[Axis, Axis]], path: Path
) -> None:
    """Draw scores against each other, a line a generator, each point with its knob beside it.

    Args:
        curves: points of ``knob_curve`` by the name of the generator.
        panels: side by side, the horizontal and the vertical axis of each, for example
            ``("lm_score/kn4", "LM score ↓"), ("reverse_lm/kn4", "Reverse LM ↓")``.
        path: the file, ``.svg``, ``.png`` or ``.pdf``.

    Raises:
        ValueError: a score is missing, matplotlib is, or the file is of no known kind.
    """
    figure, *places = _figure(path, len(panels))
    for axes, (x, y) in zip(places, panels, strict=True):
        for name, points in curves.items():
            for key, _ in (x, y):
                if not all(key in point for point in points):
                    raise ValueError(f"the curve of {name} has no score {key}")
            line = [(point[x[0]], point[y[0]]) for point in points]
            (drawn,) = axes.plot(
                *zip(*line, strict=True), marker="o", markersize=4, linewidth=1.2, label=name
            )
            for place, point in zip(line, points, strict=True):
                axes.annotate(
                    f"{point[KNOB]:g}",
                    place,
                    xytext=(4, 4),
                    textcoords="offset points",
                    fontsize="x-small",
                    color=drawn.get_color(),
                )
        axes.set_xlabel(x[1])
        axes.set_ylabel(y[1])
    places[0].legend(frameon=False)
    _save(figure, path)


def _figure(path: Path, panels: int = 1) -> list[Any]:
    """The figure and its axes, side by side."""
    if path.suffix not in FORMATS:
        raise ValueError(f"a figure is a file of {', '.join(FORMATS)}, not {path.name}")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ValueError(
            "figures need the package matplotlib: pip install 'textgan_bench[plot]'"
        ) from None
    figure = Figure(figsize=(panels * SIZE[0], SIZE[1]), layout="constrained")
    places = figure.subplots(1, panels, squeeze=False)[0]
    for axes in places:
        axes.spines[["top", "right"]].set_visible(False)
    return [figure, *places]


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without a date the same scores give the same file.
    dated = {".svg": "Date", ".pdf": "CreationDate"}
    metadata = {dated[path.suffix]: None} if path.suffix in dated else {}
    figure.savefig(path, dpi=200, metadata=metadata)
