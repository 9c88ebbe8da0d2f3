"""The page: one file of HTML, made of what ``gather`` found and of nothing else."""

import base64
import hashlib
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from textgan_bench.leaderboard.columns import Column
from textgan_bench.leaderboard.records import Record
from textgan_bench.leaderboard.rendering import blocks
from textgan_bench.leaderboard.site.answers import best_at_what
from textgan_bench.leaderboard.site.board import arranged, board, marks, samples, words
from textgan_bench.leaderboard.site.figures import Looks, frontiers, swept, trainings
from textgan_bench.leaderboard.site.gathered import Gathered
from textgan_bench.leaderboard.site.made import Origins
from textgan_bench.leaderboard.site.meanings import MARKS, ORDERS, TERMS, meaning
from textgan_bench.leaderboard.site.places import TO_ROOT, Place, Section, ordered
from textgan_bench.leaderboard.site.plots import gallery
from textgan_bench.leaderboard.site.printed import papers, published
from textgan_bench.leaderboard.site.text import (
    Names,
    address,
    anchor,
    caption,
    element,
    link,
    scroll,
    text,
)
from textgan_bench.leaderboard.site.trust import which_to_trust
from textgan_bench.leaderboard.site.verdicts import hours

TITLE = "Text GANs, compared"

SECONDS = 0.0005
"""Hours; what took less is not compared."""

SEEN = (
    "A method has one mark and colour in all figures of the data set. A hollow mark around another "
    "one, or a broken line on another one, lies at the same place."
)

RESERVED = (
    *("top", "best", "trust", "papers", "columns", "left-out", "filter", "filter-count"),
    *(f"compare{part}" for part in ("", "-needs", "-tool", "-result", "-table", "-a", "-b")),
)
"""Places of the page that no data set may take."""


