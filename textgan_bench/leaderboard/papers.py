"""Tables of papers, printed values above ours: Markdown, CSV and LaTeX.

Each row of the paper is followed by a line for each of our rows that stands beside it, with the
difference from the printed value in brackets. What a number of ours depends on, and the command
that makes a missing one, are listed under the table. Standard library only.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal

from textgan_bench.errors import one_line
from textgan_bench.files import replace_text
from textgan_bench.leaderboard.columns import BESIDE_FORWARD, CAVEATS, FORWARD, digits
from textgan_bench.leaderboard.columns import column as column_of
from textgan_bench.leaderboard.definitions import Cell, Definition, Heading
from textgan_bench.leaderboard.evidence import SAMPLE, Evidence, matching, nearest
from textgan_bench.leaderboard.records import ROOT, Published, RecordError
from textgan_bench.leaderboard.tables import (
    CAVEAT,
    SUPERSCRIPTS,
    Line,
    Mean,
    figure_text,
    label_of,
    latex_text,
    markdown_text,
)

NOTHING = "–"

NOT_APPLICABLE = "N/A"
"""What a paper prints where there can be no number."""

NUMBER = re.compile(r"-?[\d,]*\.?\d+")

NO_WIDER = "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%"
"""What shrinks a table that is wider than the page, and leaves any other as it is."""

BESIDE = "In brackets: ours minus the printed value."

FULL = (
    "Commands for the paper's setting; BUDGET=cpu takes up to an hour of a processor, BUDGET=quick "
    "minutes."
)

FIELDS = (
    "table",
    "row",
    "group",
    "column",
    "printed",
    "method",
    "data",
    "budget",
    "seeds",
    "score",
    "mean",
    "deviation",
    "difference",
    "setting",
    "made by",
)

FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet takes for the beginning of a formula."""


@dataclass(frozen=True)
class Answer:
    """What stands in a cell of ours."""

    cell: Cell
    method: str = ""
    """Empty where nothing of ours belongs there."""
    found: Evidence | None = None
    key: str = ""
    printed: str = ""
    """What the paper has there, in its own units."""

    @property
    def figure(self) -> Mean | str | None:
        """Our number in the units of the paper, or our text."""
        value = None if self.found is None else self.found.scores[self.key]
        if not isinstance(value, Mean):
            return value
        spread = None if value.spread is None else value.spread * self.cell.scale
        return Mean(value.mean * self.cell.scale, spread)

    @property
    def lacks(self) -> bool:
        """Whether there could be something and is not."""
        asked = bool(self.method and self.cell.score) and self.printed != NOT_APPLICABLE
        return asked and self.found is None

    @property
    def is_instead(self) -> bool:
        """Whether another score stands for the printed one."""
        return self.found is not None and self.key != self.cell.keys[0]

    @property
    def places(self) -> int:
        """Decimals: those that mean anything, and no more of a score than the paper prints."""
        value = None if self.found is None else self.found.scores[self.key]
        own = digits(column_of(self.key), value.spread if isinstance(value, Mean) else None)
        own = max(0, own + 1 - len(str(self.cell.scale)))
        printed = _number(self.printed)
        return own if printed is None or self.is_instead else min(own, _decimals(printed))

    @property
    def difference(self) -> str:
        """Ours minus the printed value, with a sign; empty where they do not compare."""
        figure, printed = self.figure, _number(self.printed)
        if not isinstance(figure, Mean) or printed is None or self.is_instead:
            return ""
        return f"{round(figure.mean - float(printed), self.places) + 0.0:+,.{self.places}f}"

    def text(self, mark: str) -> str:
        """``4.41 ± 0.02 (+0.28)``, or a dash with the mark of a remark."""
        figure = self.figure
        if figure is None:
            return f"{NOTHING}{mark}" if self.lacks else ""
        if isinstance(figure, str):
            return figure
        text = f"{round(figure.mean, self.places) + 0.0:,.{self.places}f}"
        if figure.spread is not None:
            text += f" ± {figure.spread:,.{self.places}f}"
        text += "‡" if self.is_instead else ""
        text += "†" if self.found is not None and CAVEATS.get(self.key) in self.found.scores else ""
        return f"{text} ({self.difference})" if self.difference else text


