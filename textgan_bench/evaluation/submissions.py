"""Text that others hand in: scored into a record, kept, and scored again by whoever doubts it.

A submitted record says of its training what its authors say. Of its scores nothing is taken on
trust: the text lies beside the record, and ``recompute`` makes every score from it anew.
"""

import gzip
import hashlib
import math
import re
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from textgan_bench import leaderboard
from textgan_bench.errors import UserError, one_line
from textgan_bench.evaluation import provenance
from textgan_bench.evaluation.criteria import Criteria, make_criteria
from textgan_bench.evaluation.text_files import count_lines, score_file
from textgan_bench.files import replaced
from textgan_bench.leaderboard import Record, RecordError
from textgan_bench.metrics.profiles import EXTRAS
from textgan_bench.reading import read_lines
from textgan_bench.recipes import is_own_text

SUBMITTED = "submitted"

NAME = re.compile(r"\w[\w.+-]{0,63}", re.ASCII)
"""What a method and a budget are called: parts of the name of a file."""

TOLERANCE = 1e-4
"""Of a score, relative: processors and versions of libraries round otherwise. Tables print four
significant digits at most of scores that are compared, and a forgery that small gains nothing."""

NOT_TOLD = "not told"


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What its authors say of a text.

    Raises:
        UserError: a name is no part of the name of a file, a line is empty, or half of what was
            spent is told.
    """

    data: str
    method: str
    paper: str
    """What describes the method: a citation, or an address."""
    budget: str
    """``paper`` for the setting of that paper, otherwise a name that ``label`` explains."""
    label: str | None = None
    """One line: how long it was trained, and what differs from the paper."""
    seed: int = 0
    updates: int | None = None
    """Generator updates of the whole training."""
    hours: float | None = None
    """Its time on ``hardware``."""
    hardware: str | None = None

    def __post_init__(self) -> None:
        for kind, name in (("method", self.method), ("budget", self.budget)):
            if not NAME.fullmatch(name):
                raise UserError(
                    f"--{kind} {one_line(name)}: a name has letters, digits and . _ + - alone, 64 "
                    "at most"
                )
        if is_own_text(self.data):
            raise UserError("text of your own has no table on the leaderboard to submit to")
        if not self.paper.strip():
            raise UserError("--paper is empty: cite what describes the method, or give its address")
        if self.budget != "paper" and not (self.label or "").strip():
            raise UserError(
                f"--budget {self.budget} needs --label, one line on what it changes; paper needs "
                "none"
            )
        if (self.updates is None) != (self.hours is None):
            raise UserError("--updates and --hours of the whole training are told together")


@dataclass
class Doubts:
    """Which submitted records their texts do not bear out."""

    root: Path = leaderboard.ROOT
    data_dir: str | None = None
    """Where the files of the data set lie."""
    _criteria: dict[tuple[str, tuple[str, ...]], Criteria] = field(default_factory=dict)
    """Of each data set and its extra scores: references are prepared once."""

    def recompute(self, record: Record) -> list[str]:
        """What differs from the record where its text is scored anew, empty if nothing does."""
        path = record.text_path(self.root)
        try:
            lines = list(islice(read_lines(path), record.num_samples + 1))
        except (UserError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            return [f"its text {path}: {reason or error}"]
        if len(lines) != record.num_samples:
            more = "more" if len(lines) > record.num_samples else f"{len(lines):,}"
            return [f"its text has {more} sentences, the record {record.num_samples:,}"]
        if text_hash(lines) != record.samples_hash:
            return ["its text is not the one that was submitted: samples_hash differs"]
        extras = tuple(
            name
            for name, extra in EXTRAS.items()
            if {extra.key, *(entry.name for entry in extra.entries)}
            & (record.scores.keys() | record.left_out)
        )
        try:
            criteria = self._criteria_of(record.data, extras)
        except UserError as error:
            return [f"its data: {error}"]
        now = {
            "data": record.data,
            "data_revision": criteria.identity["data_revision"],
            **criteria.fingerprint(record.num_samples),
        }
        if changed := leaderboard.disagreement(leaderboard.identity(record), now):
            fields = ", ".join(f"{name} {old}, now {new}" for name, (old, new) in changed.items())
            return [f"scores are defined otherwise by now ({fields}): submit its text again"]
        scores = score_file(criteria, path, record.num_samples)
        found = differences(record.scores, scores.values)
        if record.left_out.keys() != scores.left_out.keys():
            old, new = (", ".join(sorted(each)) for each in (record.left_out, scores.left_out))
            found.append(f"left out is {new or 'nothing'}, the record says {old or 'nothing'}")
        return found

    def _criteria_of(self, data: str, extras: tuple[str, ...]) -> Criteria:
        if (data, extras) not in self._criteria:
            made = make_criteria(data=data, data_dir=self.data_dir, extras=extras)
            self._criteria[data, extras] = made
        return self._criteria[data, extras]


def differences(recorded: dict[str, float], scores: dict[str, float]) -> list[str]:
    """Scores that two scorings of one text do not share, by more than rounding.

    >>> differences({"bleu_f/5": 0.3, "words": 7.0}, {"bleu_f/5": 0.2, "words": 7.0000001})
    ['bleu_f/5 is 0.2, the record says 0.3']
    """
    found = []
    for key in sorted(recorded.keys() | scores.keys()):
        old, new = recorded.get(key), scores.get(key)
        if old is None or new is None or not math.isclose(old, new, rel_tol=TOLERANCE):
            here = "not scored" if new is None else f"{new:.6g}"
            there = "nothing" if old is None else f"{old:.6g}"
            found.append(f"{key} is {here}, the record says {there}")
    return found


def submit(
    file: Path,
    submission: Submission,
    *,
    data_dir: str | None = None,
    extras: tuple[str, ...] = (),
    force: bool = False,
    root: Path = leaderboard.ROOT,
) -> Record:
    """Score a text, and store it with its record.

    Args:
        file: a sentence a line, as many as the data set has test sentences; for a task that
            rewrites these, in their order.
        submission: what its authors say.
        data_dir: where the files of the data set lie.
        extras: slower scores, of ``EXTRAS``.
        force: whether the text takes the place of another one of the same name.
        root: the leaderboard.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it holds another number of sentences, or its place is taken.
        RecordError: a record of the same name cannot be used.
    """
    num_samples = count_lines(file)
    criteria = make_criteria(data=submission.data, data_dir=data_dir, extras=extras)
    wanted = len(criteria.references)
    if num_samples != wanted:
        raise UserError(
            f"{file} has {num_samples:,} sentences, and rows of {submission.data} are scored on "
            f"{wanted:,}: draw as many, and choose none of them"
        )
    lines = list(read_lines(file))
    told = submission.updates is not None and submission.hours is not None
    record = Record(
        method=submission.method,
        data=submission.data,
        seed=submission.seed,
        budget=submission.budget,
        budget_label=one_line(submission.label or "as published"),
        scores={},
        fingerprint=criteria.fingerprint(num_samples),
        data_revision=criteria.identity["data_revision"],
        data_source=criteria.source,
        num_samples=num_samples,
        generator_updates=submission.updates or 0,
        wall_clock_hours=submission.hours or 0.0,
        training_updates=submission.updates if told else None,
        training_hours=submission.hours if told else None,
        hardware=one_line(submission.hardware or "") or NOT_TOLD,
        config={},
        commit=provenance.commit(),
        versions=provenance.versions(),
        source=SUBMITTED,
        paper=one_line(submission.paper),
        samples_hash=text_hash(lines),
    )
    _check_place(record, force, root)
    scores = score_file(criteria, file, num_samples)
    record.scores.update(scores.values)
    record.left_out.update(scores.left_out)
    with replaced(record.text_path(root)) as stored:
        stored.write(gzip.compress(_text(lines), mtime=0))
    leaderboard.write(record, root)
    return record


def _check_place(record: Record, force: bool, root: Path) -> None:
    """Refuse to replace the text of another one."""
    path = record.path(root)
    if force or not path.exists():
        return
    if leaderboard.load(path).samples_hash != record.samples_hash:
        raise UserError(
            f"{path} is of another text: name another --seed or --budget, or replace it by --force"
        )


def submitted_records(
    data: str | None, root: Path = leaderboard.ROOT
) -> tuple[list[Record], list[RecordError]]:
    """The submitted records, of one data set if it is named, and what is wrong with others."""
    records, refused = leaderboard.usable_records(root)
    found = [each for each in records if each.source == SUBMITTED and data in (None, each.data)]
    return found, refused


def text_hash(lines: list[str]) -> str:
    """SHA-256 of lines as they are stored: UTF-8, each closed by a line feed."""
    return hashlib.sha256(_text(lines)).hexdigest()


def _text(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
