"""From records to tables: which rows share a block, and what its notes say."""

import json
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from textgan_bench.files import clear, locked, replace_text
from textgan_bench.leaderboard.cheats import verdicts
from textgan_bench.leaderboard.definitions import Definition, define, names
from textgan_bench.leaderboard.evidence import gather
from textgan_bench.leaderboard.papers import Beside, beside_ours, write_beside
from textgan_bench.leaderboard.records import (
    ROOT,
    Published,
    Record,
    RecordError,
    comparable,
    disagreement,
    identity,
    load_published,
    row_of,
    scores,
    store,
    usable_records,
)
from textgan_bench.leaderboard.tables import (
    UNKNOWN_IS_COMMON,
    Block,
    Line,
    Mean,
    hours_text,
    latex,
    markdown,
    plain,
    unknown_share,
)

SUBMITTED_MARK = "‡"
"""What marks the row of a submitted record."""


def write(record: Record, root: Path = ROOT) -> Path:
    """Store a record and render the tables anew.

    Raises:
        RecordError: ``load`` would refuse the record, or another one cannot be read.
    """
    path = store(record, root)
    render(root)
    return path


def blocks(records: Iterable[Record]) -> list[Block]:
    """One block for each set of records of which any two are comparable."""
    sections: list[tuple[list[Record], list[dict[str, Any]]]] = []  # with each identity once
    # Records of many fields come first, so that none that lacks them stands between two of them.
    for record in sorted(records, key=lambda record: -len(record.fingerprint)):
        own = identity(record)
        for section, identities in sections:
            if not any(disagreement(own, other) for other in identities):
                section.append(record)
                if own not in identities:
                    identities.append(own)
                break
        else:
            sections.append(([record], [own]))
    return [
        _block(section) for section in sorted((each for each, _ in sections), key=_section_order)
    ]


def render(root: Path = ROOT) -> list[Path]:
    """Write ``tables/<data>.md`` and ``.tex`` of every data set with a record or published row.

    And ``tables/papers/<name>`` as ``.md``, ``.csv`` and ``.tex`` of every table of a paper. One
    process at a time, and each reads the records when it is its turn: the last one's tables hold
    those of all. A record that cannot be used is named on standard error and left out.
    """
    paths = []
    with locked(root / "records"):
        clear(root)
        records, refused = usable_records(root)
        published = load_published(root)
        evidence, unusable = gather(records, root)
        _say_left_out([*refused, *unusable])
        tables = [table for of_paper in published.values() for table in of_paper if table.page]
        named = {record.data for record in records} | {table.data for table in tables}
        for data in sorted(named):
            content = blocks(record for record in records if record.data == data)
            content += [published_block(table) for table in tables if table.data == data]
            for suffix, text in ((".md", markdown(data, content)), (".tex", latex(data, content))):
                path = root / "tables" / f"{data}{suffix}"
                replace_text(path, text)
                paths.append(path)
        for name in names(root):
            paths += write_beside(beside_ours(define(name, root), published, evidence), root)
    return paths


def of_paper(definition: Definition, root: Path = ROOT) -> Beside:
    """A table of a paper, whole or in part, with what the leaderboard has beside it.

    A file that cannot be used is named on standard error and left out.
    """
    records, refused = usable_records(root)
    evidence, unusable = gather(records, root)
    _say_left_out([*refused, *unusable])
    return beside_ours(definition, load_published(root), evidence)


def compare(record: Record, records: Iterable[Record]) -> str:
    """The row of ``record`` among those it may be compared with, for a terminal."""
    peers = [peer for peer in records if comparable(peer, record) and peer.path() != record.path()]
    return plain(_block([*peers, record], marked=row_of(record)))


def _say_left_out(refused: Iterable[RecordError]) -> None:
    for error in refused:
        print(f"left out: {error}", file=sys.stderr)


def _section_order(section: Sequence[Record]) -> tuple[str, bool, str]:
    """By data; of one data set, the block that has runs before one of anchors alone."""
    first = section[0]
    only_anchors = all(record.source == "anchor" for record in section)
    return (first.data_revision, only_anchors, json.dumps(first.fingerprint, sort_keys=True))


