"""Tables of scores as Markdown, LaTeX and plain text; standard library only.

Which columns a block has, which of their values is the best one, and how it is marked.
"""

import math
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from textgan_bench.errors import one_line
from textgan_bench.leaderboard.columns import (
    BESIDE_FORWARD,
    CAVEATS,
    COLUMNS,
    FORWARD,
    NOT_SHOWN,
    SET_BLEU,
    Column,
    column,
    digits,
)
from textgan_bench.leaderboard.records import Record

BEST = "* the best of its budget"
CAVEAT = "† the text was too uniform for Kneser-Ney discounts of some order: fixed ones stood in"

LEGEND = (
    "Anchors come first: the data judged by the same code (oracle, real), then samplers that know "
    "only word frequencies (unigram) or only the vocabulary (uniform). real is training text "
    "against the test text; where a score is relative to the training text (PPL, Novel, Nearest) "
    "it is the test text against that. copy and other_style are transfers: the sources as they "
    "are, and real sentences of the other style. Cheats are built to win a score: training "
    "sentences (memorised), and with one word changed (altered), the most probable sentences of a "
    "4-gram model of training text (likeliest), words drawn alone at the entropy that a word of "
    "text has (tempered), one sentence throughout (repeated); a note says which columns each "
    "leads, and which give it away. One half of the test text "
    "scored against the other (half) has fewer references, and a block of its own. Hours and "
    "Updates, which are the generator's, are those of the whole training, ≥ where a record knows "
    "only those before its selected checkpoint; tested are the updates of the checkpoint that the "
    "scores are of, where that is not the last one. One budget promises no equal hours. Passes are "
    "the runs of a network, one after the other, that write the longest sentence. "
    "Mean ± "
    "standard deviation over seeds. Likelihoods are in nats a word, language models are 4-gram "
    "Kneser-Ney, BLEU is "
    "BLEU-5, in which `<unk>` matches nothing; Words counts the distinct words of the samples, "
    "Sentences is the share of distinct "
    "sentences, Novel that of sentences that are not training text, Novel by 2 that of those that "
    "are none but for one word either, Lengths the "
    "distance of the distributions of lengths in words, G2 and H2 are the geometric and the "
    "harmonic mean of Transferred and BLEU to source. ↓ lower is better, ↑ higher is better, ≈ "
    "best is nearest to the data's own value: "
    "a model that repeats itself passes the data there, so read these columns beside Reverse LM, "
    "Words and Sentences. Bold is the best of the methods of a block that have the same budget; "
    "one with less than half of the data's own distinct sentences is best at nothing, and one that "
    "deciphers at accuracy alone, since it writes the very test text. Numbers of different blocks "
    f"are not comparable. {CAVEAT}."
)

DATA_ITSELF = ("oracle", "real", "other_style")
"""Anchors whose value is that of the data; the first that has one."""

REAL_TEXT = (*DATA_ITSELF, "half")

CHEATS = ("memorised", "altered", "likeliest", "tempered", "repeated")
"""Anchors that are built to win one score."""

ANCHORS = ("oracle", "real", "half", "other_style", "copy", "unigram", "uniform", *CHEATS)

DISTINCT = "distinct_sentences"

DECIPHERED = "token_accuracy"
"""Rows that have it write the very test text: scores of likeness to the data say nothing more."""

RIGHT = (DECIPHERED, "corpus_bleu/4")
"""Scores against the plain text of each sentence."""

COLLAPSED = 0.5
"""A method with less than this share of the data's own distinct sentences repeats itself."""

UNKNOWN_IS_COMMON = 0.1
"""Share of unknown words from which BLEU of sets says little."""

_MARKDOWN = re.compile(r"[\\`*\[\]~$#]|(?<![^\W_])_+|_+(?![^\W_])")
"""What has a meaning in Markdown; within a word an underscore has none."""

SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"

_LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%_#${}"}
    | {"[": "{[}", "*": "{*}"}  # after the end of a line they are its arguments
    | {"<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}"}
    | {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
    | {
        "±": "$\\pm$",
        "↓": "$\\downarrow$",
        "↑": "$\\uparrow$",
        "≈": "$\\approx$",
        "≥": "$\\geq$",
        "→": "$\\to$",
        "×": "$\\times$",
        "†": "$\\dagger$",
        "‡": "$\\ddagger$",
        "–": "--",
        "…": "\\ldots{}",
        "‘": "`",
        "’": "'",
        "“": "``",
        "”": "''",
    }
    | {mark: f"\\textsuperscript{{{digit}}}" for digit, mark in enumerate(SUPERSCRIPTS)}
)

_UNKNOWN_TO_LATEX = re.compile("[^\x20-\u017f]")
"""What remains and has no letter in the fonts of LaTeX."""


class Mean(NamedTuple):
    """A mean and its standard deviation over seeds, None where there is a single value."""

    mean: float
    spread: float | None = None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Mean":
        """Of one value a seed.

        >>> Mean.of([1.0, 2.0, 3.0]), Mean.of([1.0])
        (Mean(mean=2.0, spread=1.0), Mean(mean=1.0, spread=None))
        """
        mean = statistics.fmean(values)
        if len(values) == 1:
            return cls(mean)
        # As statistics.stdev to the last digits, which takes fractions and a quarter of the time
        # that a thousand records do.
        squares = math.fsum((value - mean) ** 2 for value in values)
        return cls(mean, math.sqrt(squares / (len(values) - 1)))


@dataclass(frozen=True)
class Line:
    """One line of a table."""

    kind: Literal["anchor", "run", "submitted", "published"]
    method: str
    scores: Mapping[str, Mean | str]
    """A published score is a string, the digits of its paper."""
    budget: str = ""
    seeds: int | None = None
    hours: str = ""
    """Of training, as printed."""
    updates: str = ""
    """How many the generator was trained by, as printed."""
    tested: str = ""
    """Those before the checkpoint that was tested, as printed; empty where it is the last one."""
    passes: int | None = None
    """Runs of a network that write the longest sentence."""
    marked: bool = False
    """Pointed at in a terminal."""
    records: Sequence[Record] = field(default=(), compare=False, repr=False)
    """What it is the mean of, one a seed."""
    same: Sequence[str] = ()
    """Ablations of its method with the same scores to the last digit, which have no row."""

    def value(self, key: str) -> float | None:
        """The mean of a score, None where it is published or missing."""
        figure = self.scores.get(key)
        return figure.mean if isinstance(figure, Mean) else None

    @property
    def order(self) -> tuple[int, int, str, str]:
        """Anchors first, the data itself before all; what others submitted comes last."""
        if self.kind != "anchor":
            return (2 if self.kind == "submitted" else 1, 0, self.method, self.budget)
        rank = ANCHORS.index(self.method) if self.method in ANCHORS else len(ANCHORS)
        return (0, rank, self.method, self.budget)


@dataclass(frozen=True)
class Block:
    """Rows that share their columns because they are comparable."""

    title: str
    rows: Sequence[Line]
    notes: Sequence[str] = field(default=())

    @property
    def columns(self) -> list[Column]:
        """The known columns in their order, then unknown scores by name."""
        keys = {key for row in self.rows for key in row.scores}.difference(NOT_SHOWN)
        if unknown_share(self.rows) > UNKNOWN_IS_COMMON:
            keys.difference_update(SET_BLEU)
        if keys.intersection(FORWARD) and any(row.kind != "published" for row in self.rows):
            keys.update(BESIDE_FORWARD)
        known = [column.key for column in COLUMNS if column.key in keys]
        return [column(key) for key in [*known, *sorted(keys.difference(known))]]


def unknown_share(rows: Sequence[Line]) -> float:
    """Of the words of real text, those that are unknown; 0 where no row tells."""
    shares = (row.value("oov_rate") for row in rows if row.method in REAL_TEXT)
    return max((share for share in shares if share is not None), default=0.0)


