"""Pictures of texts and of curves; they need matplotlib, the extra ``[plot]``."""

import math
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from textgan_bench.errors import UserError
from textgan_bench.evaluation.curves import KNOB, Point
from textgan_bench.files import replaced
from textgan_bench.tokens import Sentence

SIZE = (5.0, 3.5)  # inches

PANEL = (3.2, 2.4)

RATIOS_WIDTH = 6.0

LETTER, LINE = 0.067, 0.13  # inches of a character of eight points

SMALL_LETTER = 0.046  # inches of one of six points, at most

POINTS = 72  # an inch

MARKER = 4  # points

DIRECTIONS = ((1, 1), (-1, 1), (1, -1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1))
"""Of a number from its point, those that are tried first."""

FORMATS = (".svg", ".png", ".pdf")

Curve = Sequence[tuple[float, float]]

Band = Sequence[tuple[float, ...]]
"""Points of a mean and its range: x, mean, smallest, largest."""

Matrix = tuple[Sequence[Sequence[float]], Sequence[str], Sequence[str]]
"""Numbers by row and column, names of the columns, names of the rows."""

Axis = tuple[str, str]
"""Key of a score, and what is written there."""


def plot_lengths(
    texts: Mapping[str, Sequence[Sentence]],
    path: Path,
    x: str = "words in a sentence",
    caption: str = "",
) -> None:
    """Draw the share of sentences of each length, a line a text.

    Args:
        texts: sentences by the name of the text.
        path: the file, ``.svg``, ``.png`` or ``.pdf``.
        x: what is counted, as it stands under the horizontal axis.
        caption: stands small below the figure.

    Raises:
        UserError: a text is empty, matplotlib is missing, or the file is of no known kind.
    """
    figure, axes = _figure(path)
    for name, sentences in texts.items():
        if not sentences:
            raise UserError(f"{name} has no sentence whose length could be drawn")
        counts = Counter(map(len, sentences))
        lengths = range(min(counts), max(counts) + 1)
        shares = [counts[length] / len(sentences) for length in lengths]
        # A step from half a word below to half a word above, and down to zero at both ends.
        edges = [length - 0.5 for length in (*lengths, lengths[-1] + 1)]
        axes.stairs(shares, edges, label=name, linewidth=1.5)
    axes.set_xlabel(x)
    axes.set_ylabel("share")
    axes.legend(frameon=False)
    _save(figure, path, caption)


def plot_curves(
    curves: Mapping[str, Sequence[Point]],
    panels: Sequence[tuple[Axis, Axis]],
    path: Path,
    crosses: Mapping[str, Point] | None = None,
) -> None:
    """Draw scores against each other, a line a generator, points with their knob beside them.

    A point that lacks a score of a panel is left out of it, and a number that would cover another
    one, a point or a line is not written.

    Args:
        curves: points of ``knob_curve`` by the name of the generator.
        panels: side by side, the horizontal and the vertical axis of each, for example
            ``("lm_score/kn4", "LM score ↓"), ("reverse_lm/kn4", "Reverse LM ↓")``.
        path: the file, ``.svg``, ``.png`` or ``.pdf``.
        crosses: scores of single texts by their names, each drawn as a cross.

    Raises:
        UserError: all points of a curve lack a score, matplotlib is missing, or the file is of no
            known kind.
    """
    figure, *places = _figure(path, len(panels))
    numbers: list[list[tuple[str, Any, tuple[float, float]]]] = []
    for axes, (x, y) in zip(places, panels, strict=True):
        for name, point in (crosses or {}).items():
            if x[0] in point and y[0] in point:
                axes.plot(point[x[0]], point[y[0]], "kx", markersize=8, label=name)
        ends, between = [], []
        for name, all_points in curves.items():
            points = [point for point in all_points if x[0] in point and y[0] in point]
            if not points:
                raise UserError(f"the curve of {name} has no score {x[0]} or {y[0]}")
            line = [(point[x[0]], point[y[0]]) for point in points]
            (drawn,) = axes.plot(
                *zip(*line, strict=True), marker="o", markersize=MARKER, linewidth=1.2, label=name
            )
            written = [
                (f"{point[KNOB]:g}", drawn.get_color(), place)
                for place, point in zip(line, points, strict=True)
            ]
            ends += written[:: max(len(written) - 1, 1)]
            between += written[1:-1]
        numbers.append(ends + between)
        axes.margins(0.08)
        axes.set_xlabel(x[1])
        axes.set_ylabel(y[1])
    known = [axes.get_legend_handles_labels() for axes in places]
    handles = {
        name: line for lines, names in known for line, name in zip(lines, names, strict=True)
    }
    figure.legend(
        handles.values(),
        handles,
        loc="outside lower center",
        ncols=min(len(handles), 3),
        frameon=False,
    )
    figure.draw_without_rendering()  # the room that there is for numbers
    for axes, texts in zip(places, numbers, strict=True):
        _write_where_there_is_room(axes, texts)
    _save(figure, path)