def _block(records: Iterable[Record], marked: tuple[str, ...] | None = None) -> Block:
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in sorted(records, key=lambda record: (record.data, record.stem)):
        groups.setdefault(row_of(record), []).append(record)
    repeated = {
        key: base
        for key, group in groups.items()
        if key != marked and (base := _repeats(group, groups.values())) is not None
    }
    groups = {key: group for key, group in groups.items() if key not in repeated}
    first = next(iter(groups.values()))[0]
    fields: dict[str, Any] = {}
    for group in groups.values():
        for record in group:
            fields |= record.fingerprint
    rows = [
        _row(group, marked=key == marked, same=_same(group[0], repeated))
        for key, group in groups.items()
    ]
    settings = ", ".join(f"{key} {value}" for key, value in sorted(fields.items()))
    notes = [f"Text: {first.data_source}", f"Scoring: {settings}"]
    notes += [training_note(group) for group in groups.values() if group[0].source == "run"]
    notes += [_submitted(group) for group in groups.values() if group[0].source == "submitted"]
    notes += [
        line for group in groups.values() if group[0].source == "run" for line in _sampler(group)
    ]
    notes += [
        f"{method}, {budget}: {base} to the last digit here, and therefore not printed"
        for (_, method, budget, *_), base in repeated.items()
    ]
    unknown = unknown_share(rows)
    if unknown > UNKNOWN_IS_COMMON:
        notes.append(
            f"{unknown:.0%} of the words are unknown and match nothing in BLEU: BLEU of sets and "
            "self-BLEU are left out"
        )
    notes += [line for group in groups.values() for line in _left_out(group)]
    block = Block(
        title=f"Data revision {first.data_revision}",
        rows=sorted(rows, key=lambda row: row.order),
        notes=notes,
    )
    judged = verdicts(
        block, min(record.num_samples for group in groups.values() for record in group)
    )
    return replace(block, notes=[*notes, *map(str, judged)])


def _repeats(group: Sequence[Record], groups: Iterable[Sequence[Record]]) -> str | None:
    """The row that ``group`` is an ablation of, if what it leaves out changes no score."""
    first = group[0]
    if first.source != "run":
        return None
    parts = first.method.split(".")
    bases = {".".join(parts[:n]) for n in range(1, len(parts))}
    for other in groups:
        base = other[0]
        if base.source == "run" and base.method in bases and base.budget == first.budget:
            known = {record.seed: record.scores for record in other}
            if all(
                record.seed in known and _equal(record.scores, known[record.seed])
                for record in group
            ):
                return base.method
    return None


def _same(first: Record, repeated: Mapping[tuple[str, ...], str]) -> list[str]:
    """The ablations that repeat a row to the last digit."""
    return [
        method
        for (source, method, budget, *_), base in repeated.items()
        if (source, base, budget) == (first.source, first.method, first.budget)
    ]


def _equal(scores: Mapping[str, float], others: Mapping[str, float]) -> bool:
    """Whether all scores that both have are the same, an older record having fewer."""
    return all(scores[key] == others[key] for key in scores.keys() & others.keys())


def _row(group: Sequence[Record], *, marked: bool, same: Sequence[str] = ()) -> Line:
    first = group[0]
    *_, knob = row_of(first)
    values = scores(group)
    kind: Literal["anchor", "run", "submitted"] = "run"
    mark = ""
    if first.source == "anchor":
        kind = "anchor"
    elif first.source == "submitted":
        kind, mark = "submitted", f" {SUBMITTED_MARK}"
    return Line(
        kind=kind,
        method=f"{first.method} ({knob}){mark}" if knob else f"{first.method}{mark}",
        scores={key: Mean.of(seeds) for key, seeds in values.items()},
        budget="anchor" if first.source == "anchor" else first.budget,
        seeds=len(group),
        hours="" if first.source == "anchor" else _hours(group),
        updates="" if first.source == "anchor" else _updates(group),
        tested=_tested(group),
        passes=first.passes,
        marked=marked,
        records=group,
        same=same,
    )


def _updates(group: Sequence[Record]) -> str:
    """Generator updates of a row's whole training, on average over its seeds."""
    costs = [record.cost for record in group]
    known = [cost[0] for cost in costs if cost is not None]
    if len(known) == len(costs):
        return f"{statistics.fmean(known):,.0f}"
    if group[0].source == "submitted":  # whose updates are told whole or not at all
        return ""
    return f"≥ {statistics.fmean(record.generator_updates for record in group):,.0f}"