def figure_text(column: Column, row: Line) -> str:
    """``3.51 ± 0.02``, or a dash where there is no score."""
    figure = row.scores.get(column.key)
    if figure is None:
        return "–"
    if isinstance(figure, str):
        return figure
    caveat = "†" if CAVEATS.get(column.key) in row.scores else ""
    places = digits(column, figure.spread)
    # Adding 0.0 turns the -0.0 that rounding may leave into 0.0.
    text = f"{round(figure.mean, places) + 0.0:,.{places}f}{caveat}"
    return text if figure.spread is None else f"{text} ± {figure.spread:,.{places}f}"


def best(column: Column, rows: Sequence[Line]) -> list[Line]:
    """The methods' rows with the best value of their budget, ties by the printed digits included.

    Anchors are no candidates, nor is a method that repeats itself, and a single method is best at
    nothing.
    """
    winners = [
        index
        for rivals in costs(column, rows).values()
        if len(rivals) > 1
        for index, cost in rivals.items()
        if cost == min(rivals.values())
    ]
    return [rows[index] for index in sorted(winners)]


def costs(column: Column, rows: Sequence[Line]) -> dict[str, dict[int, float]]:
    """How far each method's row is from the best value there can be, by budget and place.

    Rounded to the digits that are printed; empty where the column has no order. What deciphers
    competes in accuracy alone.
    """
    cost = distance(column, rows)
    if cost is None:
        return {}
    found: dict[str, dict[int, float]] = {}
    for index, row in enumerate(rows):
        mean = row.value(column.key)
        if DECIPHERED in row.scores and column.key not in RIGHT:
            continue
        if row.kind == "run" and mean is not None and not is_collapsed(row, rows):
            found.setdefault(row.budget, {})[index] = round(cost(mean), column.digits)
    return found


def distance(column: Column, rows: Sequence[Line]) -> Callable[[float], float] | None:
    """How bad a value of a column is among rows that compare; None where it has no order."""
    target = own_value(column.key, rows)
    distances: dict[str, Callable[[float], float]] = {
        "↓": lambda mean: mean,
        "↑": lambda mean: -mean,
        "→0": abs,
    }
    if target is not None:
        distances["≈"] = lambda mean: abs(mean - target)
    return distances.get(column.better)


def is_collapsed(row: Line, rows: Sequence[Line]) -> bool:
    """Whether a row has so few distinct sentences that it repeats itself."""
    own = row.value(DISTINCT)
    return own is not None and own < COLLAPSED * (own_value(DISTINCT, rows) or 0.0)


def own_value(key: str, rows: Sequence[Line]) -> float | None:
    """The score of the data itself, None without one."""
    data = (row.value(key) for row in rows if row.kind == "anchor" and row.method in DATA_ITSELF)
    return next((value for value in data if value is not None), None)


