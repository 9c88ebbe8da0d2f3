"""What a paper claims, and whether the records bear it out: ``docs/claims.md``.

``leaderboard/claims/<paper>.toml`` says which rows would show a claim. Each pair of rows is
compared in each score; a pair of the method as printed comes first, one with what helps it second.
"""

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from textgan_bench.errors import UserError
from textgan_bench.leaderboard import ROOT, load_records
from textgan_bench.leaderboard.columns import column, digits
from textgan_bench.leaderboard.evidence import BUDGETS, Evidence, gather, matching, nearest
from textgan_bench.leaderboard.papers import printed_rows
from textgan_bench.leaderboard.records import Published, load_published
from textgan_bench.leaderboard.tables import Mean, markdown_text

SEEDS = 3
"""Of both rows, before they show anything."""
UNTRAINED = ("generator_step_ms", "sample_ms")
"""What is measured of a network, which no seed changes."""
READINGS = ("As printed", "With what helps it to start")
"""What the first pair of a part stands for, and the second one."""
TITLES = ("Score", "Should be in front", "And behind", "Printed", "Ours", "")


class Verdict(StrEnum):
    """What two rows say of a claim."""

    HOLDS = "holds"
    FAILS = "fails"
    CLOSE = "within the spreads"
    UNLIKE = "unequal budgets"
    """The row in front is that of the larger one; one that loses in spite of it fails."""
    FEW = "too few seeds"
    OPEN = "no record"