class Page:
    """All parts of the page.

    Args:
        found: what the leaderboard holds.
        root: its folder, beside which recipes lie.
    """

    def __init__(self, found: Gathered, root: Path) -> None:
        self.found = found
        self.names = Names()
        for reserved in RESERVED:
            self.names.of(reserved)
        self.origins = Origins(root.parent)
        named = {record.data for record in found.records}
        named |= {table.data for table in found.published}
        of_data: dict[str, list[Record]] = {data: [] for data in sorted(named)}
        for record in found.records:
            of_data[record.data].append(record)
        # What says most comes first: the data sets that most methods were run on.
        of_data = dict(sorted(of_data.items(), key=lambda each: -_methods(each[1])))
        titles = {data: self.names.of(data) for data in of_data}
        self.sections = [
            Section(
                data,
                titles[data],
                [
                    Place(data, block, self.names, first=number == 0)
                    for number, block in enumerate(blocks(records))
                ],
            )
            for data, records in of_data.items()
        ]
        at_hand = (root.parent / "docs/trust.md").is_file()
        more = address([*TO_ROOT, "..", "docs", "trust.md"]) if at_hand else None
        self.trust = which_to_trust(self.sections, more)

    def html(self) -> str:
        """The file."""
        style, script = (
            files(__package__).joinpath(name).read_text(encoding="utf-8")
            for name in ("page.css", "page.js")
        )
        policy = (
            f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
            "img-src data:; base-uri 'none'; form-action 'none'"
        )
        head = (
            '<!doctype html>\n<html lang="en" id="top"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{text(policy)}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark">'
            f"<title>{TITLE}: the leaderboard of textgan_bench</title>"
            '<link rel="icon" href="data:,">'
            f"<style>{style}</style></head>\n"
        )
        body = [
            link("#best", "To the answers", class_="skip"),
            self._header(),
            element(
                "main",
                "\n".join(
                    [
                        self._left_out(),
                        self.trust,
                        best_at_what(self.sections, self.found.records),
                        self._compare(),
                        self._filter(),
                        *map(self._section, self.sections),
                        papers(self.found.papers, self.names),
                        self._columns(),
                    ]
                ),
            ),
            self._footer(),
        ]
        return head + "<body>" + "\n".join(body) + f"<script>{script}</script></body></html>\n"

    def _header(self) -> str:
        runs = [record for record in self.found.records if record.source == "run"]
        methods = {record.method.partition(".")[0] for record in runs}
        lead = (
            f"{len(methods)} methods that write text, on {len(self.sections)} data sets: "
            f"{len(runs):,} runs, each scored by the same code on thousands of its samples. "
            "A row is a method at a <em>budget</em>: <em>paper</em> is the setting of its paper, "
            "<em>cpu</em> about an hour of a processor, <em>quick</em> some minutes. A budget says "
            f"what was cut of a paper's setting and promises no equal time{self._spans()}: compare "
            "rows of one budget, and look at their hours."
        )
        links = [link("#best", "Best at what"), link("#compare", "Compare two")]
        if self.trust:
            links.insert(0, link("#trust", "Which score to trust"))
        links += [link(f"#{each.name}", text(each.data)) for each in self.sections]
        if self.found.papers:
            links += [link("#papers", "Papers' tables, ours beside")]
        links += [link("#columns", "What the columns mean")]
        return element(
            "header",
            element("h1", TITLE)
            + element("p", lead, class_="lead")
            + element(
                "nav",
                element("ul", "".join(element("li", each) for each in links)),
                aria_label="On this page",
            ),
        )

    def _spans(self) -> str:
        """The hours of the budget whose rows on one data set are most unlike; empty if none are."""
        spans = []
        for section in self.sections:
            for place in section.places[:1]:
                for budget in place.budgets:
                    rows = [row for row in place.block.rows if row.budget == budget]
                    # Seconds are those of a count, no training.
                    spent = sorted((hours(row), row.hours) for row in rows if hours(row) > SECONDS)
                    if len(spent) > 1 and spent[0][1] != spent[-1][1]:
                        (least, shown_least), (most, shown_most) = spent[0], spent[-1]
                        took = f"{budget} on {section.data} took {shown_least} to {shown_most} h"
                        spans.append((most / least, took))
        return f" ({text(max(spans)[1])})" if spans else ""

    def _left_out(self) -> str:
        if not self.found.left_out:
            return ""
        items = "".join(
            element("li", f"{element('code', text(name))}: {text(reason)}")
            for name, reason in self.found.left_out
        )
        count = len(self.found.left_out)
        return element(
            "section",
            element("h2", f"Left out: {count} file{'s' if count > 1 else ''}")
            + element("p", "They cannot be read, and no number of this page comes from them.")
            + element("ul", items),
            id="left-out",
            class_="warning",
        )

    def _compare(self) -> str:
        def chooser(name: str, label: str) -> str:
            return element("label", f"{label} {element('select', '', id=name)}")

        return element(
            "section",
            element("h2", "Compare two rows")
            + element(
                "div",
                element(
                    "form",
                    chooser("compare-table", "Table")
                    + chooser("compare-a", "A")
                    + chooser("compare-b", "B"),
                )
                + element("div", "", id="compare-result", aria_live="polite"),
                id="compare-tool",
                hidden=True,
            )
            + element("p", "This part needs JavaScript; the rest does not.", id="compare-needs"),
            id="compare",
        )

    def _filter(self) -> str:
        every = ordered(
            row.budget
            for section in self.sections
            for place in section.places
            for row in place.block.rows
            if row.kind == "run"
        )
        boxes = "".join(
            element(
                "label",
                f'<input type="checkbox" name="budget" value="{text(budget)}" checked> '
                f"{text(budget)}",
            )
            for budget in every
        )
        return element(
            "section",
            element("h2", "Rows and columns of all tables", class_="aside")
            + element(
                "form",
                element(
                    "label",
                    'Method has <input type="search" name="method" autocomplete="off" '
                    'spellcheck="false">',
                )
                + element("fieldset", element("legend", "Budget") + boxes)
                + element(
                    "label",
                    '<input type="checkbox" name="anchors" checked> reference rows',
                )
                + element("label", '<input type="checkbox" name="scores"> all columns')
                + element("output", "", id="filter-count", aria_live="polite"),
            ),
            id="filter",
            hidden=True,
            aria_label="Filter",
        )

    # A section a data set.

    def _section(self, section: Section) -> str:
        parts = [element("h2", f"{text(section.data)} {anchor(section.name)}")]
        if section.places:
            source = section.places[0].records[0].data_source
            said = text(f"Text: {source}.")
            if "stand-in" in source:
                said += f" {text(TERMS['stand-in'])}."
            parts.append(element("p", said + self._same_text(section)))
        for number, place in enumerate(section.places):
            parts.append(self._table(place))
            if number == 0:
                parts.append(samples(section.places, self.found.samples))
            parts.append(self._figures(place))
        parts.append(
            published([each for each in self.found.published if each.data == section.data])
        )
        return element("section", "".join(parts), id=section.name, class_="data")

    def _same_text(self, section: Section) -> str:
        """Names the sections above whose text was read from the same files."""
        before = self.sections[: self.sections.index(section)]
        same = [
            link(f"#{each.name}", text(each.data))
            for each in before
            if each.revisions & section.revisions
        ]
        if not same:
            return ""
        return f" Its data revision is that of {' and '.join(same)}: the same files were at hand."

    def _table(self, place: Place) -> str:
        block = place.block
        if place.is_reference:
            notes = " ".join(text(note) for note in block.notes[1:])
            return element(
                "details",
                element("summary", text(f"{place.title}: half of the test text"))
                + board(place)
                + element("p", notes, class_="notes"),
            )
        return board(place) + marks(place) + words(place) + self.origins.how(place)

    def _figures(self, place: Place) -> str:
        if place.is_reference:
            return ""
        block = place.block
        parts = []
        looks = Looks(block)
        drawn = swept(block, self.found.sweeps)
        figures, remarks = frontiers(block, drawn, place.rows, self.names, looks)
        if figures:
            knobs = (
                "Quality upwards, diversity to the right. What lies above the data itself repeats "
                "what is likely; what lies left of it lacks something. A line joins the settings "
                "of a method's knob, which stand at its ends; the large mark is the setting of "
                "the table, drawn of the seeds that are named, so that it may lie off the mean of "
                f"all seeds in the table. Bands and whiskers are the range over seeds. {SEEN}"
            )
            parts.append(gallery("Frontiers", knobs, figures, remarks))
        curves, remarks = trainings(block, self.found.curves, place.rows, self.names, looks)
        if curves:
            said = (
                "Mean over seeds of validation scores, with their range as a band. A batch may "
                "train another player than the generator, so that a curve may have more batches "
                "than the table has updates. A large mark within a curve is the checkpoint that "
                "was tested, where it is not the last one; the table has its scores on the test "
                f"text, another text than that of validation. {SEEN}"
            )
            if any(figure.references for figure in curves):
                said += " The level is that of the data itself, which test text is a sample of."
            parts.append(gallery("Training curves", said, curves, remarks))
        return "".join(parts)

    def _columns(self) -> str:
        shown: dict[str, Column] = {}
        for section in self.sections:
            for place in section.places:
                shown |= {each.key: each for each in arranged(place.block)[0]}
        lines = [
            element(
                "tr",
                element("th", text(f"{each.title} {each.better}".strip()), scope="row")
                + element("td", ORDERS[each.better])
                + element("td", text(meaning(each.key)))
                + element("td", element("code", text(each.key))),
            )
            for each in shown.values()
        ]
        heads = ("Column", "Order", "What it says", "Key in the records")
        return element(
            "section",
            element("h2", "What the columns mean")
            + scroll(
                element(
                    "table",
                    caption("Columns of the tables above")
                    + element(
                        "thead",
                        element("tr", "".join(element("th", head, scope="col") for head in heads)),
                    )
                    + element("tbody", "".join(lines)),
                    class_="words meanings",
                ),
                "What the columns mean",
            )
            + element(
                "p",
                "Reference rows are no methods: <b>oracle</b> and <b>real</b> are the data itself, "
                "scored by the same code; <b>unigram</b> draws words by their frequency, "
                f"<b>uniform</b> any word. {text(MARKS['†'])}.",
            ),
            id="columns",
        )

    def _footer(self) -> str:
        readme = link(address([*TO_ROOT, "README.md"]), "what a record holds and how a row is read")
        return element(
            "footer",
            element("p", f"Made by <code>make site</code> from the records alone; {readme}.")
            + element("p", link("#top", "To the top")),
        )


def _methods(records: Iterable[Record]) -> int:
    """How many methods were run; a variant is none of its own."""
    return len({each.method.partition(".")[0] for each in records if each.source == "run"})


def _digest(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