def markdown(data: str, blocks: Sequence[Block]) -> str:
    """A page with one table a block."""
    parts = [
        f"# {markdown_text(data)}",
        "<!-- Made by `make tables`; edit the records, not this page. -->",
        LEGEND,
    ]
    for block in blocks:
        header, *lines = _cells(block, _markdown_emphasis)
        width = len(header)
        table = [[*map(markdown_text, header)], ["---"] * 2 + ["---:"] * (width - 2), *lines]
        parts += [
            f"## {markdown_text(block.title)}",
            "\n".join(
                f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in table
            ),
            "\n".join(f"- {markdown_text(note)}" for note in block.notes),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def latex(data: str, blocks: Sequence[Block]) -> str:
    """One ``table`` a block; needs the package booktabs."""
    parts = [
        "% Made by `make tables`; edit the records, not this file. Needs \\usepackage{booktabs}."
    ]
    for number, block in enumerate(blocks, start=1):
        header, *lines = _cells(block, _latex_emphasis)
        caption = ". ".join([f"{data}: {block.title}", *(note.rstrip(".") for note in block.notes)])
        parts.append(
            "\n".join(
                [
                    "\\begin{table}",
                    "\\centering\\footnotesize",
                    f"\\caption{{{latex_text(caption)}.}}",
                    f"\\label{{tab:{label_of(data)}-{number}}}",
                    f"\\begin{{tabular}}{{ll{'r' * (len(header) - 2)}}}",
                    "\\toprule",
                    " & ".join(latex_text(cell) for cell in header) + " \\\\",
                    "\\midrule",
                    *(" & ".join(line) + " \\\\" for line in lines),
                    "\\bottomrule",
                    "\\end{tabular}",
                    "\\end{table}",
                ]
            )
        )
    return "\n\n".join(parts) + "\n"


def plain(block: Block) -> str:
    """Aligned text for a terminal; ``*`` is the best value, ``>`` the marked row.

    Marks are explained below the rows.
    """
    header, *lines = _cells(block, _plain_emphasis)
    lines = [[*map(one_line, header)], *lines]
    pointers = ["  ", *("> " if row.marked else "  " for row in block.rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    aligned = []
    for pointer, line in zip(pointers, lines, strict=True):
        words = [
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        aligned.append((pointer + "  ".join(words)).rstrip())
    cells = [cell for line in lines for cell in line]
    aligned += [BEST] if any(cell.endswith("*") for cell in cells) else []
    aligned += [CAVEAT] if any("†" in cell for cell in cells) else []
    return "\n".join(aligned)


def _cells(block: Block, emphasis: Callable[[str, Line, bool], str]) -> list[list[str]]:
    """Header and rows: method, budget, seeds, training, then one cell a column."""
    columns = block.columns
    winners = [best(column, block.rows) for column in columns]
    counted = [name for name in COUNTS if any(_count(name, row) for row in block.rows)]
    titles = (f"{column.title} {column.better}".strip() for column in columns)
    lines = [["Method", "Budget", "Seeds", *counted, *titles]]
    for row in block.rows:
        figures = [
            emphasis(figure_text(column, row), row, row in winning)
            for column, winning in zip(columns, winners, strict=True)
        ]
        labels = [row.method, row.budget, "" if row.seeds is None else str(row.seeds)]
        labels += [_count(name, row) for name in counted]
        lines.append([*(emphasis(label, row, False) for label in labels), *figures])
    return lines


COUNTS = ("Hours", "Updates", "Passes")
"""Columns of what is counted, not scored; a block without such a number has no column of it."""


def _count(name: str, row: Line) -> str:
    if name == "Hours":
        return row.hours
    if name == "Updates":
        return f"{row.updates} (tested {row.tested})" if row.tested else row.updates
    return "" if row.passes is None else f"{row.passes:,}"


def hours_text(hours: float) -> str:
    """Hours of training with two decimals, three below 0.095, where seconds count.

    >>> hours_text(1.135), hours_text(0.0077), hours_text(0.0001)
    ('1.14', '0.008', '< 0.001')
    """
    if hours >= 0.095:
        return f"{hours:,.2f}"
    return f"{hours:.3f}" if hours >= 0.0005 else "< 0.001"


def _markdown_emphasis(text: str, row: Line, bold: bool) -> str:
    text = markdown_text(text)
    if row.kind == "published" and text:
        return f"*{text}*"
    return f"**{text}**" if bold else text


def _plain_emphasis(text: str, row: Line, bold: bool) -> str:
    return one_line(text) + ("*" if bold else " ")


def _latex_emphasis(text: str, row: Line, bold: bool) -> str:
    text = latex_text(text)
    if row.kind == "published" and text:
        return f"\\emph{{{text}}}"
    return f"\\textbf{{{text}}}" if bold else text


def markdown_text(text: str) -> str:
    """Text as Markdown prints it."""
    marked = _MARKDOWN.sub(lambda found: "".join(f"\\{mark}" for mark in found[0]), one_line(text))
    return marked.replace("&", "&amp;").replace("<", "&lt;")


def latex_text(text: str) -> str:
    """Text as LaTeX prints it; ``?`` stands for a letter that its fonts lack."""
    return _UNKNOWN_TO_LATEX.sub("?", one_line(text).translate(_LATEX))


def label_of(name: str) -> str:
    """The name without the characters that no label may have."""
    return re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII)
