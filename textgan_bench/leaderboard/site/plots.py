"""Figures as inline SVG: quality against diversity along a knob, and training curves.

Each has a title, a description, a legend with names beside marks of different shape, and its
numbers as a table, so that neither colour nor sight is needed.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from textgan_bench.leaderboard.site.labels import LETTER, Box, Labels, needed
from textgan_bench.leaderboard.site.text import caption, element, scroll, text

WIDTH, HEIGHT = 520, 360
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 14, 46
TITLE = 28
"""Room of the title beside an axis, and between it and its numbers."""
KINDS = 12
"""Marks of different shape."""
COLOURS = 8
FILLINGS = ("", "second", "third")
"""Fillings of a mark and dashes of its line: one mark stands for a method, each of these for one of
its budgets."""
RATIO_OF_LOG = 5
"""The longest of the curves over the shortest, from which their axis is logarithmic."""
LARGE = 1.5
"""How much larger the mark of the table's setting is."""
TOUCHING = 4.0
"""Marks that are nearer to each other than this hide each other."""
AROUND, WIDEST = 0.65, 4.0
"""How much larger a mark is drawn, and hollow, around one that it would hide; how large at most."""
CLOSE = 2.5
"""Lines that are nearer to each other than this hide each other."""


@dataclass(frozen=True)
class Axis:
    """What one axis shows."""

    title: str
    inverted: bool = False
    """Whether smaller values lie to the right, or at the top."""
    log: bool = False
    least: float = 0.0
    """What it spans at least: less would make a picture of noise."""


@dataclass(frozen=True)
class Point:
    """A mean over seeds and the range of these."""

    x: float
    y: float
    label: str = ""
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    own: bool = False
    """Whether it is the setting that the table shows."""


class Look(NamedTuple):
    """How a series looks in all figures of a section."""

    kind: int = 0
    """Its mark, which is that of its method."""
    filling: int = 0
    """The filling of its mark and the dashes of its line, which are those of its budget."""


PLAIN = Look()


@dataclass(frozen=True)
class Series:
    """A row of the table, as points."""

    name: str
    points: Sequence[Point]
    target: str = ""
    """Where its row stands on the page."""
    marked: bool = True
    """Whether each point has a mark, not the last one and those of the table alone."""
    look: Look = PLAIN


@dataclass(frozen=True)
class Reference:
    """The data itself: a point, or a level where there is no x."""

    name: str
    y: float
    x: float | None = None


@dataclass(frozen=True)
class Figure:
    """One figure."""

    name: str
    """Of its place on the page."""
    title: str
    x: Axis
    y: Axis
    series: Sequence[Series]
    references: Sequence[Reference] = field(default=())


Scale = Callable[[float], float]


def draw(figure: Figure) -> str:
    """The figure as SVG, without its legend.

    Where the data itself has no room for its name beside it, the figure is drawn with more.
    """
    drawn, apart = _drawn(figure, roomy=False)
    return _drawn(figure, roomy=True)[0] if apart else drawn


def _drawn(figure: Figure, *, roomy: bool) -> tuple[str, bool]:
    """The figure, and whether the name of the data itself stands apart from it."""
    points = [point for series in figure.series for point in series.points]
    xs = [value for point in points for value in (point.x, *(point.x_range or ()))]
    for each in figure.references:
        if each.x is not None:
            xs.append(each.x)
            if roomy:
                across = WIDTH - RIGHT - LEFT
                end = max(xs) if figure.x.inverted else min(xs)
                xs.append(end + (each.x - end) * across / (across - needed(each.name)))
    ys = [value for point in points for value in (point.y, *(point.y_range or ()))]
    ys += [each.y for each in figure.references]
    y_scale, y_ticks = _axis(figure.y, ys, HEIGHT - BOTTOM, TOP)
    # The numbers of an axis have the room beside its title that they need.
    left = max(
        LEFT, round(TITLE + LETTER * max((len(_number(value)) for value in y_ticks), default=0))
    )
    x_scale, x_ticks = _axis(figure.x, xs, left, WIDTH - RIGHT)
    parts = [_grid(figure, x_scale, x_ticks, y_scale, y_ticks, left)]
    labels = Labels(Box(left, 2, WIDTH, HEIGHT - BOTTOM))
    drawn = _Drawn()
    # What lies where the data itself does is drawn around its cross.
    crosses = [(each.x, each.y) for each in figure.references if each.x is not None]
    drawn.marks += [(x_scale(x), y_scale(y), LARGE) for x, y in crosses]
    parts += [_series(series, x_scale, y_scale, labels, drawn) for series in figure.series]
    # The data itself is what all others are judged by: nothing covers it.
    parts += [_reference(each, x_scale, y_scale, labels, left) for each in figure.references]
    parts.append(labels.drawn())
    head = (
        f'<title id="{figure.name}~t">{text(figure.title)}</title>'
        f'<desc id="{figure.name}~d">{text(description(figure))}</desc>'
    )
    svg = (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-labelledby="{figure.name}~t {figure.name}~d">{head}{"".join(parts)}</svg>'
    )
    return svg, labels.apart


