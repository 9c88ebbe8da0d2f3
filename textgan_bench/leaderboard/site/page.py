"""The page: one file of HTML, made of what ``gather`` found and of nothing else."""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from textgan_bench.leaderboard.columns import Column
from textgan_bench.leaderboard.papers import Beside
from textgan_bench.leaderboard.records import Published, Record
from textgan_bench.leaderboard.rendering import blocks, published_block, training_note
from textgan_bench.leaderboard.site.figures import frontiers, swept, trainings
from textgan_bench.leaderboard.site.gathered import Gathered, Sample
from textgan_bench.leaderboard.site.meanings import ORDERS, meaning, method
from textgan_bench.leaderboard.site.plots import Figure, draw, legend
from textgan_bench.leaderboard.site.text import Names, address, element, link, text
from textgan_bench.leaderboard.site.verdicts import (
    QUESTIONS,
    WORDS,
    Question,
    Verdict,
    answers,
    better_elsewhere,
    collapsed,
    floors,
    standard_error,
)
from textgan_bench.leaderboard.tables import Block, Line, best, figure_text, own_value

TITLE = "Text GANs, compared"
TO_ROOT = ("..",)
"""From the page's folder to that of the leaderboard."""
BUDGETS = ("paper", "cpu", "quick")
"""The longest training first; others follow by name."""
PLAIN = re.compile(r"[A-Za-z0-9][\w.+-]*", re.ASCII)
"""Names that mean nothing to a shell."""
COMMIT = re.compile(r"([0-9a-f]{7,40})(-dirty)?")

HOW = "~how"
"""Behind the name of a row: the place that says how it was made."""
RESERVED = (
    *("top", "best", "papers", "columns", "left-out", "filter", "filter-count"),
    *(f"compare{part}" for part in ("", "-needs", "-tool", "-result", "-table", "-a", "-b")),
)
"""Places of the page that no data set may take."""

KINDS_OF_ROWS = {
    "oracle": "fresh samples of the true distribution",
    "real": "real text",
    "half": "one half of the test text",
    "unigram": "words drawn by frequency",
    "uniform": "any words",
    "copy": "the source as it is",
    "other_style": "real sentences of the other style",
    "memorised": "training sentences",
    "altered": "training sentences, one word changed",
    "likeliest": "likeliest sentences of 4-grams",
    "tempered": "words drawn alone, at the entropy of text",
    "repeated": "one sentence throughout",
}


