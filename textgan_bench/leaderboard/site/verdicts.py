"""Which method is best at what, and whether the evidence carries that.

A difference counts where it exceeds two standard errors of it. Where the best is nearest to the
data, it is one of distances from the data. The error of a row is the larger of the deviation over
its seeds and the known error of a set of samples, over the root of the number of seeds: a few seeds
may agree by chance.
"""

import math
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from textgan_bench.leaderboard.columns import Column, column, known_error
from textgan_bench.leaderboard.tables import (
    DATA_ITSELF,
    DECIPHERED,
    Block,
    Line,
    costs,
    distance,
    is_collapsed,
    own_value,
)

ERRORS = 2
"""A difference of so many standard errors of it is beyond the noise, as ``compare`` has it."""

MEASURED_PROFILE = "nagan"
"""The profile that the errors of sets of samples were measured for."""


@dataclass(frozen=True)
class Question:
    """What a reader asks of a method, and the scores that answer it, the best one first."""

    title: str
    meaning: str
    keys: tuple[str, ...]
    witnesses: tuple[str, ...] = ()
    """Other scores that ask the same, and may say otherwise."""


TASK = Question(
    "Solves its task",
    "Deciphering: words that are right. Transfer: style and content together. Grammar: "
    "sentences that parse",
    (DECIPHERED, "source_g2/4", "prefix_parse_rate", "corpus_bleu/4"),
    ("corpus_bleu/4", "source_h2/4", "parse_rate"),
)

EXACT = "kl"
"""A divergence, which no repetition can fake; methods that do not know their likelihood lack it."""

QUESTIONS = (
    Question(
        "Writes like the data",
        "How likely its sentences are under the true or an estimated language model; best is the "
        "data's own value, since a model that repeats itself passes it. Where all methods know "
        "their likelihood, the exact divergence (KL)",
        (EXACT, "oracle_nll", "lm_score/kn4"),
        (EXACT, "oracle_nll", "lm_score/kn4"),
    ),
    Question(
        "Covers the data",
        "How well a language model fitted on its samples predicts real text; what is missing in "
        "the samples raises it",
        ("reverse_lm/kn4",),
        ("bleu_b/5", "distinct_words"),
    ),
    Question(
        "Both at once",
        "Distance of the distributions of sentence vectors (FED)",
        ("fed/hash128", "fed/usem3"),
        ("fed/usem3",),
    ),
    TASK,
)

BESIDE = (
    *("transfer_accuracy", "source_bleu/4"),
    *("distinct_sentences", "distinct_words"),
)
"""What a reader needs beside the answers: a repeated sentence may win them."""

NOVELTY = ("novel_by_two", "novel_sentences")
"""A copy may win them, too, and a copy but for one word; of the two the first that is known."""

COVERAGE = column("reverse_lm/kn4")
"""What learnt word frequencies alone is no better at than their anchor."""

SHORT = 0.1
"""Hours; where nothing that deciphers took more, rows of all budgets answer together."""

Strength = Literal["clear", "tie", "one seed", "unknown"]

WORDS: dict[Strength, str] = {
    "clear": "clear: more than the noise",
    "tie": "no clear winner: within the noise",
    "one seed": "a row of one seed: another may turn it",
    "unknown": "noise not known: no error was measured",
}


@dataclass(frozen=True)
class Verdict:
    """The answer to a question for the methods of one budget."""

    column: Column
    winners: Sequence[Line]
    """The best row, then all that the noise does not tell from it."""
    other: Line | None
    """The best of those that are told from it, None where there is none."""
    strength: Strength
    own: float | None
    """The value of the data itself."""
    otherwise: Sequence[tuple[Column, Line, Line]] = ()
    """Scores that ask the same and put another row first by more than the noise: that row, and the
    best of the winners."""


def together(block: Block) -> set[str]:
    """The budgets whose rows answer together, as a key may be found in minutes at any; or none."""
    solvers = [row for row in block.rows if row.kind == "run" and DECIPHERED in row.scores]
    if max(map(hours, solvers), default=math.inf) > SHORT:
        return set()
    return {row.budget for row in solvers}