def legend(figure: Figure) -> str:
    """The names of the series beside their marks."""
    items = [
        element(
            "li",
            _key(_look(series), _mark(series.look.kind, 0, 0))
            + (
                element("a", text(series.name), href=f"#{series.target}")
                if series.target
                else text(series.name)
            ),
        )
        for series in figure.series
    ]
    for each in figure.references:
        drawn = '<path class="level" d="M-7 0h14"/>' if each.x is None else _cross(0, 0)
        items.append(element("li", _key("", drawn) + text(each.name)))
    return element("ul", "".join(items), class_="legend")


def _key(look: str, drawn: str) -> str:
    classes = f"key {look}".strip()
    return f'<svg class="{classes}" viewBox="-7 -7 14 14" aria-hidden="true">{drawn}</svg>'


def gallery(title: str, said: str, figures: Sequence[Figure], remarks: Sequence[str]) -> str:
    """Figures under a heading, each with its legend and its numbers.

    Args:
        title: of all of them.
        said: how they are read.
        figures: what is drawn.
        remarks: what is not.
    """
    drawn = "".join(
        element(
            "figure",
            element("figcaption", text(figure.title))
            + draw(figure)
            + legend(figure)
            + _numbers(figure),
            id=figure.name,
        )
        for figure in figures
    )
    more = "".join(element("p", text(remark), class_="notes") for remark in remarks)
    return (
        element("h3", title) + element("p", said) + element("div", drawn, class_="figures") + more
    )