CLEAR = (Verdict.HOLDS, Verdict.FAILS)
TELLING = (*CLEAR, Verdict.CLOSE)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows of one data set that a claim is about."""

    data: str
    ours: Sequence[tuple[str, str]]
    """Pairs of rows, the one that should be in front first."""
    lower: Sequence[str | list[str]] = ()
    """Scores in which it should be the lower one; of a list, the first that both rows have."""
    higher: Sequence[str | list[str]] = ()
    knobs: tuple[float | None, float | None] = (None, None)
    """Settings of the knob of the two rows."""
    table: str = ""
    printed: tuple[str, str] = ("", "")
    """The two rows of that table, as the file of published values has them."""

    def scores(self) -> Iterator[tuple[list[str], bool]]:
        """Keys of each score, and whether the row in front has the lower one."""
        for scores, lower in ((self.lower, True), (self.higher, False)):
            for score in scores:
                yield ([score] if isinstance(score, str) else score), lower


@dataclass(frozen=True)
class Claim:
    """What a paper says."""

    says: str
    where: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Pair:
    """Two of our rows side by side; None is one that is not there."""

    names: tuple[str, str]
    rows: tuple[Evidence | None, Evidence | None]
    key: str
    lower: bool

    @property
    def scores(self) -> tuple[Mean, Mean] | None:
        """Of both rows, None where one has none."""
        first, second = (None if row is None else row.scores.get(self.key) for row in self.rows)
        return (first, second) if isinstance(first, Mean) and isinstance(second, Mean) else None

    @property
    def verdict(self) -> Verdict:
        """Whether the first row is in front by more than both spreads together, and fairly."""
        if self.scores is None:
            return Verdict.OPEN
        first, second = self.scores
        ahead = second.mean - first.mean if self.lower else first.mean - second.mean
        verdict = Verdict.HOLDS if ahead > 0 else Verdict.FAILS
        if self.key in UNTRAINED:
            return verdict
        one, other = (row for row in self.rows if row is not None)
        if min(one.seeds, other.seeds) < SEEDS:
            return Verdict.FEW
        if abs(ahead) <= (first.spread or 0) + (second.spread or 0):
            return Verdict.CLOSE
        front, behind = (one, other) if ahead > 0 else (other, one)
        larger = BUDGETS.index(front.budget) < BUDGETS.index(behind.budget)
        return Verdict.UNLIKE if larger else verdict

    @property
    def text(self) -> str:
        """``3.84 < 4.03``."""
        if self.scores is None:
            return ""
        of_score = column(self.key)
        places = min(digits(of_score, score.spread) for score in self.scores)
        return in_order(*(f"{score.mean:,.{places}f}" for score in self.scores))


def load(path: Path) -> list[Claim]:
    """The claims of a paper.

    Raises:
        UserError: the file holds none, or something else.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return [
            Claim(claim["says"], claim["where"], [Part(**part) for part in claim["parts"]])
            for claim in content["claims"]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: holds no claims ({error})") from error


def page(paper: str, root: Path = ROOT) -> Callable[[], str]:
    """A function that writes a summary of a paper's claims, then each with its comparisons."""

    def write() -> str:
        claims = load(root / "claims" / f"{paper}.toml")
        published = load_published(root)[paper]
        evidence, _ = gather(load_records(root), root)
        data = {part.data for claim in claims for part in claim.parts}
        known = {name: matching([each for each in evidence if each.data == name]) for name in data}
        summary = [table_line("", "Claim", *READINGS), "| ---: | --- | --- | --- |"]
        details = []
        for number, claim in enumerate(claims, 1):
            lines = [line for part in claim.parts for line in compared(part, known[part.data])]
            told = [counted(lines, reading) for reading in range(len(READINGS))]
            summary.append(table_line(str(number), markdown_text(claim.says), *told))
            details.append(detailed(number, claim, lines, published))
        return "\n\n".join(["\n".join(summary), *details])

    return write


@dataclass(frozen=True)
class Line:
    """One comparison of a claim."""

    part: Part
    reading: int
    """Place of its pair among those of the part."""
    printed: str
    """Key of the score as the paper has it."""
    pair: Pair
    passed: Pair | None = None
    """The pair at larger budgets, which shows nothing, where ``pair`` is another one."""


def compared(part: Part, evidence: Sequence[Evidence]) -> Iterator[Line]:
    """Each pair of a part in each of its scores.

    Each row at its largest budget of enough seeds; if that shows nothing, as the row in front has
    the larger one, both at the largest budget at which both have enough.
    """
    budgets = [
        [row for row in evidence if row.seeds >= SEEDS],
        *([row for row in evidence if row.budget == name] for name in BUDGETS),
        evidence,
    ]
    for keys, lower in part.scores():
        for reading, names in enumerate(part.ours):
            pairs = [_pair(part, names, keys, lower, rows) for rows in budgets]
            telling = (pair for pair in pairs if pair.verdict in TELLING)
            shown = next(telling, pairs[-1])
            unlike = pairs[0].verdict is Verdict.UNLIKE and shown.verdict is not Verdict.UNLIKE
            yield Line(part, reading, keys[0], shown, pairs[0] if unlike else None)


def _pair(
    part: Part, names: tuple[str, str], keys: list[str], lower: bool, evidence: Sequence[Evidence]
) -> Pair:
    """Two rows in the first score that both have."""
    found = [
        nearest(evidence, name, knob, set(keys))
        for name, knob in zip(names, part.knobs, strict=True)
    ]
    first, second = (next(iter(rows), None) for rows in found)
    shared = (
        key
        for key in keys
        if first and second and key in first.scores.keys() & second.scores.keys()
    )
    return Pair(names, (first, second), next(shared, keys[0]), lower)


def counted(lines: Sequence[Line], reading: int) -> str:
    """``holds: 2 of 5; fails: 3 of 5``: the verdicts of one reading."""
    verdicts = Counter(line.pair.verdict for line in lines if line.reading == reading)
    total = sum(verdicts.values())
    return "; ".join(f"{each}: {verdicts[each]} of {total}" for each in Verdict if verdicts[each])


def detailed(
    number: int, claim: Claim, lines: Sequence[Line], published: Sequence[Published]
) -> str:
    """A claim, a table of its comparisons, and the rows that they lack."""
    parts = [f"### {number}. {markdown_text(claim.says)}", f"{claim.where}."]
    table = [table_line(*TITLES), "| --- | --- | --- | --- | --- | --- |"]
    missing: dict[str, None] = {}
    for line in lines:
        pair = line.pair
        rows = [row_name(line, place) for place in range(2)]
        if pair.verdict == Verdict.OPEN:
            missing |= {
                f"{name} on {line.part.data}": None
                for name, row in zip(rows, pair.rows, strict=True)
                if row is None
            }
            continue
        score = f"{line.part.data}, {column(pair.key).title} {'↓' if pair.lower else '↑'}"
        verdict = f"**{pair.verdict}**" if pair.verdict in CLEAR else str(pair.verdict)
        if line.passed is not None:
            budgets = " and ".join(row.budget for row in line.passed.rows if row is not None)
            verdict += f"; at {budgets} {line.passed.text}"
        table.append(table_line(score, *rows, as_printed(line, published), pair.text, verdict))
    if len(table) > 2:
        parts.append("\n".join(table))
    if missing:
        parts.append(f"No record of {', '.join(missing)}.")
    return "\n\n".join(parts)


def row_name(line: Line, place: int) -> str:
    """``nagan at 0.1 (quick, 3 seeds)``."""
    row = line.pair.rows[place]
    knob = line.part.knobs[place] if row is None else row.knob
    name = f"`{line.pair.names[place]}`" + ("" if knob is None else f" at {knob:g}")
    if row is None:
        return name
    return f"{name} ({row.budget}{f', {row.seeds} seeds' if row.seeds > 1 else ''})"


def as_printed(line: Line, published: Sequence[Published]) -> str:
    """The two numbers of the paper.

    Raises:
        UserError: the published values have no such rows.
    """
    part = line.part
    if line.reading or not part.table:
        return ""
    rows = {method: scores for _, method, scores in printed_rows(published, part.data, part.table)}
    if any(line.printed not in rows.get(name, ()) for name in part.printed):
        raise UserError(f"{part.table} has no {line.printed} of {' and '.join(part.printed)}")
    return in_order(*(rows[name][line.printed].partition(" ±")[0] for name in part.printed))


def in_order(first: str, second: str) -> str:
    """Two numbers and the sign between them.

    >>> in_order("1,024", "9.5")
    '1,024 > 9.5'
    """
    one, other = (float(number.replace(",", "")) for number in (first, second))
    return f"{first} {'=' if one == other else '<' if one < other else '>'} {second}"


def table_line(*cells: str) -> str:
    """Cells as a line of a table."""
    return f"| {' | '.join(cells)} |"
