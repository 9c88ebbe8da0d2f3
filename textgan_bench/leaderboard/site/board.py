"""The table of a place, which a script sorts, filters and compares, and samples of its rows."""

import re
from collections.abc import Iterable, Mapping, Sequence

from textgan_bench.leaderboard.columns import Column, column
from textgan_bench.leaderboard.records import Record
from textgan_bench.leaderboard.site.gathered import Sample
from textgan_bench.leaderboard.site.meanings import MARKS, meaning, method
from textgan_bench.leaderboard.site.places import HOW, KINDS_OF_ROWS, Place
from textgan_bench.leaderboard.site.text import broken, caption, element, link, scroll, text
from textgan_bench.leaderboard.site.verdicts import (
    COVERAGE,
    NOVELTY,
    QUESTIONS,
    level,
    main_keys,
    own_error,
    standard_error,
    word_frequencies,
)
from textgan_bench.leaderboard.tables import Block, Line, best, figure_text, own_value

MORE = "more"
"""The class of the cells that a script hides until all columns are asked for."""

SPENT = "spent"
"""The class of the cells that a phone hides until then, and has below the name of the row."""

SAME = {"oracle_gap": "oracle_nll"}
"""Scores that say what another one says, less a constant: the page has the other one alone."""


def board(place: Place) -> str:
    """The table of a place."""
    block = place.block
    columns, more = arranged(block)
    counted = [
        name
        for name, has in (
            ("Hours", any(row.hours for row in block.rows)),
            ("Seeds", True),
            ("Updates", any(row.updates for row in block.rows)),
            ("Passes", any(row.passes for row in block.rows)),
        )
        if has
    ]
    looks = {"Passes": f"{SPENT} {MORE}"}
    header = [heading("Method", "text"), heading("Budget", "text", SPENT)]
    header += [heading(name, class_=looks.get(name, SPENT)) for name in counted]
    header += [score_heading(shown, block.rows, more=shown in more) for shown in columns]
    marked = [_marks(shown, block.rows) for shown in columns]
    lines = []
    for index, row in enumerate(block.rows):
        budget = "reference" if row.kind == "anchor" else row.budget
        cells = [_name(place, index, row), element("td", text(budget), class_=SPENT)]
        for name in counted:
            number = {
                "Hours": row.hours,
                "Seeds": f"{row.seeds or ''}",
                "Updates": row.updates,
                "Passes": f"{row.passes or ''}",
            }[name]
            value = re.sub(r"[^\d.]", "", number) or None
            inner = text(number)
            if name == "Updates" and row.tested:
                inner += " " + element("small", text(f"tested at {row.tested}"))
            cells.append(element("td", inner, data_v=value, class_=looks.get(name, SPENT)))
        cells += [
            _figure_cell(shown, row, mark.get(id(row)), block.rows, more=shown in more)
            for shown, mark in zip(columns, marked, strict=True)
        ]
        lines.append(
            element(
                "tr",
                "".join(cells),
                id=place.rows[index],
                class_=row.kind,
                data_method=row.method,
                data_budget=row.budget,
                data_seeds=row.seeds,
            )
        )
    said = (
        f"{text(place.title)}, data revision {text(place.records[0].data_revision)}, "
        f"{place.records[0].num_samples:,} samples a row. Bold is the best method of its "
        "budget, underlined what the noise does not tell from it."
    )
    if place.is_reference:
        said = (
            f"{text(place.title)}: one half of the test text scored against the other, so that no "
            "number compares with those above."
        )
    if more:
        scores = f"{len(more)} more scores" if len(more) > 1 else "1 more score"
        said += " " + element("span", f"The box <em>all columns</em> shows {scores}.", class_="few")
    table = element(
        "table",
        caption(said)
        + element("thead", element("tr", "".join(header)))
        + element("tbody", "".join(lines)),
        class_="board",
        id=place.name,
        data_title=place.title,
        data_pair=" ".join(place.pair) if place.pair else None,
    )
    return scroll(table, f"Table of {place.title}")