def _write_where_there_is_room(
    axes: Any, texts: Sequence[tuple[str, Any, tuple[float, float]]]
) -> None:
    """Write texts, each of a color, beside their points; those that come first take their room."""
    from matplotlib.path import Path as Outline

    lines = [line.get_path().transformed(axes.transData) for line in axes.lines]
    taken = [Outline(line.vertices) for line in lines]
    size = MARKER / POINTS * axes.figure.dpi
    markers = [point for line in lines for point in line.vertices]
    written: list[Any] = []
    for text, color, place in texts:
        for dx, dy in DIRECTIONS:
            label = axes.annotate(
                text,
                place,
                xytext=(dx * MARKER, dy * MARKER),
                textcoords="offset points",
                fontsize="x-small",
                color=color,
                ha=("center", "left", "right")[dx],
                va=("center", "bottom", "top")[dy],
            )
            label.set_in_layout(False)
            box = label.get_window_extent().padded(1)
            covers = (
                not axes.bbox.contains(*box.min)
                or not axes.bbox.contains(*box.max)
                or any(line.intersects_bbox(box, filled=False) for line in taken)
                or any(box.padded(size / 2 - 1).contains(*point) for point in markers)
                or any(box.overlaps(other) for other in written)
            )
            if not covers:
                written.append(box)
                break
            label.remove()


def plot_losses(
    panels: Mapping[str, Mapping[str, Curve]],
    path: Path,
    x: str,
    caption: str = "",
) -> None:
    """Draw the losses of trainings, a panel each, a line each, on common axes.

    Args:
        panels: curves by the name of the loss, by the title of the panel.
        path: the file, ``.svg``, ``.png`` or ``.pdf``.
        x: what is written under the horizontal axes.
        caption: stands small below the figure.

    Raises:
        UserError: a curve has no point, matplotlib is missing, or the file is of no known kind.
    """
    figure, grid = _figures(path, len(panels))
    for axes, (title, curves) in zip(grid, panels.items(), strict=True):
        for name, curve in curves.items():
            if not curve:
                raise UserError(f"{title} has no point of {name}")
            axes.plot(*zip(*curve, strict=True), linewidth=1.2, label=name)
        axes.set_title(title, fontsize="small")
        axes.set_xlabel(x)
        axes.sharey(grid[0])
    grid[0].set_ylabel("loss (nats)")
    grid[0].legend(frameon=False, fontsize="small")
    _save(figure, path, caption)


def plot_bands(panels: Mapping[str, Band], path: Path, x: str, caption: str = "") -> None:
    """Draw the mean of a loss over several trainings and its range, a panel each.

    The vertical axis of a panel is logarithmic if the loss falls by more than a half and stays
    positive.

    Args:
        panels: points by what is written beside the vertical axis.
        path: the file, ``.svg``, ``.png`` or ``.pdf``.
        x: what is written under the horizontal axes.
        caption: stands small below the figure.

    Raises:
        UserError: a band has no point, matplotlib is missing, or the file is of no known kind.
    """
    figure, grid = _figures(path, len(panels))
    for axes, (name, band) in zip(grid, panels.items(), strict=True):
        if not band:
            raise UserError(f"{name} has no point")
        places, means, smallest, largest = zip(*band, strict=True)
        axes.fill_between(places, smallest, largest, alpha=0.3, linewidth=0)
        axes.plot(places, means, linewidth=1.2)
        if 0 < 2 * min(smallest) < max(largest):
            axes.set_yscale("log")
        axes.set_xlabel(x)
        axes.set_ylabel(name)
    _save(figure, path, caption)