def hours(row: Line) -> float:
    """Of training, on average over the seeds; as far as is known."""
    spent = [
        record.wall_clock_hours if record.cost is None else record.cost[1] for record in row.records
    ]
    return statistics.fmean(spent) if spent else 0.0


def answers(block: Block, *budgets: str) -> dict[Question, Verdict]:
    """The answers that the rows of budgets give together; a question without rivals has none."""
    found = {}
    known = {key for row in block.rows if row.budget in budgets for key in row.scores}
    for question in QUESTIONS:
        for key in _answering(question, known):
            ranked = ranking(column(key), block.rows, *budgets)
            if key == EXACT and len(ranked) < len(_rivals(block.rows, budgets)):
                continue
            if len(ranked) > 1:
                verdict = _verdict(column(key), ranked, block.rows)
                others = _otherwise(question, verdict, block.rows, budgets)
                found[question] = replace(verdict, otherwise=others)
                break
    return found


def _rivals(rows: Sequence[Line], budgets: Collection[str]) -> list[Line]:
    return [
        row
        for row in rows
        if row.kind == "run" and row.budget in budgets and not is_collapsed(row, rows)
    ]


def _otherwise(
    question: Question, verdict: Verdict, rows: Sequence[Line], budgets: Collection[str]
) -> list[tuple[Column, Line, Line]]:
    found = []
    for key in question.witnesses:
        shown = column(key)
        ranked = [] if shown == verdict.column else ranking(shown, rows, *budgets)
        winners = [row for row in ranked if row in verdict.winners]
        if not winners or ranked[0] in winners:
            continue
        if told_apart(shown, ranked[0], winners[0], rows) in ("clear", "one seed"):
            found.append((shown, ranked[0], winners[0]))
    return found


def ranking(shown: Column, rows: Sequence[Line], *budgets: str) -> list[Line]:
    """The methods of budgets by a score, the best first; ties by the printed digits in order."""
    found = costs(shown, rows)
    rivals = {index: cost for budget in budgets for index, cost in found.get(budget, {}).items()}
    return [rows[index] for index in sorted(rivals, key=lambda index: (rivals[index], index))]


def level(shown: Column, rows: Sequence[Line]) -> list[Line]:
    """The methods' rows that the noise does not tell from the best of their budget."""
    found = []
    for rivals in costs(shown, rows).values():
        first, *rest = sorted(rivals, key=lambda index: (rivals[index], index))
        found += [
            index for index in rest if told_apart(shown, rows[first], rows[index], rows) == "tie"
        ]
    return [rows[index] for index in sorted(found)]


def main_keys(known: Collection[str]) -> list[str]:
    """Of the scores of a table those that a reader looks at first, at most ten.

    Of each question the score that answers it, the exact divergence of those that know it behind
    the others, which more rows have, then what shows repetition and copying, and the two sides of a
    transfer.
    """
    answered = []
    for question in QUESTIONS:
        having = [key for key in _answering(question, known) if key in known]
        sampled = [key for key in having if key != EXACT]
        answered += sampled[:1] or having[:1]
    exact = [EXACT] if EXACT in _answering(QUESTIONS[0], known) and EXACT in known else []
    beside = [key for key in BESIDE if key in known]
    keys = list(dict.fromkeys([*answered, *exact, *beside]))
    return [*keys, *[key for key in NOVELTY if key in known][:1]]


def _answering(question: Question, known: Collection[str]) -> list[str]:
    """The scores that may answer a question, where text is deciphered those of the task alone."""
    return [key for key in question.keys if DECIPHERED not in known or key in TASK.keys]


FLOORS = ("copy", "unigram", "uniform")
"""Anchors that anything worth its training is better than."""


def floors(shown: Column, row: Line, rows: Sequence[Line]) -> list[Line]:
    """The anchors that do nothing, or draw words alone, and are as good as a row."""
    cost = distance(shown, rows)
    own = row.value(shown.key)
    if cost is None or own is None:
        return []
    return [
        anchor
        for anchor in rows
        if anchor.kind == "anchor"
        and anchor.method in FLOORS
        and (value := anchor.value(shown.key)) is not None
        and round(cost(value), shown.digits) <= round(cost(own), shown.digits)
    ]


