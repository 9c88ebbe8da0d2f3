"""What a reader comes for: which method is best at what, on what evidence, and who is who."""

from collections.abc import Iterable, Sequence

from textgan_bench.leaderboard.records import Record
from textgan_bench.leaderboard.site.board import described
from textgan_bench.leaderboard.site.places import KINDS_OF_ROWS, Place, Section
from textgan_bench.leaderboard.site.text import broken, caption, element, link, scroll, text
from textgan_bench.leaderboard.site.verdicts import (
    COVERAGE,
    QUESTIONS,
    SHORT,
    WORDS,
    Question,
    Verdict,
    better_elsewhere,
    collapsed,
    floors,
    hours,
    word_frequencies,
)
from textgan_bench.leaderboard.tables import Line, figure_text


def best_at_what(sections: Sequence[Section], records: Iterable[Record]) -> str:
    """The answers of each data set's first table.

    Args:
        sections: the data sets of the page.
        records: all that are shown.
    """
    header = [element("th", "Data", scope="col"), element("th", "Budget", scope="col")]
    header += [
        element("th", f"{question.title}<small>{text(question.meaning)}</small>", scope="col")
        for question in QUESTIONS
    ]
    lines: list[str] = []
    without: list[str] = []
    for section in sections:
        data_link = link(f"#{section.name}", text(section.data))
        for place in section.places[:1]:
            asked = {budgets: verdicts for budgets, verdicts in place.answers.items() if verdicts}
            without += [
                f"{data_link} {text(' and '.join(budgets))}"
                for budgets in place.answers
                if budgets not in asked
            ]
            for number, (budgets, verdicts) in enumerate(asked.items()):
                cells = []
                if number == 0:
                    cells.append(element("th", data_link, scope="rowgroup", rowspan=len(asked)))
                cells.append(
                    element(
                        "th",
                        text(" and ".join(budgets)) + element("small", _hours(place, budgets)),
                        scope="row",
                    )
                )
                cells += [
                    _answer(place, question, verdicts.get(question), budgets)
                    for question in QUESTIONS
                ]
                lines.append(element("tr", "".join(cells)))
    table = element(
        "table",
        caption("The best method of each budget, and what stands against it")
        + element("thead", element("tr", "".join(header)))
        + element("tbody", "".join(lines)),
        class_="answers",
    )
    explained = (
        "A number is the mean over seeds ± their standard deviation. <b>Clear</b> says that "
        "the difference exceeds two standard errors of it, and that both rows have several "
        "seeds. <b>One seed</b> says that it exceeds the noise of drawing samples, but another "
        "training of a row with one seed may turn it. The error is that over seeds or that "
        "of drawing samples, whichever is larger. <b>Noise not known</b>: a row of one seed, in a "
        "score whose error of drawing samples was not measured. <b>Otherwise by</b> names a score "
        "that asks the same and puts another row first, beyond the noise. Rows with few distinct "
        "sentences are best at nothing. What deciphers is ranked over budgets where none took more "
        f"than {SHORT:g} h."
    )
    single = (
        "No answer yet, since no two methods of the budget have a score that answers a question: "
        f"{', '.join(without)}."
    )
    return element(
        "section",
        element("h2", "Which method is best at what")
        + element("p", explained)
        + scroll(table, "Best at what")
        + (element("p", single) if without else "")
        + _methods(records),
        id="best",
    )


def _methods(records: Iterable[Record]) -> str:
    """Who is who: each row's method in a line."""
    summary = element("summary", "What the methods are")
    names = {record.method for record in records if record.source == "run"}
    return element("details", summary + described(names))


def _hours(place: Place, budgets: Sequence[str]) -> str:
    """From which hours of training to which the rows of budgets go."""
    spent = sorted(
        (hours(row), row.hours)
        for row in place.block.rows
        if row.kind == "run" and row.budget in budgets
    )
    (_, least), (_, most) = spent[0], spent[-1]
    return text(f"{least} h" if least == most else f"{least} to {most} h")


def _answer(
    place: Place, question: Question, verdict: Verdict | None, budgets: Sequence[str]
) -> str:
    title = question.title
    if verdict is None:
        return element("td", "–", class_="none", data_title=title)
    shown = verdict.column
    named = " or ".join(
        link(f"#{place.name_of(row)}", broken(row.records[0].method)) for row in verdict.winners
    )
    first = verdict.winners[0]
    facts = [f"{shown.title} {shown.better} {figure_text(shown, first)}, {_spent(first)}"]
    facts += [
        f"{row.records[0].method} {figure_text(shown, row)}, {_spent(row)}"
        for row in verdict.winners[1:]
    ]
    if verdict.other is not None:
        facts.append(
            f"then {verdict.other.records[0].method} {figure_text(shown, verdict.other)}, "
            f"{_spent(verdict.other)}"
        )
    if verdict.own is not None:
        facts.append(f"the data itself {verdict.own:,.{shown.digits}f}")
    facts += [
        f"no better than {row.method}, {KINDS_OF_ROWS[row.method]}: {figure_text(shown, row)}"
        for row in floors(shown, first, place.block.rows)
        if (shown, row.method) != (COVERAGE, "unigram")  # which is said of each winner
    ]
    if elsewhere := better_elsewhere(shown, first, place.block.rows, *budgets):
        facts.append(
            f"at {elsewhere.budget} {elsewhere.records[0].method} has "
            f"{figure_text(shown, elsewhere)}"
        )
    facts += [
        f"otherwise by {witness.title} {witness.better}: {other.records[0].method} "
        f"{figure_text(witness, other)}, {row.records[0].method} {figure_text(witness, row)}"
        for witness, other, row in verdict.otherwise
    ]
    facts += [
        f"{row.records[0].method} repeats itself"
        for budget in budgets
        for row in collapsed(place.block, budget)
    ]
    evidence = "".join(element("li", text(fact)) for fact in facts)
    evidence += "".join(
        element(
            "li",
            text(
                f"{row.records[0].method} does not clearly cover more than word frequencies do: "
                f"{COVERAGE.title} {figure_text(COVERAGE, row)}, {floor.method} "
                f"{figure_text(COVERAGE, floor)}"
            ),
            class_="floor",
        )
        for row in filter(None, [*verdict.winners, verdict.other])
        if (floor := word_frequencies(row, place.block.rows))
    )
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


def _spent(row: Line) -> str:
    return f"{row.seeds} seeds, {row.hours} h" if row.seeds != 1 else f"1 seed, {row.hours} h"