def _hours(group: Sequence[Record]) -> str:
    """Hours of a row's whole training, on average over its seeds."""
    costs = [record.cost for record in group]
    known = [cost[1] for cost in costs if cost is not None]
    if len(known) == len(costs):
        return hours_text(statistics.fmean(known))
    if group[0].source == "submitted":
        return ""
    return f"≥ {hours_text(statistics.fmean(record.wall_clock_hours for record in group))}"


def _tested(group: Sequence[Record]) -> str:
    """Updates before the checkpoint that was tested, where it is not the last one of all seeds."""
    costs = [record.cost for record in group]
    if group[0].source == "anchor" or not any(
        cost is not None and record.generator_updates < cost[0]
        for record, cost in zip(group, costs, strict=True)
    ):
        return ""
    return f"{statistics.fmean(record.generator_updates for record in group):,.0f}"


def _left_out(group: Sequence[Record]) -> list[str]:
    """A line on each score that a seed of a row left out."""
    return [
        f"{record.method}, {record.budget}: no {key} of seed {record.seed}, as {reason}"
        for record in group
        for key, reason in record.left_out.items()
    ]


def _sampler(group: Sequence[Record]) -> list[str]:
    """A line on how the samples of a row were drawn, as far as its records say."""
    known = [record.sampler for record in group if record.sampler]
    if not known:
        return []
    names = dict.fromkeys(name for sampler in known for name in sampler)
    parts = []
    for name in names:
        values = dict.fromkeys(str(sampler[name]) for sampler in known if name in sampler)
        parts.append(f"{name} {' or '.join(values)}")
    first = group[0]
    return [f"{first.method}, {first.budget}, sampler: {', '.join(parts)}"]


def _phases(record: Record) -> str:
    """What the phases of a training took."""
    parts = [
        f"{name} {spent['batches']:,} batches in {spent['hours']:.2f} h"
        for name, spent in record.phases.items()
    ]
    return f" ({', '.join(parts)})" if parts else ""


def training_note(group: Sequence[Record]) -> str:
    """What the seeds of a row were trained by, and how long that took."""
    first = group[0]
    tested = statistics.fmean(record.generator_updates for record in group)
    costs = [record.cost for record in group]
    known = [cost for cost in costs if cost is not None]
    if len(known) == len(costs):
        updates, hours = map(statistics.fmean, zip(*known, strict=True))
        selected = f" (tested after {tested:,.0f})" if tested < updates else ""
    else:
        updates = tested
        hours = statistics.fmean(record.wall_clock_hours for record in group)
        selected = " up to the selected checkpoint"
    hardware = " or ".join(sorted({record.hardware for record in group}))
    return (
        f"{first.method}, {first.budget}: {first.budget_label}; "
        f"{updates:,.0f} generator updates in {hours:.2f} h{selected}{_phases(first)} on {hardware}"
    )


def _submitted(group: Sequence[Record]) -> str:
    """Whose text a row is, and what they say of its training."""
    first = group[0]
    costs = [record.cost for record in group]
    known = [cost for cost in costs if cost is not None]
    told = [first.budget_label]
    if len(known) == len(costs):
        updates, hours = map(statistics.fmean, zip(*known, strict=True))
        told.append(f"{updates:,.0f} generator updates in {hours:.2f} h")
    hardware = " or ".join(sorted({record.hardware for record in group}))
    told.append(f"on {hardware}")
    papers = " or ".join(sorted({record.paper for record in group}))
    return (
        f"{first.method} {SUBMITTED_MARK}, {first.budget}: submitted text of {papers}, scored here "
        f"and trained elsewhere, so it competes with no row; as they say: {'; '.join(told)}"
    )


def published_block(table: Published) -> Block:
    """A table of a paper, its scores as printed."""
    rows = [
        Line(
            kind="published",
            method=row["method"],
            scores=row["scores"],
            budget="paper",
            seeds=table.seeds,
        )
        for row in table.rows
    ]
    return Block(title=f"{table.citation}, {table.where}", rows=rows, notes=[table.note])
