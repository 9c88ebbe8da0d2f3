"""The table of a place, which a script sorts, filters and compares, and samples of its rows."""

import re
from collections.abc import Mapping, Sequence

from textgan_bench.leaderboard.columns import Column, column
from textgan_bench.leaderboard.records import Record
from textgan_bench.leaderboard.site.gathered import Sample
from textgan_bench.leaderboard.site.meanings import meaning
from textgan_bench.leaderboard.site.places import HOW, KINDS_OF_ROWS, Place
from textgan_bench.leaderboard.site.text import caption, element, link, scroll, text
from textgan_bench.leaderboard.site.verdicts import level, main_keys, standard_error
from textgan_bench.leaderboard.tables import Block, Line, best, figure_text, own_value

MORE = "more"
"""The class of the cells that a script hides until all scores are asked for."""


def board(place: Place) -> str:
    """The table of a place."""
    block = place.block
    columns, more = _arranged(block)
    counted = [
        name
        for name, has in (
            ("Updates", any(row.updates for row in block.rows)),
            ("Passes", any(row.passes for row in block.rows)),
        )
        if has
    ]
    header = [heading("Method", "text"), heading("Budget", "text"), heading("Seeds")]
    header += [heading(name) for name in counted]
    header += [score_heading(shown, block.rows, more=shown in more) for shown in columns]
    marks = [_marks(shown, block.rows) for shown in columns]
    lines = []
    for index, row in enumerate(block.rows):
        cells = [_name(place, index, row), element("td", text(row.budget))]
        cells.append(element("td", str(row.seeds), data_v=row.seeds))
        for name in counted:
            number = row.updates if name == "Updates" else f"{row.passes or ''}"
            value = re.sub(r"[^\d.]", "", number) or None
            cells.append(element("td", text(number), data_v=value))
        cells += [
            _figure_cell(shown, row, mark.get(id(row)), more=shown in more)
            for shown, mark in zip(columns, marks, strict=True)
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
    if more:
        scores = f"{len(more)} more scores" if len(more) > 1 else "1 more score"
        said += " " + element("span", f"The box <em>all scores</em> shows {scores}.", class_="few")
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


def _arranged(block: Block) -> tuple[list[Column], set[Column]]:
    """The columns in their order, the main ones first, and those that are not."""
    keys = main_keys([each.key for each in block.columns])
    if not keys:
        return block.columns, set()
    more = [each for each in block.columns if each.key not in keys]
    return [*map(column, keys), *more], set(more)


def _marks(shown: Column, rows: Sequence[Line]) -> dict[int, str]:
    """Which rows a column marks, by ``id``, and how."""
    marks = {id(row): "level" for row in level(shown, rows)}
    return marks | {id(row): "best" for row in best(shown, rows)}


def _name(place: Place, index: int, row: Line) -> str:
    if row.kind == "run":
        method, _, setting = row.method.partition(" (")
        named = link(f"#{place.rows[index]}{HOW}", text(method))
        if setting:
            named += " " + element("small", text(setting.removesuffix(")")))
    else:
        named = text(row.method)
        if row.method in KINDS_OF_ROWS:
            named += element("small", KINDS_OF_ROWS[row.method])
    return element("th", named, scope="row")


def heading(title: str, kind: str = "number") -> str:
    """The heading of a column that is sorted as text or as numbers."""
    return element("th", text(title), scope="col", data_kind=kind)


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
        data_digits=shown.digits,
        data_own=None if own is None else f"{own:.6g}",
        title=meaning(shown.key) or None,
        class_=MORE if more else None,
    )


def _unbroken(title: str) -> str:
    """A title whose arrow stays beside its last word."""
    first, _, last = title.rpartition(" ")
    words, _, word = first.rpartition(" ")
    return text(words) + (" " if words else "") + element("span", text(f"{word} {last}".strip()))


def _figure_cell(shown: Column, row: Line, mark: str | None, *, more: bool) -> str:
    # A narrow cell breaks before the deviation, not within it.
    figure = text(figure_text(shown, row)).replace("± ", "±\u00a0")
    if mark is not None:
        figure = element("strong", figure, class_="level" if mark == "level" else None)
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
    cards = []
    for place in places:
        for index, row in enumerate(place.block.rows):
            for record in row.records:
                lines = known.get((place.data, record.path().stem))
                if lines:
                    cards.append(_sample_card(row, record, lines, place.rows[index]))
                    break
    if not cards:
        return ""
    return element("h3", "Samples, the first ones of a run") + element(
        "div", "".join(cards), class_="samples"
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