def plot_texts(columns: Mapping[str, Sequence[str]], path: Path, caption: str = "") -> None:
    """Write texts side by side, a column each, a sentence a line under a title.

    Args:
        columns: lines by title.
        path: the file, ``.svg``, ``.png`` or ``.pdf``.
        caption: stands small below the texts.

    Raises:
        UserError: there is no column, matplotlib is missing, or the file is of no known kind.
    """
    if not columns:
        raise UserError("there is no text to be written")
    letters = [max(map(len, [title, *lines])) + 2 for title, lines in columns.items()]
    width = sum(letters) * LETTER
    below = len(_wrapped(caption, width)) + 1
    figure, axes = _figure(path)
    figure.set_size_inches(width, (max(map(len, columns.values())) + 2 + below) * LINE)
    axes.set_axis_off()
    style = {"xycoords": "axes fraction", "family": "monospace", "fontsize": 8, "va": "top"}
    for i, (title, lines) in enumerate(columns.items()):
        corner = sum(letters[:i]) / sum(letters), 1
        axes.annotate(title, corner, weight="bold", **style)
        under = {"xytext": (0, -1.5 * LINE * POINTS), "textcoords": "offset points"}
        axes.annotate("\n".join(lines), corner, **style, **under)
    _save(figure, path, caption)


def plot_changes(
    cases: Mapping[str, Sequence[tuple[str, Sentence, Sequence[bool]]]],
    path: Path,
    caption: str = "",
) -> None:
    """Write sentences below each other, words that are kept from the one before in grey.

    Args:
        cases: by title, lines of a label, a sentence, and which of its words are kept.
        path: the file, ``.svg``, ``.png`` or ``.pdf``.
        caption: stands small below the figure.

    Raises:
        UserError: there is nothing to write, matplotlib is missing, or the file is of no known
            kind.
    """
    if not cases:
        raise UserError("there is no sentence to be written")
    shades: dict[str, list[str]] = {"0.6": [], "black": []}
    for title, lines in cases.items():
        for shade, written in shades.items():
            written.append(title if shade == "black" else "")
            for label, sentence, kept in lines:
                words = [
                    word if keep == (shade != "black") else " " * len(word)
                    for word, keep in zip(sentence, kept, strict=True)
                ]
                shown = label if shade == "black" else " " * len(label)
                written.append(f"{shown}  {' '.join(words)}")
            written.append("")
    width = (max(map(len, shades["black"])) + 2) * LETTER
    below = len(_wrapped(caption, width)) + 1
    figure, axes = _figure(path)
    figure.set_size_inches(width, (len(shades["black"]) + 1 + below) * LINE)
    axes.set_axis_off()
    style = {"xycoords": "axes fraction", "family": "monospace", "fontsize": 8, "va": "top"}
    for row in range(len(shades["black"])):
        for shade, written in shades.items():
            under = {"xytext": (0, -row * LINE * POINTS), "textcoords": "offset points"}
            axes.annotate(written[row].rstrip(), (0, 1), color=shade, **style, **under)
    _save(figure, path, caption)


def plot_matrices(
    panels: Mapping[str, Matrix],
    path: Path,
    *,
    x: str,
    y: str,
    bar: str,
    caption: str = "",
) -> None:
    """Draw matrices side by side, a square a number, from the lowest (or 0) to 1.

    Args:
        panels: numbers, names of the columns and names of the rows, by the title of a panel.
        path: the file, ``.svg``, ``.png`` or ``.pdf``.
        x: what the columns are.
        y: what the rows are.
        bar: what the numbers are.
        caption: stands small below the figure.

    Raises:
        UserError: there is no panel, matplotlib is missing, or the file is of no known kind.
    """
    if not panels:
        raise UserError("there is no matrix to be drawn")
    figure, *places = _figure(path, len(panels))
    figure.set_size_inches(max(PANEL[0] * len(panels), SIZE[0]), PANEL[1] * 1.4)
    numbers = [number for matrix, _, _ in panels.values() for row in matrix for number in row]
    for axes, (title, (matrix, columns, rows)) in zip(places, panels.items(), strict=True):
        image = axes.imshow(matrix, vmin=min(0.0, *numbers), vmax=1.0, aspect="auto")
        axes.set_title(title, fontsize=8)
        upright = max(map(len, columns)) > 2
        axes.set_xticks(range(len(columns)), columns, fontsize=6, rotation=90 if upright else 0)
        axes.set_yticks(range(len(rows)), rows, fontsize=6)
        axes.set_xlabel(x)
    places[0].set_ylabel(y)
    figure.colorbar(image, ax=places).set_label(bar, fontsize=7)
    _save(figure, path, caption)


