"""Which score to trust: what was built to win each passes for text by it, and what finds that out.

The verdicts are those of ``leaderboard.cheats``, over the first table of every data set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textgan_bench.leaderboard.cheats import verdicts
from textgan_bench.leaderboard.columns import COLUMNS, Column, column
from textgan_bench.leaderboard.site.board import arranged
from textgan_bench.leaderboard.site.meanings import meaning
from textgan_bench.leaderboard.site.places import KINDS_OF_ROWS, Place, Section
from textgan_bench.leaderboard.site.text import caption, element, link, scroll, text
from textgan_bench.leaderboard.site.verdicts import main_keys
from textgan_bench.leaderboard.tables import CHEATS, DECIPHERED, own_value

BROKEN = (*CHEATS, "unigram", "uniform")
"""Samplers that are no models of language, by the names of their rows."""

REPORTED = ("lm_score/kn4", "bleu_f/5", "bleu_b/5", "self_bleu/5")
"""Scores that papers report, beside the main ones of the tables."""

NAMED = 3
"""Data sets that are named one by one, as those that have something or as those that lack it."""

HEADS = ("Score", "Takes for text, or is led by", "Found out there")

Fooled = Mapping[Column, Mapping[str, Sequence[str]]]


@dataclass(frozen=True)
class Judged:
    """What the tables say of their scores."""

    tables: Mapping[Column, Sequence[str]]
    """By score: the data sets where a cheat has it."""
    fooled: Fooled
    """By score and cheat: the data sets where the cheat leads by it, or passes for text."""
    found_out: Fooled
    """By score and cheat: the data sets where the score gives the cheat away."""

    def finders(self, cheat: str, data: Sequence[str], but: Column) -> list[tuple[str, list[str]]]:
        """Few other scores that give a cheat away on these data sets, and on which each does.

        The one that does so on most of them comes first; what is left has the name ``no score``.
        """
        left = list(data)
        found: list[tuple[str, list[str]]] = []
        while left:
            on = {
                shown: [each for each in left if each in self.found_out[shown].get(cheat, ())]
                for shown in self.tables
                if shown != but
            }
            best = max(on, key=lambda shown: len(on[shown]), default=None)
            if best is None or not on[best]:
                return [*found, ("no score", left)]
            found.append((best.title, on[best]))
            left = [each for each in left if each not in on[best]]
        return found


def judged(sections: Sequence[Section]) -> Judged:
    """Ask the first table of each data set that has cheats."""
    tables: dict[Column, list[str]] = {}
    fooled: dict[Column, dict[str, list[str]]] = {}
    found_out: dict[Column, dict[str, list[str]]] = {}
    places = [place for section in sections for place in section.places[:1] if _has_cheats(place)]
    asked = [{*_main(place), *map(column, REPORTED)} for place in places]
    every = set().union(*asked)
    for place in places:
        block = place.block
        ours = {shown for shown in every.intersection(block.columns) if shown.better}
        for shown in ours:
            if shown.better == "→0" or own_value(shown.key, block.rows) is not None:
                tables.setdefault(shown, []).append(place.data)
                fooled.setdefault(shown, {})
                found_out.setdefault(shown, {})
        samples = min(record.num_samples for record in place.records)
        for verdict in verdicts(block, samples, BROKEN):
            for shown in ours.intersection((*verdict.leads, *verdict.passes)).intersection(tables):
                fooled[shown].setdefault(verdict.cheat, []).append(place.data)
            for shown in ours.intersection(verdict.given_away_by).intersection(tables):
                found_out[shown].setdefault(verdict.cheat, []).append(place.data)
    return Judged({shown: tables[shown] for shown in sorted(tables, key=_place)}, fooled, found_out)


def which_to_trust(sections: Sequence[Section], more: str | None) -> str:
    """The scores, the fewest cheats first; empty where no table has a cheat.

    Args:
        sections: the data sets of the page.
        more: address of what says more, None where it is not at hand.
    """
    found = judged(sections)
    if not found.tables:
        return ""
    count = len({data for names in found.tables.values() for data in names})
    said = (
        f"Each of {count} tables has rows that are no methods but were built to deceive: "
        + "; ".join(f"<b>{name}</b>, {KINDS_OF_ROWS[name]}" for name in BROKEN)
        + ". A line says which of them a score takes for text, or puts before every method, and "
        "what finds them out there. No score stands alone: read each beside one that finds out "
        "what deceives it. A row that is not clearly better than <b>unigram</b> in Reverse LM does "
        "not clearly cover more of the data than word frequencies do, whatever else it wins; "
        "answers and tables say so of it."
    )
    if more:
        said += (
            " Where an exact divergence is known, Reverse LM orders methods as it does, and the "
            "scores that look at samples alone (Oracle NLL, LM score, BLEU-F) do not: "
            f"{link(more, 'what each score is blind to')}."
        )
    lines = "".join(_line(found, shown) for shown in found.tables)
    table = element(
        "table",
        caption("What deceives each score, and what finds that out")
        + element(
            "thead",
            element("tr", "".join(element("th", head, scope="col") for head in HEADS)),
        )
        + element("tbody", lines),
        class_="words trust",
    )
    return element(
        "section",
        element("h2", "Which score to trust") + element("p", said) + scroll(table, "Scores"),
        id="trust",
    )


def _line(found: Judged, shown: Column) -> str:
    fooled = found.fooled[shown]
    tables = found.tables[shown]
    of_data: dict[tuple[str, ...], list[str]] = {}
    for cheat in BROKEN:
        if cheat in fooled:
            of_data.setdefault(tuple(fooled[cheat]), []).append(cheat)
    passed = [
        f"<b>{text(_listed(cheats))}</b> {text(_on(data, tables))}"
        for data, cheats in sorted(of_data.items(), key=lambda each: -len(each[0]))
    ]
    finders: dict[str, list[str]] = {}
    for data, cheats in of_data.items():
        for cheat in cheats:
            first, *others = found.finders(cheat, data, shown)
            by = ", ".join([first[0], *(f"on {_listed(on)} {title}" for title, on in others)])
            finders.setdefault(by, []).append(cheat)
    beside = [f"<b>{text(_listed(cheats))}</b> by {text(by)}" for by, cheats in finders.items()]
    name = text(f"{shown.title} {shown.better}") + element("small", text(meaning(shown.key)))
    return element(
        "tr",
        element("th", name, scope="row")
        + element("td", "; ".join(passed) or "none of them", data_title=HEADS[1])
        + element("td", "; ".join(beside) or "–", data_title=HEADS[2]),
    )


def _on(data: Sequence[str], tables: Sequence[str]) -> str:
    """Where, in few words: the names, or those of the others."""
    if len(data) == len(tables):
        return f"on all {len(tables)}" if len(tables) > 1 else f"on {tables[0]}"
    lacking = [name for name in tables if name not in data]
    if len(lacking) <= NAMED < len(data):
        return f"on all {len(tables)} but {_listed(lacking)}"
    return f"on {_listed(data)}"


def _listed(names: Sequence[str]) -> str:
    """Names in a sentence.

    >>> _listed(["hmm"]), _listed(["hmm", "cfg", "coco"])
    ('hmm', 'hmm, cfg and coco')
    """
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _has_cheats(place: Place) -> bool:
    return any(row.kind == "anchor" and row.method in CHEATS for row in place.block.rows)


def _main(place: Place) -> set[Column]:
    columns, more = arranged(place.block)
    return set(columns) - more


def _place(shown: Column) -> tuple[bool, int, str]:
    """The scores that answer come first, in their order, then the others in that of the tables."""
    first = main_keys([each.key for each in COLUMNS if each.key != DECIPHERED])
    is_main = shown.key in first
    known = COLUMNS.index(shown) if shown in COLUMNS else len(COLUMNS)
    return (not is_main, first.index(shown.key) if is_main else known, shown.key)