def _numbers(figure: Figure) -> str:
    """The numbers of a figure as a table; of a long series its ends and every tenth."""
    lines = []
    labelled = any(point.label for series in figure.series for point in series.points)
    for series in figure.series:
        step = max(1, len(series.points) // 10)
        kept = [*series.points[::step], *series.points[-1:]]
        for point in dict.fromkeys(kept):
            cells = [
                element("th", text(series.name), scope="row"),
                element("td", f"{point.x:.4g}"),
                element("td", f"{point.y:.4g}"),
            ]
            cells += [element("td", text(point.label or "–"))] if labelled else []
            lines.append(element("tr", "".join(cells)))
    heads = ["Row", figure.x.title, figure.y.title, *(["Setting"] if labelled else [])]
    table = element(
        "table",
        caption(text(f"Numbers of the figure: {figure.title}"))
        + element(
            "thead",
            element("tr", "".join(element("th", text(head), scope="col") for head in heads)),
        )
        + element("tbody", "".join(lines)),
        class_="words",
    )
    return element(
        "details", element("summary", "Its numbers") + scroll(table, f"Numbers: {figure.title}")
    )


def description(figure: Figure) -> str:
    """What a reader who does not see the figure is told of it."""
    lines = [f"{figure.y.title} against {figure.x.title}."]
    for series in figure.series:
        first, last = series.points[0], series.points[-1]
        if len(series.points) == 1:
            lines.append(f"{series.name}: {first.x:.4g}, {first.y:.4g}.")
        else:
            lines.append(
                f"{series.name}: from {first.x:.4g}, {first.y:.4g} to {last.x:.4g}, {last.y:.4g}."
            )
    for each in figure.references:
        place = f"{each.x:.4g}, " if each.x is not None else ""
        lines.append(f"{each.name}: {place}{each.y:.4g}.")
    return " ".join(lines)[:500]


def ticks(low: float, high: float) -> list[float]:
    """Round numbers between two values, four to seven of them.

    >>> ticks(0.13, 0.58), ticks(3.9, 4.1)
    ([0.2, 0.3, 0.4, 0.5], [3.9, 3.95, 4.0, 4.05, 4.1])
    """
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first
    return [float(f"{(first + number) * step:.10g}") for number in range(count + 1)]


def _axis(
    axis: Axis, values: Sequence[float], start: float, end: float
) -> tuple[Scale, list[float]]:
    """From values to places, with room around them, and where the ticks are."""
    if axis.log:
        low, high = math.log10(min(values)), math.log10(max(values))
    else:
        low, high = min(values), max(values)
    room = max((high - low) * 0.06, (axis.least - (high - low)) / 2) or abs(high) * 0.05 or 1.0
    low, high = low - room, high + room
    first, last = (end, start) if axis.inverted else (start, end)

    def scale(value: float) -> float:
        position = math.log10(value) if axis.log else value
        return round(first + (last - first) * (position - low) / (high - low), 1)

    if axis.log:
        powers = range(math.floor(low), math.ceil(high) + 1)
        # From two decades on, a tick at each factor would stand on the next one's number.
        factors = (1, 2, 5) if high - low < 2 else (1,)
        marks = [factor * 10.0**power for power in powers for factor in factors]
        return scale, [mark for mark in marks if low <= math.log10(mark) <= high]
    return scale, ticks(low, high)


def _grid(
    figure: Figure,
    x_scale: Scale,
    x_ticks: list[float],
    y_scale: Scale,
    y_ticks: list[float],
    left: int,
) -> str:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    lines = "".join(f"M{x_scale(value)} {TOP}V{bottom}" for value in x_ticks)
    lines += "".join(f"M{left} {y_scale(value)}H{right}" for value in y_ticks)
    numbers = "".join(
        f'<text class="n" x="{x_scale(value)}" y="{bottom + 15}" text-anchor="middle">'
        f"{_number(value)}</text>"
        for value in x_ticks
    )
    numbers += "".join(
        f'<text class="n" x="{left - 6}" y="{y_scale(value) + 4}" text-anchor="end">'
        f"{_number(value)}</text>"
        for value in y_ticks
    )
    middle = (TOP + bottom) / 2
    titles = (
        f'<text class="t" x="{(left + right) / 2}" y="{HEIGHT - 8}" text-anchor="middle">'
        f"{text(figure.x.title)}</text>"
        f'<text class="t" transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">'
        f"{text(figure.y.title)}</text>"
    )
    return f'<path class="grid" d="{lines}"/>{numbers}{titles}'


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _reference(
    reference: Reference, x_scale: Scale, y_scale: Scale, labels: Labels, left: int
) -> str:
    y = y_scale(reference.y)
    if reference.x is None:
        labels.data(reference.name, None, y)
        return f'<path class="level" d="M{left} {y}H{WIDTH - RIGHT}"/>'
    x = x_scale(reference.x)
    labels.data(reference.name, x, y)
    return f"<g>{_cross(x, y)}<title>{text(reference.name)}</title></g>"


def _cross(x: float, y: float) -> str:
    """The mark of the data itself, on a ground of its own."""
    cross = f"M{x - 5} {y - 5}l10 10m0-10l-10 10"
    return f'<path class="ground" d="{cross}"/><path class="real" d="{cross}"/>'


class _Drawn:
    """Marks and lines of the series before."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, float, float]] = []
        """Where each is, and how large."""
        self.lines: list[dict[float, float]] = []
        """Of each line its y by its x."""

    def around(self, x: float, y: float) -> float:
        """How large a mark is that leaves those below it in sight; 0 where there are none."""
        below = [size for at, to, size in self.marks if math.hypot(x - at, y - to) < TOUCHING]
        return min(max(below) + AROUND, WIDEST) if below else 0.0

    def hides(self, places: Sequence[tuple[float, float]]) -> bool:
        """Whether half of a line or more lies on one of those before."""
        near = max(
            (sum(x in line and abs(y - line[x]) < CLOSE for x, y in places) for line in self.lines),
            default=0,
        )
        on_marks = sum(self.around(x, y) > 0 for x, y in places)
        return 2 * max(near, on_marks) >= len(places)


def _series(series: Series, x_scale: Scale, y_scale: Scale, labels: Labels, drawn: _Drawn) -> str:
    kind = series.look.kind
    places = [(x_scale(point.x), y_scale(point.y)) for point in series.points]
    parts = []
    ranges = [point.y_range for point in series.points]
    if len(places) > 1 and all(ranges):
        lower, upper = (
            [(x, y_scale(each[end])) for (x, _), each in zip(places, ranges, strict=True) if each]
            for end in (0, 1)
        )
        parts.append(f'<path class="band" d="M{_joined([*upper, *reversed(lower)])}Z"/>')
        labels.avoid_band(upper, lower)
    if len(places) > 1:
        over = " over" if drawn.hides(places) else ""
        parts.append(f'<path class="line{over}" d="M{_joined(places)}"/>')
        labels.avoid_line(places)
    for (x, y), point in zip(places, series.points, strict=True):
        whiskers = []
        if point.x_range is not None:
            whiskers.append([(x_scale(end), y) for end in point.x_range])
        if point.y_range is not None and len(places) == 1:
            whiskers.append([(x, y_scale(end)) for end in point.y_range])
        for whisker in whiskers:
            parts.append(f'<path class="whisker" d="M{_joined(whisker)}"/>')
            labels.avoid_line(whisker)
    own: list[tuple[float, float, float]] = []
    # Without marks its last point has one, so that colour is not all that tells it.
    for number, ((x, y), point) in enumerate(zip(places, series.points, strict=True), start=1):
        if not (series.marked or point.own or number == len(places)):
            continue
        size = LARGE if point.own else 1.0
        around = drawn.around(x, y)
        size = max(size, around)
        own.append((x, y, size))
        labels.avoid(x, y, (7 if around else 5) * size)
        named = f"{series.name}, {point.label}" if point.label else series.name
        said = f"{named}: {point.x:.4g}, {point.y:.4g}"
        mark = _mark(kind, x, y, size, ring=around > 0)
        parts.append(f"<g>{mark}<title>{text(said)}</title></g>")
    drawn.marks += own
    drawn.lines.append(dict(places))
    if series.marked:
        ends = list(zip(places, series.points, strict=True))
        for (x, y), point in dict.fromkeys([*ends[:1], *ends[-1:]]):
            if point.label:
                labels.knob(point.label, x, y, f"s{kind % COLOURS}")
    return f'<g class="{_look(series)}">{"".join(parts)}</g>'


def _joined(places: Sequence[tuple[float, float]]) -> str:
    return "L".join(f"{x} {y}" for x, y in places)


def _look(series: Series) -> str:
    """Classes that colour a series, and tell one of its budgets from another."""
    kind, filling = series.look
    more = FILLINGS[(filling + kind // KINDS) % len(FILLINGS)]
    return f"s{kind % COLOURS} {more}".strip()


def _mark(kind: int, x: float, y: float, size: float = 1.0, *, ring: bool = False) -> str:
    """A mark of its own shape for each kind; a ring leaves what is below it in sight."""
    shapes = (
        (-4, 0, 4),  # a disc
        "M-4-4h8v8h-8z",
        "M0-5l5 9h-10z",
        "M0-5.5l5.5 5.5l-5.5 5.5l-5.5-5.5z",
        "M0 5l5-9h-10z",
        "M-2-5h4v3h3v4h-3v3h-4v-3h-3v-4h3z",
        "M0-5.5l5 3.5l-2 6h-6l-2-6z",
        "M-5-2.5h10v5h-10z",
        "M5 0l-9 5v-10z",
        "M-5 0l9-5v10z",
        "M-2.5-5h5v10h-5z",
        "M0-6l1.7 4.3h4.3l-3.4 2.8l1.3 4.4l-3.9-2.7l-3.9 2.7l1.3-4.4l-3.4-2.8h4.3z",
    )
    shape = shapes[kind % KINDS]
    place = f' transform="translate({x} {y})"' if x or y else ""
    if size != 1.0:
        place = f' transform="translate({x} {y}) scale({size:.4g})"'
    look = "mark ring" if ring else "mark"
    if isinstance(shape, tuple):
        return f'<circle class="{look}" r="{shape[2]}"{place}/>'
    return f'<path class="{look}" d="{shape}"{place}/>'