@dataclass(frozen=True)
class Entry:
    """One line of the table."""

    kind: Literal["heading", "printed", "ours"]
    title: str
    cells: Sequence[str] = ()
    row: str = ""
    """The paper's row."""
    answers: Sequence[Answer] = ()


@dataclass(frozen=True)
class Beside:
    """A table of a paper with ours in it."""

    definition: Definition
    entries: list[Entry] = field(default_factory=list)
    remarks: dict[str, str] = field(default_factory=dict)
    """What is said of cells and rows, and the mark that points at it."""
    notes: list[str] = field(default_factory=list)

    def mark(self, remark: str) -> str:
        """The number of a remark, raised."""
        number = str(len(self.remarks) + 1)
        raised = "".join(SUPERSCRIPTS[int(digit)] for digit in number)
        return self.remarks.setdefault(remark, raised)


def beside_ours(
    definition: Definition,
    published: Mapping[str, Sequence[Published]],
    evidence: Iterable[Evidence],
) -> Beside:
    """Put our numbers beside those of a table.

    Args:
        definition: the table.
        published: the tables of each file below ``published/``, by its stem.
        evidence: all that there is of ours.

    Raises:
        RecordError: the table names printed values that there are not.
    """
    wanted = set(definition.methods)
    of_data: dict[str, list[Evidence]] = {}
    for each in evidence:
        if each.method in wanted:
            of_data.setdefault(each.data, []).append(each)
    known = {data: matching(found) for data, found in of_data.items()}
    table = Beside(definition)
    sources: dict[str, None] = {}
    used: list[Answer] = []
    for row in definition.rows:
        if row.is_bare:
            table.entries.append(Entry("heading", row.title))
            continue
        cells = [definition.at(row, column) for column in definition.columns]
        printed = [_printed(cell, definition, published, sources) for cell in cells]
        if any(printed) or row.why:
            mark = table.mark(f"{row.title}: {row.why}") if row.why else ""
            shown = [_shown(text, cell) for text, cell in zip(printed, cells, strict=True)]
            table.entries.append(Entry("printed", row.title + mark, shown, row.title))
        for place in range(max(len(cell.ours) for cell in cells)):
            answers = _answers(cells, printed, place, known)
            if place and all(answer.found is None for answer in answers):
                continue  # the first of ours says how the cells are made
            texts = [
                answer.text(table.mark(made_by(answer)) if answer.lacks else "")
                for answer in answers
            ]
            title = _title(answers)
            if not any(printed):  # no line above it has the name of the row
                title = f"{row.title}: {title}"
            table.entries.append(Entry("ours", title, texts, row.title, answers))
            used += [answer for answer in answers if answer.found is not None]
    table.notes.extend([*sources, *_notes(used)])
    return table


def made_by(answer: Answer) -> str:
    """The command that makes what is missing."""
    cell = answer.cell
    if " " in cell.made_by:
        return f"`{cell.made_by}`"
    method = cell.made_by or answer.method
    row = f"METHOD={method} DATA={cell.data}"
    extras = f" EXTRAS={cell.extras}" if cell.extras else ""
    if cell.score[0] == SAMPLE:
        kept = f"python -m benchmarks.figures.samples {cell.data} {method} --budget paper"
        return f"`make bench {row} BUDGET=paper && .venv/bin/{kept}`"
    row += " SEED='0 1 2' BUDGET=paper"
    if cell.knob is not None:
        return f"`make bench {row} && make sweep {row}`"
    return f"`make bench {row}{extras}`"


def _shown(text: str, cell: Cell) -> str:
    """What the paper prints in a cell, a dash where it could and does not."""
    return text or (NOTHING if cell.score else "")


def printed_rows(
    published: Iterable[Published], data: str, where: str
) -> Iterator[tuple[Published, str, dict[str, str]]]:
    """The rows of a paper's table on a data set: the file's table, the row's name and its scores.

    Args:
        published: the tables taken from the paper.
        data: name of the data set.
        where: the table's name in the paper, which may be a part of what the file calls it.
    """
    place = re.compile(rf"\b{re.escape(where)}\b")
    for table in published:
        if table.data == data and place.search(table.where):
            for row in table.rows:
                yield table, row["method"], row["scores"]


