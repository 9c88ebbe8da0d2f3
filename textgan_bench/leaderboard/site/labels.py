"""Where the labels of a figure stand, so that none covers a mark, a line or another label.

Places and sizes are in units of the figure. Labels are measured as a phone prints them, where they
are largest; what is free there is free on a wider screen. A knob's setting that fits on a wider
screen alone is of the class ``wide``.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from textgan_bench.leaderboard.site.text import text

LETTER, BOLD_LETTER = 8.4, 9.4
"""Width of a character at most, on average."""
ASCENT, DESCENT = 12, 4
"""Height of a label above and below its base line."""
LINE = 14
"""From one line of a label to the next."""
WIDE = 11 / 15
"""Size of a label on a wider screen, in that on a phone."""
CELL = 4
"""Side of the squares in which it is noted what is taken."""
STEP = 8
"""Between the places that are tried."""
REACH = 40
"""A knob's setting is no further from its mark than this."""
SHORT_OF = 2
"""Between the end of a line and the label that it leads to."""
NEAR = 14
"""A label further than this from its mark is joined to it by a line."""

Place = tuple[float, float]
Cells = set[tuple[int, int]]


class Box(NamedTuple):
    """A rectangle; the top has the smaller number."""

    left: float
    top: float
    right: float
    bottom: float

    def cells(self) -> Iterator[tuple[int, int]]:
        """The squares that it touches."""
        for across in range(int(self.left // CELL), int(self.right // CELL) + 1):
            for down in range(int(self.top // CELL), int(self.bottom // CELL) + 1):
                yield across, down

    def before(self, x: float, y: float) -> Place:
        """Where a line ends that leads to it from a place, short of its letters."""
        to_x, to_y = self.nearest(x, y)
        share = max(0.0, 1 - SHORT_OF / (math.hypot(to_x - x, to_y - y) or SHORT_OF))
        return x + share * (to_x - x), y + share * (to_y - y)

    def nearest(self, x: float, y: float) -> Place:
        """Its point that is nearest to a place."""
        return min(max(x, self.left), self.right), min(max(y, self.top), self.bottom)


class Labels:
    """The labels of one figure.

    Args:
        area: the rectangle that they stay in.
    """

    def __init__(self, area: Box) -> None:
        self.area = area
        self.apart = False
        """Whether the name of the data itself stands apart from its mark, once it is drawn."""
        self._marks: Cells = set()
        """Of marks and of labels, which nothing may cover."""
        self._lines: Cells = set()
        self._bands: Cells = set()
        self._knobs: list[tuple[str, float, float, str]] = []
        self._data: list[tuple[str, float | None, float]] = []

    def knob(self, label: str, x: float, y: float, kind: str) -> None:
        """Ask for the setting of a knob beside its point, of a class that colours it."""
        self._knobs.append((label, x, y, kind))

    def data(self, label: str, x: float | None, y: float) -> None:
        """Ask for the name of the data itself, which has a mark, or a level where x is None."""
        self._data.append((label, x, y))
        if x is not None:
            self.avoid(x, y, 6)

    def avoid(self, x: float, y: float, radius: float) -> None:
        """Keep a mark free."""
        self._marks.update(Box(x - radius, y - radius, x + radius, y + radius).cells())

    def avoid_line(self, places: Sequence[Place]) -> None:
        """Keep a line free that joins places."""
        for (x, y), (to_x, to_y) in pairwise(places):
            steps = max(1, math.ceil(max(abs(to_x - x), abs(to_y - y)) / CELL))
            for step in range(steps + 1):
                share = step / steps
                across, down = x + share * (to_x - x), y + share * (to_y - y)
                self._lines.add((int(across // CELL), int(down // CELL)))

    def avoid_band(self, uppers: Sequence[Place], lowers: Sequence[Place]) -> None:
        """Keep a band free between two lines that share their x."""
        ends = list(zip(uppers, lowers, strict=True))
        for ((x, top), (_, bottom)), ((to_x, to_top), (_, to_bottom)) in pairwise(ends):
            steps = max(1, math.ceil(abs(to_x - x) / CELL))
            for step in range(steps + 1):
                share = step / steps
                across = x + share * (to_x - x)
                high, low = top + share * (to_top - top), bottom + share * (to_bottom - bottom)
                self._bands.update(Box(across, high, across, low).cells())

    def drawn(self) -> str:
        """The labels that there is room for; the legend has the names of all."""
        parts = [
            self._level(label, y) if x is None else self._mark(label, x, y)
            for label, x, y in self._data
        ]
        parts += [self._beside(*wanted) for wanted in self._knobs]
        return "".join(parts)

    def _free(self, box: Box, *others: Cells) -> bool:
        area = self.area
        inside = box.left >= area.left and box.right <= area.right
        if not inside or box.top < area.top or box.bottom > area.bottom:
            return False
        return not any(cell in taken for cell in box.cells() for taken in (self._marks, *others))

    def _mark(self, label: str, x: float, y: float) -> str:
        """The name beside the mark, in a line or in two, where it covers nothing at all.

        Where no such place is near, a line joins it to the mark.
        """
        area = self.area
        across, down = round(area.right - area.left), round(area.bottom - area.top)
        two = halves(label)
        for lines, furthest in (([label], NEAR), (two, NEAR), ([label], math.inf)):
            width = round(BOLD_LETTER * max(map(len, lines)))
            for dx, dy, distance in _around(width, len(lines), across, down):
                if distance > furthest:
                    break
                box = _box(x + dx, y + dy, width, lines=len(lines))
                if not self._free(box, self._lines, self._bands):
                    continue
                leader = ""
                if distance > NEAR:
                    self.apart = True
                    to_x, to_y = box.before(x, y)
                    leader = f'<path class="leader" d="M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}"/>'
                return leader + self._placed(lines, box, "real", x)
        self.apart = True
        return ""

    def _level(self, label: str, y: float) -> str:
        width = BOLD_LETTER * len(label)
        count = int((self.area.right - self.area.left - width) // STEP)
        for others in ((self._lines, self._bands), (self._lines,)):
            for base in (y - 5, y + ASCENT + 3):
                for step in range(count):
                    box = _box(self.area.left + STEP * step, base, width)
                    if self._free(box, *others):
                        return self._placed([label], box, "real", self.area.left)
        return ""

    def _beside(self, label: str, x: float, y: float, kind: str) -> str:
        for size, look in ((1.0, kind), (WIDE, f"{kind} wide")):
            width = size * LETTER * len(label)
            above, below = -4 - size * DESCENT, 5 + size * ASCENT
            right, left, middle = 6, -6 - width, -width / 2
            corners = [
                _box(x + dx, y + dy, width, size)
                for dx, dy in (
                    *((right + 2, 4), (left - 2, 4), (right, above), (right, below)),
                    *((left, above), (left, below), (middle, above - 3), (middle, below + 3)),
                )
            ]
            for box in corners:
                if self._free(box, self._lines):
                    return self._placed([label], box, look, x, size)
            # Further off, a line of its own colour joins it to its mark.
            for dx, dy, distance in _around(round(width), 1, REACH, REACH):
                box = _box(x + dx, y + dy, width, size)
                if distance <= REACH and self._free(box, self._lines):
                    to_x, to_y = box.before(x, y)
                    leader = (
                        f'<path class="leader {look}" d="M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}"/>'
                    )
                    return leader + self._placed([label], box, look, x, size)
        return ""

    def _placed(
        self, lines: Sequence[str], box: Box, kind: str, x: float, size: float = 1.0
    ) -> str:
        """A label in its box, at the side or in the middle of it that is nearest to its mark."""
        self._marks.update(box.cells())
        place, side = box.left, ""
        if box.right < x:
            place, side = box.right, ' text-anchor="end"'
        elif box.left < x:
            place, side = (box.left + box.right) / 2, ' text-anchor="middle"'
        base = box.top + size * ASCENT
        shown = text(lines[0]) + "".join(
            f' <tspan x="{place:.1f}" dy="{LINE}">{text(line)}</tspan>' for line in lines[1:]
        )
        return f'<text class="label {kind}" x="{place:.1f}" y="{base:.1f}"{side}>{shown}</text>'


def needed(label: str) -> float:
    """Room at the side of a mark that a label takes in two lines."""
    return BOLD_LETTER * max(map(len, halves(label))) + 2 * STEP


def halves(label: str) -> list[str]:
    """A label in two lines that are as short as can be; in one where it is a word.

    >>> halves("the data itself"), halves("real text"), halves("oracle")
    (['the data', 'itself'], ['real', 'text'], ['oracle'])
    """
    words = label.split(" ")
    broken = [[" ".join(words[:at]), " ".join(words[at:])] for at in range(1, len(words))]
    return min(broken, key=lambda lines: max(map(len, lines)), default=[label])


def _box(left: float, base: float, width: float, size: float = 1.0, lines: int = 1) -> Box:
    bottom = base + (lines - 1) * LINE + size * DESCENT
    return Box(left, base - size * ASCENT, left + width, bottom)


@lru_cache(maxsize=16)
def _around(width: int, lines: int, across: int, down: int) -> Sequence[tuple[float, float, float]]:
    """Places of a label from its mark on, and how far off it then is, the nearest first.

    A place is where the label begins, and the base of its first line.
    """
    above, below = -12 - (lines - 1) * LINE, 22
    level = DESCENT - (lines - 1) * LINE / 2
    beside: Iterable[Place] = (
        *((8, level), (-8 - width, level), (-width / 2, above), (-width / 2, below)),
        *((dx, dy) for dx in range(-across, across, STEP) for dy in range(-down, down, STEP)),
    )
    found = [
        (dx, dy, math.hypot(*_box(dx, dy, width, lines=lines).nearest(0, 0))) for dx, dy in beside
    ]
    return sorted(found, key=lambda place: place[2])
