"""``compare``: two texts, runs or records, if their scores compare, and which differ at all."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textgan_bench import leaderboard
from textgan_bench.errors import UserError, one_line
from textgan_bench.evaluation.criteria import Criteria, make_criteria
from textgan_bench.evaluation.text_files import (
    count_lines,
    errors_of_file,
    notes,
    score_file,
)
from textgan_bench.leaderboard.columns import column, digits, known_error
from textgan_bench.metrics.profiles import DEFAULT
from textgan_bench.training.run import Run

ERRORS = 2
"""A difference of so many standard errors of it is beyond the noise."""


@dataclass(frozen=True)
class Side:
    """One of the two that are compared."""

    name: str
    scores: dict[str, float]
    errors: dict[str, float]
    """Standard errors of the scores, as far as they are known."""
    settings: dict[str, Any]
    """The fingerprint, and the data set where there is one."""


def compare(a: Path, b: Path, *, bootstrap: int | None, **arguments: Any) -> None:
    """Print one table of both and of their difference.

    A record is shown with the other seeds of its row. A text, or a run if criteria are given, is
    scored now.

    Args:
        a: a text file, the folder of a run, a record, or what ``score --json`` printed.
        b: likewise.
        bootstrap: resamples for the standard errors of texts, in place of the known ones.
        arguments: those of ``make_criteria``.

    Raises:
        FileNotFoundError: a file is missing.
        UserError: their fingerprints differ, or one of them cannot be read or scored.
    """
    with notes():
        judged = arguments["data"] is not None or arguments["references"] is not None
        criteria = make_criteria(**arguments) if judged else None
        # A text is scored only if it compares.
        settings = [_settings(path, criteria) for path in (a, b)]
        differing = leaderboard.disagreement(*settings)
        if differing:
            fields = [f"{name} is {one} and {other}" for name, (one, other) in differing.items()]
            raise UserError(f"{a} and {b} do not compare: {'; '.join(fields)}")
        first, second = (_side(path, criteria, bootstrap) for path in (a, b))
    print(table(first, second))


def table(first: Side, second: Side) -> str:
    """Aligned text: both values, the difference and the noise it is held against."""
    keys = [key for key in first.scores if key in second.scores]
    lines = [["", "A", "B", "B - A", "noise", ""]]
    for key in keys:
        shown = column(key)
        errors = [side.errors[key] for side in (first, second) if key in side.errors]
        noise = ERRORS * math.hypot(*errors) if len(errors) == 2 else None
        places = digits(shown, noise)
        difference = second.scores[key] - first.scores[key]
        if noise is None:
            verdict = "noise not known"
        else:
            verdict = "differs" if abs(difference) > noise else "within the noise"
        lines.append(
            [
                one_line(f"{key} {shown.better}".strip()),
                *(f"{side.scores[key] + 0.0:,.{places}f}" for side in (first, second)),
                f"{difference:+,.{places}f}",
                "–" if noise is None else f"{noise:,.{places}f}",
                verdict,
            ]
        )
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    aligned = [
        "  ".join(
            cell.rjust(width) if 0 < place < 5 else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([f"A  {first.name}", f"B  {second.name}", *aligned, *_only(first, second)])


def _only(first: Side, second: Side) -> list[str]:
    """Scores that one side lacks."""
    lines = []
    for name, side, other in (("A", first, second), ("B", second, first)):
        lacking = [key for key in side.scores if key not in other.scores]
        if lacking:
            lines.append(one_line(f"only {name} has {', '.join(lacking)}"))
    return lines


def _settings(path: Path, criteria: Criteria | None) -> dict[str, Any]:
    text = _text(path, criteria)
    if criteria is None or text is None:
        return _side(path, criteria, None).settings
    return criteria.identity | criteria.fingerprint(count_lines(text))


def _side(path: Path, criteria: Criteria | None, bootstrap: int | None) -> Side:
    text = _text(path, criteria)
    if criteria is not None and text is not None:
        samples = count_lines(text)
        scores = score_file(criteria, text, samples)
        errors = {} if bootstrap is None else errors_of_file(criteria, scores, text, bootstrap)
        settings = criteria.identity | criteria.fingerprint(samples)
        return _single(str(text), scores.values, settings, errors)
    return _record_side(_record_of(Run(path))) if path.is_dir() else _json_side(path)


def _text(path: Path, criteria: Criteria | None) -> Path | None:
    """The text to score, None for what is scored already.

    Raises:
        FileNotFoundError: a folder is not a run.
        UserError: there is nothing to score a text by.
    """
    if path.is_dir():
        run = Run(path)
        run.load_config()
        return None if criteria is None else run.samples
    if path.suffix == ".json":
        return None
    if criteria is None:
        raise UserError(f"{path} is text: --data or --references names what it is scored against")
    return path


def _json_side(path: Path) -> Side:
    """A record, or the output of ``score --json``."""
    content = leaderboard.read_json(path)
    match content:
        case {"schema": _}:
            return _record_side(path)
        case {"scores": dict(scores), "fingerprint": dict(fingerprint)} if isinstance(
            errors := content.get("standard_errors", {}), dict
        ):
            leaderboard.check_numbers(scores, "score", path)
            leaderboard.check_numbers(errors, "standard error", path)
            place = {name: content[name] for name in ("data", "data_revision") if name in content}
            return _single(str(path), scores, place | fingerprint, errors)
    raise UserError(f"{path} is neither a record nor from score --json")


def _single(
    name: str, scores: dict[str, float], settings: dict[str, Any], errors: Mapping[str, float]
) -> Side:
    """One set of samples; what has no measured error has that of its kind, where it is known."""
    known = {key: _spread_of_one(key, settings) for key in scores}
    found = {key: error for key, error in known.items() if error is not None}
    return Side(name, scores, found | dict(errors), settings)


def _spread_of_one(key: str, settings: dict[str, Any]) -> float | None:
    """Standard error of a score of one set of samples, measured for the default profile only."""
    match settings:
        case {"profile": profile, "samples": int(samples)} if profile == DEFAULT and samples > 0:
            return known_error(key, samples)
    return None


def _record_side(path: Path) -> Side:
    """The mean over the seeds of a record's row.

    The deviation over a few seeds may be small by chance: it counts for no less than that of the
    samples alone.
    """
    record = leaderboard.load(path)
    root = path.parent.parent.parent
    seeds = [record]
    if path.resolve() == record.path(root).resolve():
        seeds = leaderboard.seeds(record, leaderboard.load_records(root))
    settings = leaderboard.identity(record)
    if len(seeds) == 1:
        return _single(f"{path}, one seed: noise of the samples alone", record.scores, settings, {})
    scores, errors = {}, {}
    for key, values in leaderboard.scores(seeds).items():
        scores[key] = statistics.fmean(values)
        spreads = [spread for spread in [_spread_of_one(key, settings)] if spread is not None]
        spreads += [statistics.stdev(values)] if len(values) > 1 else []
        if spreads:
            errors[key] = max(spreads) / math.sqrt(len(values))
    return Side(f"{path} and its row, {len(seeds)} seeds", scores, errors, settings)


def _record_of(run: Run) -> Path:
    """The record that the last test of a run wrote."""
    config = run.load_config()
    settings = config["evaluate"]
    root = Path(settings["leaderboard"])
    named = [*(settings[name] for name in ("method", "data", "budget")), config["seed_everything"]]
    paths = [
        record.path(root)
        for record in leaderboard.load_records(root)
        if record.source == "run"
        and [record.method, record.data, record.budget, record.seed] == named
    ]
    if not paths:
        raise UserError(f"{run.folder} has no record in {root}: test it first, or name --data")
    return max(paths, key=lambda path: path.stat().st_mtime)