def _printed(
    cell: Cell,
    definition: Definition,
    published: Mapping[str, Sequence[Published]],
    sources: dict[str, None],
) -> str:
    """What the paper has in a cell, in its own units; adds where it is printed to ``sources``."""
    if not cell.printed or not cell.score:
        return ""
    tables = published.get(cell.paper, ())
    rows = [
        (table, scores)
        for table, method, scores in printed_rows(tables, cell.data, cell.where)
        if method == cell.printed
    ]
    for table, scores in rows:
        if cell.keys[0] in scores:
            sources[f"Printed: {table.citation}, {table.where}. {table.note}"] = None
            text = scores[cell.keys[0]]
            return _scaled(text if definition.spreads else text.partition(" ±")[0], cell.scale)
    if not rows:
        raise RecordError(
            f"{definition.name}: published/{cell.paper}.json has no row {cell.printed!r} on "
            f"{cell.data} in {cell.where!r}"
        )
    return ""


def _answers(
    cells: Sequence[Cell],
    printed: Sequence[str],
    place: int,
    known: Mapping[str, Sequence[Evidence]],
) -> list[Answer]:
    """One of our rows beside a row of the paper; cells of one data set are of one budget."""
    asked: dict[tuple[str, str, float | None], set[str]] = {}
    for cell in cells:
        if place < len(cell.ours):
            asked.setdefault((cell.ours[place], cell.data, cell.knob), set()).update(cell.keys)
    chosen = {
        (method, data, knob): nearest(known.get(data, ()), method, knob, keys)
        for (method, data, knob), keys in asked.items()
    }
    answers = []
    for cell, text in zip(cells, printed, strict=True):
        if place >= len(cell.ours):
            answers.append(Answer(cell, printed=text))
            continue
        method = cell.ours[place]
        rivals = chosen[method, cell.data, cell.knob]
        having = [(key, each) for key in cell.keys for each in rivals if key in each.scores]
        key, found = having[0] if having else ("", None)
        answers.append(Answer(cell, method, found, key, text))
    return answers


def _title(answers: Sequence[Answer]) -> str:
    """Name, budgets and seeds of a line of ours."""
    methods = list(dict.fromkeys(answer.method for answer in answers if answer.method))
    spent = {
        _spent(answer.found): None
        for answer in answers
        if answer.found is not None and answer.found.budget != "anchor"
    }
    name = methods[0] if len(methods) == 1 else "ours"
    return f"{name} ({'; '.join(spent)})" if spent else name


def _spent(evidence: Evidence) -> str:
    seeds = f", {evidence.seeds} seeds" if evidence.seeds > 1 else ""
    return f"{evidence.budget}{seeds}"


def _notes(used: Sequence[Answer]) -> list[str]:
    """What our numbers depend on: the text, then what each budget changes."""
    found = {id(answer.found): answer.found for answer in used if answer.found is not None}
    forward = {id(answer.found) for answer in used if answer.key in FORWARD}
    texts = [f"{each.data}: {each.source}" for each in found.values() if each.source]
    settings = []
    for key, each in found.items():
        at = f" at {each.knob:g}" if each.swept else ""
        said = [each.label, _beside(each) if key in forward else ""]
        if each.budget != "anchor" and any(said):
            setting = f"{each.method} on {each.data}{at}, {_spent(each)}"
            settings.append(f"{setting}: {'; '.join(filter(None, said))}")
    return list(dict.fromkeys([*texts, *settings]))


def _beside(evidence: Evidence) -> str:
    """What a forward score does not stand without."""
    row = Line("run", evidence.method, evidence.scores)
    return ", ".join(
        f"{column_of(key).title} {figure_text(column_of(key), row)}"
        for key in BESIDE_FORWARD
        if key in evidence.scores
    )