def plot_ratios(ratios: Mapping[str, Sequence[float]], runs: Sequence[str], path: Path) -> None:
    """Draw how ratios changed from run to run, a small line each, one below the other.

    The height is logarithmic: a grey line is at 1, the lines around it are at 1/8 and 8, and
    what lies beyond stands there. The number is the last ratio, red below 1.

    Args:
        ratios: one number a run, by what the ratio is of; nan where a run has none.
        runs: names of the runs, in order.
        path: the file, ``.svg``, ``.png`` or ``.pdf``.

    Raises:
        ValueError: matplotlib is missing, or the file is of no known kind.
    """
    figure, axes = _figure(path)
    figure.set_size_inches(RATIOS_WIDTH, LINE * len(ratios) * 1.2 + 0.6)
    for row, values in enumerate(ratios.values()):
        axes.axhline(-row, color="0.85", linewidth=0.6, zorder=0)
        heights = [math.log2(min(max(value, 1 / 8), 8)) / 6 - row for value in values]
        last = next(value for value in reversed(values) if not math.isnan(value))
        color = "tab:red" if last < 1 else "tab:blue"
        axes.plot(heights, marker=".", markersize=2.5, linewidth=0.9, color=color)
        axes.annotate(
            f"{last:.3g}",
            (1.01, -row),
            xycoords=("axes fraction", "data"),
            verticalalignment="center",
            fontsize=6,
            color=color,
        )
    axes.set_yticks(range(0, -len(ratios), -1), ratios, fontsize=6)
    ends = sorted({0, len(runs) - 1})
    axes.set_xticks(ends, [runs[end] for end in ends], fontsize=6)
    axes.set_xlim(-0.2, len(runs) - 0.8)
    axes.set_ylim(-len(ratios) + 0.4, 0.6)
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)
    _save(figure, path)


def _figures(path: Path, panels: int) -> tuple[Any, list[Any]]:
    """A figure of several panels in a row."""
    figure, *grid = _figure(path, panels)
    figure.set_size_inches(PANEL[0] * panels, PANEL[1])
    return figure, grid


def _figure(path: Path, panels: int = 1) -> list[Any]:
    """The figure and its axes, side by side."""
    if path.suffix not in FORMATS:
        raise UserError(f"a figure is a file of {', '.join(FORMATS)}, not {path.name}")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UserError(
            "figures need the package matplotlib: pip install 'textgan_bench[plot]'"
        ) from None
    figure = Figure(figsize=(panels * SIZE[0], SIZE[1]), layout="constrained")
    places = figure.subplots(1, panels, squeeze=False)[0]
    for axes in places:
        axes.spines[["top", "right"]].set_visible(False)
    return [figure, *places]


def _wrapped(caption: str, width: float) -> list[str]:
    """The lines of a caption below a figure of ``width`` inches."""
    return textwrap.wrap(caption, int(width / SMALL_LETTER))


def _save(figure: Any, path: Path, caption: str = "") -> None:
    if caption:
        figure.supxlabel("\n".join(_wrapped(caption, figure.get_figwidth())), fontsize=6)
    # Without a date and with known identifiers the same scores give the same file.
    from matplotlib import rc_context

    dated = {".svg": "Date", ".pdf": "CreationDate"}
    metadata = {dated[path.suffix]: None} if path.suffix in dated else {}
    with rc_context({"svg.hashsalt": path.stem}), replaced(path) as file:
        figure.savefig(file, dpi=200, metadata=metadata, format=path.suffix[1:] or None)