def arranged(block: Block) -> tuple[list[Column], set[Column]]:
    """The columns in their order, the main ones first, and those that are not."""
    known = [each.key for each in block.columns]
    columns = [each for each in block.columns if SAME.get(each.key) not in known]
    # Of two scores of novelty the one that the rows of methods have.
    runs = [row for row in block.rows if row.kind == "run"]
    lacked = [key for key in NOVELTY if any(key not in row.scores for row in runs)]
    keys = main_keys([each.key for each in columns if each.key not in lacked[:1]])
    if not keys:
        return columns, set()
    more = [each for each in columns if each.key not in keys]
    return [*map(column, keys), *more], set(more)


def marks(place: Place) -> str:
    """What is met in the table of a place beside its scores, below it."""
    rows = place.block.rows
    figures = [
        figure_text(shown, row) for row in rows for shown in place.block.columns if row.scores
    ]
    spent = [f"{row.hours} {row.updates}" for row in rows]
    met = {
        "Hours": any(row.hours for row in rows),
        "tested": any(row.tested for row in rows),
        "≥": any("≥" in each for each in spent),
        "Passes": any(row.passes for row in rows),
        "reference": any(row.kind == "anchor" for row in rows),
        "†": any("†" in each for each in figures),
        "‡": any(row.kind == "submitted" for row in rows),
    }
    said = ". ".join(MARKS[name] for name, is_met in met.items() if is_met)
    return element("p", text(f"{said}."), class_="notes") if said else ""


def words(place: Place) -> str:
    """What the methods and the columns of a place are, folded."""
    rows = [row for row in place.block.rows if row.kind == "run"]
    columns, _ = arranged(place.block)
    scores = "".join(
        element("dt", text(f"{each.title} {each.better}".strip()))
        + element("dd", text(meaning(each.key) or "a score of others"))
        for each in columns
    )
    return element(
        "details",
        element("summary", "What its methods and columns mean")
        + described(row.records[0].method for row in rows)
        + element("dl", scores, class_="methods"),
    )


def described(names: Iterable[str]) -> str:
    """Methods and what they are, as a list of terms."""
    lines = [
        element("dt", text(name)) + element("dd", text(method(name) or "a method of others"))
        for name in sorted(set(names))
    ]
    return element("dl", "".join(lines), class_="methods") if lines else ""


def _marks(shown: Column, rows: Sequence[Line]) -> dict[int, str]:
    """Which rows a column marks, by ``id``, and how."""
    marks = {id(row): "level" for row in level(shown, rows)}
    return marks | {id(row): "best" for row in best(shown, rows)}


def _name(place: Place, index: int, row: Line) -> str:
    if row.kind == "run":
        name, _, setting = row.method.partition(" (")
        named = link(f"#{place.rows[index]}{HOW}", broken(name))
        if setting:
            named += " " + element("small", text(setting.removesuffix(")")))
        if what := method(row.records[0].method):
            named += element("small", text(what), class_="what")
        if row.same:
            named += element("small", text(f"{' and '.join(row.same)}: the same to the last digit"))
    else:
        named = text(row.method)
        if row.method in KINDS_OF_ROWS:
            named += element("small", KINDS_OF_ROWS[row.method])
    spent = ""
    if row.kind != "anchor":
        seeds = f"{row.seeds} seed{'s' if row.seeds != 1 else ''}"
        spent = ", ".join(filter(None, (row.budget, row.hours and f"{row.hours} h", seeds)))
    return element("th", named, scope="row", data_spent=spent or None)


def heading(title: str, kind: str = "number", class_: str | None = None) -> str:
    """The heading of a column that is sorted as text or as numbers."""
    return element("th", text(title), scope="col", data_kind=kind, class_=class_)