class Place:
    """A block of rows that compare, and where it stands on the page."""

    def __init__(self, data: str, block: Block, names: Names, *, first: bool) -> None:
        self.data = data
        self.block = block
        self.records = [record for row in block.rows for record in row.records]
        revision = self.records[0].data_revision if self.records else ""
        self.title = data if first else f"{data}, scored apart ({block.rows[0].method})"
        self.name = names.of(data, "table" if first else f"{revision}-apart")
        self.rows = {
            index: names.of(data, row.method, row.budget) for index, row in enumerate(block.rows)
        }

    @property
    def budgets(self) -> list[str]:
        return ordered(row.budget for row in self.block.rows if row.kind == "run")


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
        self.recipes = _recipes(root.parent / "benchmarks")
        self.repository = _repository(root.parent / "CITATION.cff")
        self.places: dict[str, list[Place]] = {}
        named = {record.data for record in found.records}
        named |= {table.data for table in found.published}
        of_data: dict[str, list[Record]] = {data: [] for data in sorted(named)}
        for record in found.records:
            of_data[record.data].append(record)
        # What says most comes first: the data sets that most methods were run on.
        of_data = dict(sorted(of_data.items(), key=lambda each: -_methods(each[1])))
        self.sections = {data: self.names.of(data) for data in of_data}
        for data, records in of_data.items():
            self.places[data] = [
                Place(data, block, self.names, first=number == 0)
                for number, block in enumerate(blocks(records))
            ]

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
                        self._best(),
                        self._compare(),
                        self._filter(),
                        *(self._section(data) for data in self.places),
                        self._papers(),
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
            f"{len(methods)} methods that write text, on {len(self.places)} data sets: "
            f"{len(runs):,} runs, each scored by the same code on thousands of its samples. "
            "A row is a method at a <em>budget</em>, how long it was trained: <em>paper</em> is "
            "the setting of its paper, <em>cpu</em> up to an hour of a processor, <em>quick</em> "
            "some minutes. Compare rows of one budget."
        )
        links = [link("#best", "Best at what"), link("#compare", "Compare two")]
        links += [link(f"#{self.sections[data]}", text(data)) for data in self.places]
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

    # What a reader comes for: which method is best at what, and on what evidence.

    def _best(self) -> str:
        header = [element("th", "Data", scope="col"), element("th", "Budget", scope="col")]
        header += [
            element("th", f"{question.title}<small>{text(question.meaning)}</small>", scope="col")
            for question in QUESTIONS
        ]
        lines: list[str] = []
        without: list[str] = []
        for data, places in self.places.items():
            for place in places[:1]:
                budgets = [(budget, answers(place.block, budget)) for budget in place.budgets]
                asked = [(budget, verdicts) for budget, verdicts in budgets if verdicts]
                rivals = {budget for budget, _ in asked}
                without += [
                    link(f"#{self.sections[data]}", text(data)) + f" {text(budget)}"
                    for budget in place.budgets
                    if budget not in rivals
                ]
                for number, (budget, verdicts) in enumerate(asked):
                    cells = []
                    if number == 0:
                        cells.append(
                            element(
                                "th",
                                link(f"#{self.sections[data]}", text(data)),
                                scope="rowgroup",
                                rowspan=len(asked),
                            )
                        )
                    cells.append(element("th", text(budget), scope="row"))
                    cells += [
                        self._answer(place, question, verdicts.get(question), budget)
                        for question in QUESTIONS
                    ]
                    lines.append(element("tr", "".join(cells)))
        table = element(
            "table",
            _caption("The best method of each budget, and what stands against it")
            + element("thead", element("tr", "".join(header)))
            + element("tbody", "".join(lines)),
            class_="answers",
        )
        explained = (
            "A number is the mean over seeds ± their standard deviation. <b>Clear</b> says that "
            "the difference exceeds two standard errors of it, and that both rows have several "
            "seeds. <b>One seed</b> says that it exceeds the noise of drawing samples, but another "
            "training of a row with one seed may turn it. The error is that over seeds or that "
            "of drawing samples, whichever is larger. Rows with few distinct sentences are best at "
            "nothing."
        )
        single = f"One method alone so far: {', '.join(without)}."
        return element(
            "section",
            element("h2", "Which method is best at what")
            + element("p", explained)
            + _scroll(table, "Best at what")
            + (element("p", single) if without else "")
            + self._methods(),
            id="best",
        )

    def _methods(self) -> str:
        """Who is who: each row's method in a line."""
        names = {record.method for record in self.found.records if record.source == "run"}
        lines = [
            element("dt", text(name)) + element("dd", text(what))
            for name in sorted(names)
            if (what := method(name)) and method(name.rpartition(".")[0]) != what
        ]
        summary = element("summary", "What the methods are")
        return element("details", summary + element("dl", "".join(lines), class_="methods"))

    def _answer(
        self, place: Place, question: Question, verdict: Verdict | None, budget: str
    ) -> str:
        title = question.title
        if verdict is None:
            return element("td", "–", data_title=title)
        shown = verdict.column
        named = " or ".join(
            link(f"#{place.rows[place.block.rows.index(row)]}", text(row.records[0].method))
            for row in verdict.winners
        )
        first = verdict.winners[0]
        facts = [f"{shown.title} {shown.better} {figure_text(shown, first)}, {_seeds(first)}"]
        facts += [
            f"{row.records[0].method} {figure_text(shown, row)}, {_seeds(row)}"
            for row in verdict.winners[1:]
        ]
        if verdict.other is not None:
            facts.append(
                f"then {verdict.other.records[0].method} {figure_text(shown, verdict.other)}, "
                f"{_seeds(verdict.other)}"
            )
        if verdict.own is not None:
            facts.append(f"the data itself {verdict.own:,.{shown.digits}f}")
        facts += [
            f"no better than {row.method}, {KINDS_OF_ROWS[row.method]}: {figure_text(shown, row)}"
            for row in floors(shown, first, place.block.rows)
        ]
        if elsewhere := better_elsewhere(shown, first, place.block.rows):
            facts.append(
                f"at {elsewhere.budget} {elsewhere.records[0].method} has "
                f"{figure_text(shown, elsewhere)}"
            )
        facts += [
            f"{row.records[0].method} repeats itself" for row in collapsed(place.block, budget)
        ]
        evidence = "".join(element("li", text(fact)) for fact in facts)
        return element(
            "td",
            element("b", named)
            + element(
                "span",
                text(WORDS[verdict.strength]),
                class_=f"strength {verdict.strength.replace(' ', '-')}",
            )
            + element("ul", evidence, class_="facts"),
            data_title=title,
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
            for places in self.places.values()
            for place in places
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
            element("h2", "Filter the rows of all tables", class_="aside")
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
                + element("output", "", id="filter-count", aria_live="polite"),
            ),
            id="filter",
            hidden=True,
            aria_label="Filter",
        )

    # A section a data set.

    def _section(self, data: str) -> str:
        places = self.places[data]
        published = [table for table in self.found.published if table.data == data]
        parts = [element("h2", f"{text(data)} {self._anchor(self.sections[data])}")]
        if places:
            source = places[0].records[0].data_source
            parts.append(element("p", text(f"Text: {source}.")))
        parts += [self._block(place) for place in places]
        parts += [self._samples(data, places)]
        if published:
            tables = "".join(self._published(table) for table in published)
            parts.append(
                element(
                    "details",
                    element("summary", f"Published values ({len(published)})")
                    + element(
                        "p",
                        "As papers print them. Texts, references and encoders differ from ours, so "
                        "they stand apart.",
                    )
                    + tables,
                )
            )
        return element("section", "".join(parts), id=self.sections[data], class_="data")

    def _anchor(self, name: str) -> str:
        return link(f"#{name}", "#", class_="anchor", aria_label="Link to this section")

    def _block(self, place: Place) -> str:
        block = place.block
        if all(row.kind == "anchor" for row in block.rows):
            notes = " ".join(text(note) for note in block.notes[1:])
            return element(
                "details",
                element("summary", text(f"{place.title}: reference rows with other references"))
                + self._table(place)
                + element("p", notes, class_="notes"),
            )
        parts = [self._table(place), self._how(place)]
        figures, remarks = frontiers(block, swept(block, self.found.sweeps), place.rows, self.names)
        if figures:
            knobs = (
                "Quality upwards, diversity to the right. What lies above the data itself repeats "
                "what is likely; what lies left of it lacks something. A line joins the settings "
                "of a method's knob, which stand at its ends; the large mark is the setting of "
                "the table. Bands and whiskers are the range over seeds."
            )
            parts.append(_figures("Frontiers", knobs, figures, remarks))
        if curves := trainings(block, self.found.curves, place.rows, self.names):
            said = (
                "Mean over seeds of validation scores, with their range as a band. The level is "
                "that of the data itself on the test text."
            )
            parts.append(_figures("Training curves", said, curves, []))
        return "".join(parts)

    def _table(self, place: Place) -> str:
        block = place.block
        columns = block.columns
        counted = [
            name
            for name, has in (
                ("Updates", any(row.updates for row in block.rows)),
                ("Passes", any(row.passes for row in block.rows)),
            )
            if has
        ]
        header = [_heading("Method", "text"), _heading("Budget", "text"), _heading("Seeds")]
        header += [_heading(name) for name in counted]
        header += [_score_heading(shown, block.rows) for shown in columns]
        winners = [best(shown, block.rows) for shown in columns]
        lines = []
        for index, row in enumerate(block.rows):
            cells = [self._name(place, index, row), element("td", text(row.budget))]
            cells.append(element("td", str(row.seeds), data_v=row.seeds))
            for name in counted:
                number = row.updates if name == "Updates" else f"{row.passes or ''}"
                value = re.sub(r"[^\d.]", "", number) or None
                cells.append(element("td", text(number), data_v=value))
            cells += [
                _figure_cell(shown, row, row in winning)
                for shown, winning in zip(columns, winners, strict=True)
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
        caption = (
            f"{text(place.title)}, data revision {text(place.records[0].data_revision)}, "
            f"{place.records[0].num_samples:,} samples a row. Bold is the best method of its "
            "budget."
        )
        table = element(
            "table",
            _caption(caption)
            + element("thead", element("tr", "".join(header)))
            + element("tbody", "".join(lines)),
            class_="board",
            id=place.name,
            data_title=place.title,
        )
        return _scroll(table, f"Table of {place.title}")

    def _name(self, place: Place, index: int, row: Line) -> str:
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

    def _how(self, place: Place) -> str:
        """How each row came about, with links to what says so in full."""
        items = []
        for index, row in enumerate(place.block.rows):
            if row.kind != "run":
                continue
            first = row.records[0]
            facts = [text(training_note(row.records)) + "."]
            records = [
                link(
                    address([*TO_ROOT, "records", each.data, f"{each.path().stem}.json"]),
                    f"seed {each.seed}",
                )
                for each in row.records
            ]
            facts.append(f"Record: {', '.join(records)}.")
            if layers := recipe_layers(self.recipes, first):
                linked = [
                    link(address([*TO_ROOT, "..", "benchmarks", *each]), text("/".join(each)))
                    for each in layers
                ]
                facts.append(f"Recipe: {', '.join(linked)}.")
            commits = dict.fromkeys(each.commit for each in row.records)
            facts.append(f"Commit: {', '.join(map(self._commit, commits))}.")
            if command := _command(row.records):
                facts.append(f"Again: {element('code', text(command))}.")
            name = place.rows[index]
            title = link(f"#{name}", text(f"{row.method}, {row.budget}"))
            items.append(element("li", f"<b>{title}</b> {' '.join(facts)}", id=f"{name}{HOW}"))
        notes = element("p", text(place.block.notes[1] + "."), class_="notes")
        others = [
            note
            for note in place.block.notes[2:]
            if note not in {training_note(row.records) for row in place.block.rows if row.records}
        ]
        notes += "".join(element("p", text(note), class_="notes") for note in others)
        return element(
            "details",
            element("summary", "How each row was made: budgets, records, recipes, commits")
            + element("ul", "".join(items), class_="how")
            + notes,
        )

    def _commit(self, commit: str) -> str:
        found = COMMIT.fullmatch(commit)
        if found is None:
            return element("code", text(commit))
        shown = element("code", f"{found[1][:10]}{found[2] or ''}")
        if self.repository is None:
            return shown
        return element("a", shown, href=f"{self.repository}/commit/{found[1]}")

    def _samples(self, data: str, places: Sequence[Place]) -> str:
        cards = []
        for place in places:
            for index, row in enumerate(place.block.rows):
                for record in row.records:
                    lines = self.found.samples.get((data, record.path().stem))
                    if lines:
                        cards.append(_sample_card(row, record, lines, place.rows[index]))
                        break
        if not cards:
            return ""
        return element("h3", "Samples, the first ones of a run") + element(
            "div", "".join(cards), class_="samples"
        )

    def _published(self, table: Published) -> str:
        block = published_block(table)
        columns = block.columns
        header = [_heading("Method", "text"), *(_score_heading(shown, ()) for shown in columns)]
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
        return _scroll(
            element(
                "table",
                _caption(text(f"{table.citation}, {table.where}.{seeds}"))
                + element("thead", element("tr", "".join(header)))
                + element("tbody", "".join(lines)),
                class_="board printed",
            ),
            f"Published: {table.where}",
        ) + element("p", text(table.note), class_="notes")

    def _papers(self) -> str:
        """Tables as papers print them, ours below the printed values, with the difference."""
        if not self.found.papers:
            return ""
        said = (
            "Printed values in italics, ours below them; in brackets ours minus the printed value. "
            "Texts, references and trainings differ, as the notes say: a difference is no failure "
            "to repeat a paper, nor a success."
        )
        tables = "".join(self._paper(table) for table in self.found.papers)
        return element(
            "section",
            element("h2", f"Papers' tables, ours beside {self._anchor('papers')}")
            + element("p", said)
            + tables,
            id="papers",
        )

    def _paper(self, table: Beside) -> str:
        definition = table.definition
        titles = [f"{each.group} {each.title}".strip() for each in definition.columns]
        header = "".join(
            element("th", text(title), scope="col") for title in (definition.first, *titles)
        )
        lines = []
        for entry in table.entries:
            if entry.kind == "heading":
                cells = element("th", text(entry.title), colspan=1 + len(titles), scope="col")
            else:
                cells = element("th", text(entry.title), scope="row")
                cells += "".join(element("td", text(cell)) for cell in entry.cells)
            lines.append(element("tr", cells, class_=f"is-{entry.kind}"))
        notes = "".join(element("li", text(note)) for note in table.notes)
        for remark, mark in table.remarks.items():
            plain = remark.strip("`")
            shown = element("code", text(plain)) if plain != remark else text(remark)
            notes += element("li", f"{text(mark)} {shown}")
        return element(
            "details",
            element("summary", text(definition.caption))
            + _scroll(
                element(
                    "table",
                    _caption(text(definition.name))
                    + element("thead", element("tr", header))
                    + element("tbody", "".join(lines)),
                    class_="paper",
                ),
                definition.name,
            )
            + element("ul", notes, class_="notes"),
            id=self.names.of("paper", definition.name),
        )

    def _columns(self) -> str:
        shown: dict[str, Column] = {}
        for places in self.places.values():
            for place in places:
                shown |= {each.key: each for each in place.block.columns}
        lines = [
            element(
                "tr",
                element("th", text(each.title), scope="row")
                + element("td", text(each.better))
                + element("td", ORDERS[each.better])
                + element("td", text(meaning(each.key)))
                + element("td", element("code", text(each.key))),
            )
            for each in shown.values()
        ]
        heads = ("Column", "Arrow", "Order", "What it says", "Key in the records")
        return element(
            "section",
            element("h2", "What the columns mean")
            + _scroll(
                element(
                    "table",
                    _caption("Columns of the tables above")
                    + element(
                        "thead",
                        element("tr", "".join(element("th", head, scope="col") for head in heads)),
                    )
                    + element("tbody", "".join(lines)),
                    class_="words",
                ),
                "What the columns mean",
            )
            + element(
                "p",
                "Reference rows are no methods: <b>oracle</b> and <b>real</b> are the data itself, "
                "scored by the same code; <b>unigram</b> draws words by their frequency, "
                "<b>uniform</b> any word. A row that is not clearly better than unigram has "
                "learned word frequencies. † the text was too uniform for Kneser-Ney discounts of "
                "some order: fixed ones stood in.",
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


def ordered(budgets: Iterable[str]) -> list[str]:
    """Budgets, each once, the longest training first."""
    return sorted(
        set(budgets),
        key=lambda budget: (BUDGETS.index(budget) if budget in BUDGETS else len(BUDGETS), budget),
    )


def recipe_layers(
    recipes: Mapping[str, Sequence[tuple[str, ...]]], record: Record
) -> list[tuple[str, ...]]:
    """Files of the recipe of a row: those of its method, its variants and its budget.

    Args:
        recipes: files below ``benchmarks`` by the folder that they are of.
        record: one of the row.
    """
    parts = record.method.split(".")
    variants = {".".join(parts[: count + 1]) for count in range(len(parts))}
    found = []
    for path in [*recipes.get("rows", ()), *recipes.get(record.data, ())]:
        methods, _, budgets = path[-1].removesuffix(".yaml").partition("-")
        if variants & set(methods.split("+")) and (
            not budgets or record.budget in budgets.split("+")
        ):
            found.append(path)
    return found


def _recipes(folder: Path) -> dict[str, list[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    for pattern in ("rows/*/*.yaml", "*/*.yaml"):
        for path in sorted(folder.glob(pattern)):
            parts = path.relative_to(folder).parts
            found.setdefault(parts[0], []).append(parts)
    return found


def _repository(citation: Path) -> str | None:
    """Address of the repository, as CITATION.cff names it."""
    if not citation.is_file():
        return None
    found = re.search(
        r"^repository-code: *[\"']?(https://[\w./~-]+?)/?[\"']? *$",
        citation.read_text(encoding="utf-8"),
        re.MULTILINE | re.ASCII,
    )
    return found[1] if found else None


def _command(records: Sequence[Record]) -> str | None:
    """What makes a row again; None where a name would mean something to a shell."""
    first = records[0]
    if not all(PLAIN.fullmatch(name) for name in (first.method, first.data, first.budget)):
        return None
    numbers = " ".join(str(record.seed) for record in records)
    seed = f"'{numbers}'" if len(records) > 1 else numbers
    return f"make bench METHOD={first.method} DATA={first.data} BUDGET={first.budget} SEED={seed}"


def _seeds(row: Line) -> str:
    return f"{row.seeds} seeds" if row.seeds != 1 else "1 seed"


def _digest(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def _scroll(table: str, label: str) -> str:
    """A table in a region of its own, which a keyboard can scroll where it is too wide."""
    return element("div", table, class_="scroll", role="region", aria_label=label, tabindex=0)


def _caption(inner: str) -> str:
    """A caption that stays in sight where its table is scrolled."""
    return element("caption", element("span", inner))


def _heading(title: str, kind: str = "number") -> str:
    return element("th", text(title), scope="col", data_kind=kind)


def _score_heading(shown: Column, rows: Sequence[Line]) -> str:
    own = own_value(shown.key, rows)
    return element(
        "th",
        text(f"{shown.title} {shown.better}".strip()),
        scope="col",
        data_kind="number",
        data_key=shown.key,
        data_better=shown.better,
        data_digits=shown.digits,
        data_own=None if own is None else f"{own:.6g}",
        title=meaning(shown.key) or None,
    )


def _figure_cell(shown: Column, row: Line, wins: bool) -> str:
    figure = text(figure_text(shown, row))
    value = row.value(shown.key)
    error = standard_error(shown.key, row)
    return element(
        "td",
        element("strong", figure) if wins else figure,
        data_v=None if value is None else f"{value:.6g}",
        data_e=None if error is None or value is None else f"{error:.3g}",
    )


def _figures(title: str, said: str, figures: Sequence[Figure], remarks: Sequence[str]) -> str:
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
    for series in figure.series:
        step = max(1, len(series.points) // 10)
        kept = [*series.points[::step], *series.points[-1:]]
        for point in dict.fromkeys(kept):
            cells = [
                element("th", text(series.name), scope="row"),
                element("td", text(point.label or "–")),
                element("td", f"{point.x:.4g}"),
                element("td", f"{point.y:.4g}"),
            ]
            lines.append(element("tr", "".join(cells)))
    heads = ("Row", "Setting", figure.x.title, figure.y.title)
    table = element(
        "table",
        _caption(text(f"Numbers of the figure: {figure.title}"))
        + element(
            "thead",
            element("tr", "".join(element("th", text(head), scope="col") for head in heads)),
        )
        + element("tbody", "".join(lines)),
        class_="words",
    )
    return element(
        "details", element("summary", "Its numbers") + _scroll(table, f"Numbers: {figure.title}")
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