def better_elsewhere(shown: Column, row: Line, rows: Sequence[Line], *budgets: str) -> Line | None:
    """The best row of other budgets where it is better than this one, None where none is.

    Args:
        shown: the score.
        row: the best of its own budget.
        rows: those of the table.
        budgets: those that it is the best of, too.
    """
    others = {
        index: cost
        for budget, found in costs(shown, rows).items()
        for index, cost in found.items()
        if budget not in (row.budget, *budgets)
    }
    own = costs(shown, rows)[row.budget][rows.index(row)]
    best = min(others, key=lambda index: (others[index], index), default=None)
    return None if best is None or others[best] >= own else rows[best]


def word_frequencies(row: Line, rows: Sequence[Line]) -> Line | None:
    """The anchor that draws words by frequency, where a row does not clearly cover more than it."""
    anchors = (each for each in rows if each.kind == "anchor" and each.method == "unigram")
    unigram = next(anchors, None)
    if unigram is None:
        return None
    value, floor = row.value(COVERAGE.key), unigram.value(COVERAGE.key)
    if value is None or floor is None:
        return None
    # Where no noise is known, the means alone speak.
    told = told_apart(COVERAGE, row, unigram, rows) != "tie"
    return None if value < floor and told else unigram


def collapsed(block: Block, budget: str) -> list[Line]:
    """The methods of a budget that repeat themselves, and are best at nothing."""
    return [
        row
        for row in block.rows
        if row.kind == "run" and row.budget == budget and is_collapsed(row, block.rows)
    ]


def standard_error(key: str, row: Line) -> float | None:
    """Of a row's mean; None where neither seeds nor measurements tell."""
    figure = row.scores.get(key)
    if figure is None or isinstance(figure, str) or not row.records:
        return None
    first = row.records[0]
    spreads = [] if figure.spread is None else [figure.spread]
    if first.fingerprint.get("profile") == MEASURED_PROFILE:
        known = known_error(key, first.num_samples)
        spreads += [] if known is None else [known]
    return max(spreads) / math.sqrt(len(row.records)) if spreads else None


def own_error(key: str, rows: Sequence[Line]) -> float:
    """The error of the data's own value; 0 where it is not known."""
    for row in rows:
        if row.kind == "anchor" and row.method in DATA_ITSELF and row.value(key) is not None:
            return standard_error(key, row) or 0.0
    return 0.0


def told_apart(shown: Column, row: Line, other: Line, rows: Sequence[Line]) -> Strength:
    """Whether two rows differ in a score by more than the noise.

    Where the best is nearest to the data, two rows on either side of it differ by their distances
    from it, and its own error is in both.
    """
    errors = [standard_error(shown.key, row), standard_error(shown.key, other)]
    values = [row.value(shown.key), other.value(shown.key)]
    known = [error for error in errors if error is not None]
    means = [value for value in values if value is not None]
    cost = distance(shown, rows)
    if len(means) < 2:
        return "unknown"
    one, two = map(cost, means) if cost is not None else means
    if len(known) < 2:
        return "tie" if round(one, shown.digits) == round(two, shown.digits) else "unknown"
    own = own_value(shown.key, rows) if shown.better == "≈" else None
    if own is not None and (means[0] - own) * (means[1] - own) < 0:
        known.append(2 * own_error(shown.key, rows))
    if abs(one - two) <= ERRORS * math.hypot(*known):
        return "tie"
    # An anchor is no training, so that another one could not turn it.
    seeds = [len(each.records) for each in (row, other) if each.kind != "anchor"]
    return "clear" if min(seeds, default=2) > 1 else "one seed"


def _verdict(shown: Column, ranked: Sequence[Line], rows: Sequence[Line]) -> Verdict:
    first, *rest = ranked
    level = [first, *(row for row in rest if told_apart(shown, first, row, rows) == "tie")]
    others = [row for row in rest if row not in level]
    strength: Strength = "tie" if len(level) > 1 else told_apart(shown, first, others[0], rows)
    return Verdict(
        column=shown,
        winners=level,
        other=others[0] if others else None,
        strength=strength,
        own=own_value(shown.key, rows),
    )
