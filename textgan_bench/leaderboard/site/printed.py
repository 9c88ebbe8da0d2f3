"""What papers print: their values, and their tables with ours in them."""

import re
from collections.abc import Sequence

from textgan_bench.leaderboard.papers import Beside, legend
from textgan_bench.leaderboard.records import Published
from textgan_bench.leaderboard.rendering import published_block
from textgan_bench.leaderboard.site.board import heading, score_heading
from textgan_bench.leaderboard.site.text import Names, anchor, caption, element, scroll, text
from textgan_bench.leaderboard.tables import figure_text


def published(tables: Sequence[Published]) -> str:
    """Values that papers print of a data set, folded."""
    if not tables:
        return ""
    return element(
        "details",
        element("summary", f"Published values ({len(tables)})")
        + element(
            "p",
            "As papers print them. Texts, references and encoders differ from ours, so they stand "
            "apart.",
        )
        + "".join(map(_published, tables)),
    )


def _published(table: Published) -> str:
    block = published_block(table)
    columns = block.columns
    header = [heading("Method", "text"), *(score_heading(shown, ()) for shown in columns)]
    lines = []
    for row in block.rows:
        cells = [element("th", text(row.method), scope="row")]
        for shown in columns:
            printed = figure_text(shown, row)
            number = re.match(r"-?[\d,]*\.?\d+", printed)
            value = number[0].replace(",", "") if number else None
            cells.append(element("td", text(printed), data_v=value))
        lines.append(element("tr", "".join(cells), class_="published", data_method=row.method))
    seeds = f" {table.seeds} seeds." if isinstance(table.seeds, int) else ""
    return scroll(
        element(
            "table",
            caption(text(f"{table.citation}, {table.where}.{seeds}"))
            + element("thead", element("tr", "".join(header)))
            + element("tbody", "".join(lines)),
            class_="board printed",
        ),
        f"Published: {table.where}",
    ) + element("p", text(table.note), class_="notes")


def papers(tables: Sequence[Beside], names: Names) -> str:
    """Tables as papers print them, ours below the printed values, with the difference.

    Args:
        tables: those of the leaderboard.
        names: those of the page.
    """
    if not tables:
        return ""
    said = (
        "Printed values in italics, ours below them; in brackets ours minus the printed value. "
        "Texts, references and trainings differ, as the notes say: a difference is no failure "
        "to repeat a paper, nor a success. Arrows at these columns are the paper's own reading: "
        "ours has ≈, nearest to the data's own value, where a paper calls the lower or the higher "
        "value better and a text that repeats itself would win."
    )
    # Where nothing is ours yet there is nothing to read beside the paper.
    ordered = sorted(tables, key=lambda table: not _has_ours(table))
    folded = "".join(_paper(table, names) for table in ordered)
    return element(
        "section",
        element("h2", f"Papers' tables, ours beside {anchor('papers')}")
        + element("p", said)
        + folded,
        id="papers",
    )


def _has_ours(table: Beside) -> bool:
    return any(answer.found is not None for entry in table.entries for answer in entry.answers)


def _paper(table: Beside, names: Names) -> str:
    definition = table.definition
    titles = [f"{each.group} {each.title}".strip() for each in definition.columns]
    header = "".join(
        element("th", text(title), scope="col") for title in (definition.first, *titles)
    )
    lines = []
    for entry in table.entries:
        if entry.kind == "heading":
            cells = element(
                "th", element("span", text(entry.title)), colspan=1 + len(titles), scope="col"
            )
        else:
            cells = element("th", text(entry.title), scope="row")
            cells += "".join(element("td", text(cell)) for cell in entry.cells)
        lines.append(element("tr", cells, class_=f"is-{entry.kind}"))
    notes = "".join(element("li", text(note)) for note in (*legend(table), *table.notes))
    for remark, mark in table.remarks.items():
        plain = remark.strip("`")
        shown = element("code", text(plain)) if plain != remark else text(remark)
        notes += element("li", f"{text(mark)} {shown}")
    without = " " + element("small", "(no value of ours yet)")
    return element(
        "details",
        element("summary", text(definition.caption) + (without if not _has_ours(table) else ""))
        + scroll(
            element(
                "table",
                caption(text(definition.name))
                + element("thead", element("tr", header))
                + element("tbody", "".join(lines)),
                class_="paper",
            ),
            definition.name,
        )
        + element("ul", notes, class_="notes"),
        id=names.of("paper", definition.name),
    )