def markdown(table: Beside) -> str:
    """The table as Markdown, its remarks in a list below it."""
    definition = table.definition
    header = [definition.first, *(_full_title(column) for column in definition.columns)]
    lines = [header, ["---"] + ["---:"] * len(definition.columns)]
    lines[0] = [markdown_text(cell) for cell in lines[0]]
    for entry in table.entries:
        cells = [markdown_text(cell) for cell in (entry.title, *entry.cells)]
        if entry.kind == "heading":
            cells = [f"**{cells[0]}**", *([""] * len(definition.columns))]
        elif entry.kind == "printed":
            cells = [f"*{cell}*" if cell else "" for cell in cells]
        lines.append(cells)
    rows = [f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines]
    parts = [
        f"# {markdown_text(definition.name)}",
        "<!-- Made by `make tables`; edit the records, not this page. -->",
        markdown_text(f"{definition.caption} {' '.join(legend(table))}"),
        "\n".join(rows),
        "\n".join(f"- {markdown_text(note)}" for note in table.notes),
    ]
    if table.remarks:
        remarks = [f"- {mark} {_markdown_remark(text)}" for text, mark in table.remarks.items()]
        parts += [FULL] if any("BUDGET=" in remark for remark in remarks) else []
        parts += ["\n".join(remarks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def latex(table: Beside) -> str:
    """The table as LaTeX, no wider than the page; needs the packages booktabs and graphicx.

    Commands are comments.
    """
    definition = table.definition
    columns = definition.columns
    plain = str.maketrans("", "", SUPERSCRIPTS)
    lines = [
        " & ".join([latex_text(definition.first), *(latex_text(c.title) for c in columns)])
        + " \\\\"
    ]
    if any(column.group for column in columns):
        lines = [*_latex_groups(columns), *lines]
    lines.append("\\midrule")
    for entry in table.entries:
        cells = [latex_text(cell.translate(plain)) for cell in (entry.title, *entry.cells)]
        if entry.kind == "heading":
            lines.append(f"\\multicolumn{{{len(columns) + 1}}}{{l}}{{\\textbf{{{cells[0]}}}}} \\\\")
            continue
        if entry.kind == "printed":
            cells = [f"\\emph{{{cell}}}" if cell else "" for cell in cells]
        else:
            cells[0] = f"\\quad {cells[0]}"
        lines.append(" & ".join(cells) + " \\\\")
    whys = [text for text in table.remarks if not text.startswith("`")]
    notes = " ".join(map(_sentence, [*legend(table), *table.notes, *whys]))
    return "\n".join(
        [
            "% Made by `make tables`; edit the records, not this file.",
            "% Needs \\usepackage{booktabs} and \\usepackage{graphicx}.",
            *(f"% {one_line(text)}" for text in table.remarks if text.startswith("`")),
            "\\begin{table}",
            "\\centering\\footnotesize",
            f"\\caption{{{latex_text(definition.caption)}}}",
            f"\\label{{tab:{label_of(definition.name)}}}",
            NO_WIDER,
            f"\\begin{{tabular}}{{l{'r' * len(columns)}}}",
            "\\toprule",
            *lines,
            "\\bottomrule",
            "\\end{tabular}}",
            "",
            "\\smallskip",
            f"\\parbox{{\\linewidth}}{{\\scriptsize {notes}}}",
            "\\end{table}",
            "",
        ]
    )


def as_csv(table: Beside) -> str:
    """A line a cell of ours, and a line a printed cell that has none of ours."""
    definition = table.definition
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(FIELDS)
    ours = {entry.row for entry in table.entries if entry.kind == "ours"}
    for entry in table.entries:
        if entry.kind == "printed" and entry.row not in ours:
            for heading, text in zip(definition.columns, entry.cells, strict=True):
                place = (definition.name, entry.row, heading.group, heading.title)
                line = [*place, "" if text == NOTHING else text, *([""] * (len(FIELDS) - 5))]
                writer.writerow([_csv_text(cell) for cell in line])
        for heading, answer in zip(definition.columns, entry.answers, strict=bool(entry.answers)):
            place = (definition.name, entry.row, heading.group, heading.title)
            if answer.cell.score:
                writer.writerow([*(_csv_text(cell) for cell in place), *_csv_cells(answer)])
    return out.getvalue()


WRITERS: Mapping[str, Callable[[Beside], str]] = {"md": markdown, "csv": as_csv, "tex": latex}
"""By the ending of the file."""


def write_beside(table: Beside, root: Path = ROOT, name: str | None = None) -> list[Path]:
    """Write ``tables/papers/<name>`` in each of ``WRITERS``."""
    paths = []
    for suffix, render in WRITERS.items():
        path = root / "tables" / "papers" / f"{name or table.definition.name}.{suffix}"
        replace_text(path, render(table))
        paths.append(path)
    return paths


def legend(table: Beside) -> list[str]:
    """What the brackets and the marks of a table say, as far as it has them."""
    answers = [answer for entry in table.entries for answer in entry.answers]
    lines = [BESIDE] if any(answer.difference for answer in answers) else []
    pairs = {(answer.cell.keys[0], answer.key): None for answer in answers if answer.is_instead}
    lines += [f"‡ {key} in place of {printed}: no difference." for printed, key in pairs]
    shown = [*table.notes, *(cell for entry in table.entries for cell in entry.cells)]
    return [*lines, *([f"{CAVEAT}."] if any("†" in text for text in shown) else [])]


def _full_title(column: Heading) -> str:
    return f"{column.group} {column.title}".strip()


def _latex_groups(columns: Sequence[Heading]) -> list[str]:
    """A line of the groups of neighbouring columns, and the rules below them."""
    spans: list[tuple[str, int, int]] = []
    for place, column in enumerate(columns, start=2):
        if spans and spans[-1][0] == column.group:
            spans[-1] = (column.group, spans[-1][1], place)
        else:
            spans.append((column.group, place, place))
    titles = [
        f"\\multicolumn{{{last - first + 1}}}{{c}}{{{latex_text(title)}}}"
        for title, first, last in spans
    ]
    rules = [f"\\cmidrule(lr){{{first}-{last}}}" for title, first, last in spans if title]
    return [f" & {' & '.join(titles)} \\\\", "".join(rules)]


def _sentence(note: str) -> str:
    text = latex_text(note)
    return text if text.endswith(".") else f"{text}."


def _markdown_remark(text: str) -> str:
    """A command as code, anything else as text."""
    if text.startswith("`") and text.endswith("`") and "`" not in text[1:-1]:
        return one_line(text)
    return markdown_text(text)


def _csv_cells(answer: Answer) -> list[str]:
    figure, found = answer.figure, answer.found
    mean = spread = ""
    if isinstance(figure, Mean):
        mean = f"{figure.mean:.6g}"
        spread = "" if figure.spread is None else f"{figure.spread:.6g}"
    elif figure is not None:
        mean = _csv_text(figure)
    setting = "" if found is None else "; ".join(filter(None, (found.label, found.source)))
    return [
        _csv_text(answer.printed),
        _csv_text(answer.method),
        _csv_text(answer.cell.data),
        "" if found is None else _csv_text(found.budget),
        "" if found is None else str(found.seeds),
        _csv_text(answer.key or answer.cell.keys[0]),
        mean,
        spread,
        answer.difference.replace(",", "").lstrip("+"),
        _csv_text(setting),
        made_by(answer).strip("`") if answer.lacks else "",
    ]


def _csv_text(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    text = one_line(text)
    return f"'{text}" if text.startswith(FORMULA) else text


def _scaled(text: str, scale: int) -> str:
    """Printed numbers in the units of the paper, digit for digit.

    >>> _scaled("0.950", 100), _scaled("3.69 ± 0.05", 1)
    ('95.0', '3.69 ± 0.05')
    """
    if scale == 1:
        return text
    places = len(str(scale)) - 1
    return NUMBER.sub(lambda found: f"{Decimal(found[0]).scaleb(places):f}", text)


def _number(text: str) -> Decimal | None:
    """What a printed cell begins with, None if that is no number."""
    found = NUMBER.match(text)
    return None if found is None else Decimal(found[0].replace(",", ""))


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