def score_heading(shown: Column, rows: Sequence[Line], *, more: bool = False) -> str:
    """The heading of a score, and what a script must know to order it.

    Args:
        shown: the score.
        rows: those of the table.
        more: whether it is none of the main scores.
    """
    own = own_value(shown.key, rows)
    return element(
        "th",
        _unbroken(f"{shown.title} {shown.better}".strip()),
        scope="col",
        data_kind="number",
        data_key=shown.key,
        data_better=shown.better,
        data_asked=asked(shown.key),
        data_digits=shown.digits,
        data_own=None if own is None else f"{own:.6g}",
        data_own_e=f"{own_error(shown.key, rows):.3g}" if own is not None else None,
        title=meaning(shown.key) or None,
        class_=MORE if more else None,
    )


def asked(key: str) -> str | None:
    """The question that a score answers and its place among the scores that do, for the script."""
    for question in QUESTIONS:
        if key in question.keys:
            return f"{question.keys.index(key)} {question.title}"
    return None


def _unbroken(title: str) -> str:
    """A title whose arrow stays beside its last word."""
    first, _, last = title.rpartition(" ")
    words, _, word = first.rpartition(" ")
    return text(words) + (" " if words else "") + element("span", text(f"{word} {last}".strip()))


def _figure_cell(
    shown: Column, row: Line, mark: str | None, rows: Sequence[Line], *, more: bool
) -> str:
    # A narrow cell breaks before the deviation, not within it.
    figure = text(figure_text(shown, row)).replace("± ", "±\u00a0")
    if mark is not None:
        figure = element("strong", figure, class_="level" if mark == "level" else None)
    if shown == COVERAGE and row.kind == "run" and word_frequencies(row, rows) is not None:
        figure += " " + element("small", "not clearly better than unigram", class_="floor")
    value = row.value(shown.key)
    error = standard_error(shown.key, row)
    return element(
        "td",
        figure,
        data_v=None if value is None else f"{value:.6g}",
        data_e=None if error is None or value is None else f"{error:.3g}",
        class_=MORE if more else None,
    )


def samples(places: Sequence[Place], known: Mapping[tuple[str, str], Sequence[Sample]]) -> str:
    """Samples of the rows of places, side by side.

    Args:
        places: those of a data set.
        known: sentences by data set and name of the record.
    """
    cards, without = [], []
    unprinted = False
    for place in places:
        rows = [row for row in place.block.rows if row.kind != "anchor"]
        # The best first, then the others in the order of the table.
        for shown in {id(row): row for row in [*place.winners, *rows]}.values():
            having = (
                (record, lines)
                for record in shown.records
                if (lines := known.get((place.data, record.stem)))
            )
            record, lines = next(having, (None, ()))
            if record is None:
                without.append(f"{shown.records[0].method}, {shown.budget}")
                continue
            cards.append(_sample_card(shown, record, lines, place.name_of(shown)))
            unprinted |= any(each.similarity is not None and not each.neighbour for each in lines)
    if not cards and not without:
        return ""
    said = []
    if unprinted:
        said.append(
            "Overlap is that of n-grams with the nearest training sentence. That sentence is not "
            "printed: the licence of its text does not let us hand it on."
        )
    if without:
        said.append(f"No samples are kept of {'; '.join(without)}.")
    return (
        element("h3", "Samples, the first ones of a run")
        + (element("p", text(" ".join(said)), class_="notes") if said else "")
        + (element("div", "".join(cards), class_="samples") if cards else "")
    )


def _sample_card(row: Line, record: Record, lines: Sequence[Sample], target: str) -> str:
    items = []
    for line in lines:
        beside = ""
        if line.similarity is not None:
            said = f"nearest in training, overlap {line.similarity:.2f}"
            beside = element("small", text(f"{said}: {line.neighbour}" if line.neighbour else said))
        items.append(element("li", element("q", text(line.text)) + beside))
    title = link(f"#{target}", text(f"{row.method}, {row.budget}, seed {record.seed}"))
    return element("article", element("h4", title) + element("ol", "".join(items)))
