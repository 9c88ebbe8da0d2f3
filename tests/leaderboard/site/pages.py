"""Pages made of a few records, and what stands on them."""

import json
import math
import re
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path

from tests.leaderboard.test_leaderboard import COMMITTED, ORACLE, RUN
from textgan_bench import leaderboard
from textgan_bench.leaderboard import Record
from textgan_bench.leaderboard.curves import Curve
from textgan_bench.leaderboard.rendering import blocks
from textgan_bench.leaderboard.site import write
from textgan_bench.leaderboard.site.plots import (
    Axis,
    Figure,
    Reference,
    Series,
)
from textgan_bench.leaderboard.site.verdicts import (
    answers,
)
from textgan_bench.leaderboard.tables import DECIPHERED, Line, Mean

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\"><b>&amp;\u202e"

IN_A_NAME = "<b onload='x'>\"&;$(x)"

MOST_BYTES = 3 * 2**20

RIVAL = replace(RUN, method="importance", scores={**RUN.scores, "oracle_nll": 3.9})


class Tree(HTMLParser):
    """Elements and attributes of a page; refuses what is not closed in order."""

    VOID = frozenset({"meta", "link", "input", "wbr"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"{tag} has an attribute twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def stored(root: Path, *records: Record) -> Path:
    for record in records:
        path = record.path(root)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(record)), encoding="utf-8")
    return root


def page_of(root: Path) -> str:
    path, _ = write(root)
    assert path == root / "site/index.html"
    return read(path)


def read(path: Path) -> str:
    """A page with plain blanks, where it has some at which no line ends."""
    return path.read_text(encoding="utf-8").replace("\u00a0", " ")


def row_of(page: str, name: str) -> str:
    """The row of a table that has an id."""
    found = re.search(rf'<tr id="{re.escape(name)}".*?</tr>', page, re.DOTALL)
    assert found, name
    return found[0]


def cells_of(page: str) -> list[list[tuple[dict[str, str], str]]]:
    """Rows of a table: attributes and content of each cell, and of the heading's."""
    rows = re.findall(r"<tr.*?</tr>", page, re.DOTALL)
    return [
        [
            (dict(re.findall(r'([\w-]+)="([^"]*)"', attributes)), content)
            for attributes, content in re.findall(r"<t[hd]([^>]*)>(.*?)</t[hd]>", row, re.DOTALL)
        ]
        for row in rows
    ]


def deciphers(
    heads: list[tuple[dict[str, str], str]], row: list[tuple[dict[str, str], str]]
) -> bool:
    """Whether a row has an accuracy, and competes in nothing else."""
    keys = [head.get("data-key") for head, _ in heads]
    return DECIPHERED in keys and "data-v" in row[keys.index(DECIPHERED)][0]


def boards_of(page: str) -> dict[str, str]:
    """The tables of the page that a script sorts, by the title of each; not those of papers."""
    found = re.findall(r'(<table class="board" id="[^"]*" data-title="([^"]*)".*?</table>)', page)
    return {title: table for table, title in found}


COMMITTED_PAGE = read(COMMITTED / "site/index.html")


def apart(head: dict[str, str], one: dict[str, str], other: dict[str, str]) -> tuple[float, float]:
    """How far two cells differ, and what the noise takes, by the numbers of a page alone."""
    values = [float(each["data-v"]) for each in (one, other)]
    errors = [float(each.get("data-e", "nan")) for each in (one, other)]
    if head["data-better"] == "≈":
        values = [each - float(head["data-own"]) for each in values]
        if values[0] * values[1] < 0:
            errors.append(2 * float(head["data-own-e"]))
    if head["data-better"] in ("≈", "→0"):
        values = [abs(each) for each in values]
    return abs(values[0] - values[1]), 2 * math.hypot(*errors)


def many(root: Path, count: int) -> None:
    """Records as the leaderboard has them, of more methods and seeds."""
    committed = [leaderboard.load(path) for path in sorted(COMMITTED.glob("records/*/*.json"))]
    made = 0
    for number in range(count):
        for record in committed:
            if made == count:
                return
            if number == 0:
                copy = record
            elif record.source == "anchor":
                continue
            else:
                method = f"{record.method}_{number // 2}" if number > 1 else record.method
                copy = replace(record, method=method, seed=record.seed + 3 * (number % 2))
            if not copy.path(root).exists():
                stored(root, copy)
                made += 1


def verdict_of(*records: Record) -> tuple[list[str], str]:
    (block,) = blocks(records)
    (found,) = [
        verdict
        for question, verdict in answers(block, "quick").items()
        if question.title == "Writes like the data"
    ]
    return [row.method for row in found.winners], found.strength


def figure(series: list[Series], references: list[Reference]) -> Figure:
    return Figure("f", "title", Axis("x"), Axis("y"), series, references)


def lines(*runs: tuple[str, str, float]) -> list[Line]:
    """Rows by method, budget and LM score, below an anchor of text at 4 and ``copy`` at 4.5."""
    anchors = [
        Line("anchor", name, {"lm_score/kn4": Mean(value)})
        for name, value in (("real", 4.0), ("copy", 4.5))
    ]
    return anchors + [
        Line("run", name, {"lm_score/kn4": Mean(value)}, budget=budget)
        for name, budget, value in runs
    ]


def answered(page: str, data: str) -> str:
    """The lines of a data set in the table of answers."""
    table = page.partition('<table class="answers">')[2].partition("</table>")[0]
    return table.partition(f'<a href="#{data}">{data}</a>')[2].partition('scope="rowgroup"')[0]


def anchor(method: str, **scores: float) -> Record:
    known = {"novel": "novel_by_two", "reverse": "reverse_lm/kn4", "lm": "lm_score/kn4"}
    values = {known[name]: value for name, value in scores.items()}
    return replace(ORACLE, method=method, scores={"distinct_sentences": 1.0, **values})


def notes_below(page: str, table: str) -> str:
    return page.partition(f'id="{table}"')[2].partition('<p class="notes">')[2].partition("</p>")[0]


def curve_of(record: Record, **scores: list[float | None]) -> Curve:
    keys = {"fed": "fed/hash128", "nll": "oracle_nll"}
    return Curve(
        record=record.path().stem,
        data="hmm",
        batches=[100, 200, 300],
        scores={keys[name]: values for name, values in scores.items()},
    )
