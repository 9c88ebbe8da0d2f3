"""``bench``: from the name of a method to a row of the leaderboard."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch
from torchmetrics import MetricCollection

from textgan_bench import leaderboard, provenance
from textgan_bench.callbacks import LAST
from textgan_bench.errors import FailedRunsError, report
from textgan_bench.interfaces import Sentence, TextDataModule
from textgan_bench.leaderboard import Record
from textgan_bench.metrics.inputs import TrainingMetric
from textgan_bench.metrics.profiles import EXTRAS
from textgan_bench.recipes import SMOKE, data_arguments, is_own_text, layers
from textgan_bench.runs import Run, differences, without_places
from textgan_bench.scoring import chunked, data_fingerprint, score, score_chunks
from textgan_bench.training import TrainingCLI, be_the_first, is_distributed, keeps_files

RUNS = Path("runs")
ANCHOR_SEED = 0
REAL = "real"
"""Anchor of training text."""
HALF = "half"
"""Anchor of one half of the test text scored against the other."""


@dataclass(frozen=True)
class Row:
    """What ``bench`` was asked for."""

    method: str
    data: str
    seed: int
    budget: str

    @property
    def run(self) -> Run:
        return Run(RUNS / self.data / self.method / f"{self.budget}-seed{self.seed}")

    @property
    def leaderboard(self) -> Path:
        """Folder of the records; those of a smoke test and of own text stay with the runs."""
        if self.budget == SMOKE:
            return self.run.folder
        return RUNS / self.data if is_own_text(self.data) else leaderboard.ROOT

    @property
    def settings(self) -> list[str]:
        """Arguments of ``fit`` and ``test``."""
        return [
            *(f"--config={path}" for path in layers(self.method, self.data, self.budget)),
            f"--seed_everything={self.seed}",
            f"--trainer.default_root_dir={self.run.folder}",
            f"--evaluate.method={self.method}",
            f"--evaluate.data={self.data}",
            f"--evaluate.budget={self.budget}",
            f"--evaluate.leaderboard={self.leaderboard}",
        ]

    def records(self) -> dict[str, Record]:
        """The records of this row on the leaderboard, by the revision of their data."""
        return {
            record.data_revision: record
            for record in leaderboard.load_records(self.leaderboard)
            if record.source == "run"
            and Row(record.method, record.data, record.seed, record.budget) == self
        }


def bench(
    method: str,
    *,
    data: str,
    seeds: Sequence[int],
    budget: str,
    devices: str,
    nodes: int = 1,
    data_dir: str | None,
    force: bool,
    extras: Sequence[str] = (),
    tokenised: bool = False,
) -> None:
    """Train, test and show a row; continue what was interrupted, skip what is done.

    The same as ``fit`` and ``test`` with the layers of the recipe, for one seed or for several, one
    after the other. With several devices this command runs once for each of them, started by
    Lightning, torchrun or SLURM: all but the first train and leave. Those of other nodes see the
    folder of the run, too, and decide alike.

    Raises:
        ValueError: there is no such recipe, several seeds are asked for on several devices, or the
            run folder holds another run or another process works in it.
        FailedRunsError: some of several seeds failed, by the latter, too.
    """
    data, data_settings = data_arguments(data, data_dir, tokenised=tokenised)
    distributed = is_distributed(devices, nodes)
    if not distributed:
        be_the_first()
    elif len(seeds) > 1:
        raise ValueError("several seeds share one device; with more of them, start each by itself")
    shared = [f"--trainer.num_nodes={nodes}"]
    if devices != "auto":  # which is trainer.yaml's single one
        shared.append(f"--trainer.devices={devices}")
    if data_settings:  # as a layer, whose strings stay strings
        shared.append(f"--config={json.dumps({'data': {'init_args': data_settings}})}")
    if extras:
        shared.append(f"--evaluate.extras=[{','.join(extras)}]")
    rows = [Row(method, data, seed, budget) for seed in dict.fromkeys(seeds)]
    settings = {row: [*row.settings, *shared] for row in rows}
    if force and len(rows) > 1:
        _clear(rows)
        force = False
    failed: list[Row] = []
    records: dict[Row, Record] = {}
    for row in rows:
        try:
            record = _bench(row, settings[row], force)
        except Exception as error:
            if len(rows) == 1:
                raise
            report(str(row.run.folder), error)
            from textgan_bench import tracking  # W&B takes half a second to import

            tracking.leave_failed_run()
            failed.append(row)
        else:
            records |= {row: record} if record else {}
    if records:
        roots = dict.fromkeys(row.leaderboard for row in records)  # a smoke test has its own
        known = [record for root in roots for record in leaderboard.load_records(root)]
        print(leaderboard.compare(list(records.values())[-1], known))
        for row, record in records.items():
            for key, reason in record.left_out.items():
                print(f"without {key} of seed {row.seed}: {reason}")
            print(f"record {record.path(row.leaderboard)}, samples {row.run.samples}")
    if failed:
        folders = ", ".join(str(row.run.folder) for row in failed)
        seeds_left = " ".join(str(row.seed) for row in failed)
        raise FailedRunsError(f"{folders} failed, see above; SEED='{seeds_left}' is those alone")


def _clear(rows: Sequence[Row]) -> None:
    """Discard the runs of all seeds before the first begins, or none where one is at work.

    So the command without ``force`` resumes all of them, whenever this one ends.
    """
    with ExitStack() as locks:
        for row in rows:
            locks.enter_context(row.run.locked())
        for row in rows:
            row.run.clear()


def _bench(row: Row, settings: list[str], force: bool) -> Record | None:
    """The record of a row, None in a process that leaves it to the first one."""
    if not keeps_files():
        if force or _finished(row, settings) is None:
            _fit(row.run, settings, force)
        return None
    with row.run.locked():
        if force:
            row.run.clear()
        judge = _finished(row, settings)
        if judge is not None:
            print(f"{row.run.folder} is finished; FORCE=1 (bench --force) repeats it")
            leaderboard.render(row.leaderboard)  # a kill may have come before the tables
        else:
            _fit(row.run, settings, force)
            judge = _test(row.run, settings)
        if row.budget != SMOKE:
            write_missing_anchors(row.data, judge, row.leaderboard)
        return row.records()[judge.revision]


def _finished(row: Row, settings: list[str]) -> TextDataModule | None:
    """The data of a run that ended in a record, if nothing changed since.

    A run is tested again, and not trained, where its record was scored by other definitions.
    """
    if not row.run.samples.exists():
        return None  # the record of another checkout says nothing about this folder
    sampled = row.run.samples.stat().st_mtime
    records = {
        revision: record
        for revision, record in row.records().items()
        if record.path(row.leaderboard).stat().st_mtime >= sampled
    }
    if not records:
        return None
    command_line = TrainingCLI(settings, run=False)
    data: TextDataModule = command_line.datamodule
    data.prepare_data()
    data.setup("test")
    record = records.get(data.revision)
    if record is not None and not _has_extras(data, record):
        return None
    if record is None or any(differences(record.config, without_places(command_line.resolved))):
        return None
    return data if record.fingerprint == data_fingerprint(data, record.num_samples) else None


def _has_extras(data: TextDataModule, record: Record) -> bool:
    return all(EXTRAS[name] in record.scores.keys() | record.left_out for name in data.extras)


def _fit(run: Run, settings: list[str], force: bool) -> None:
    """Train to the end: from the last checkpoint, or from the start by ``force``.

    The processes of a run decide by what they are told: one may be late to look for a checkpoint.
    """
    last = run.checkpoint(LAST)
    resumed = [f"--ckpt_path={last}"] if last.exists() and not force else []
    TrainingCLI(["fit", *settings, *resumed])


def _test(run: Run, settings: list[str]) -> TextDataModule:
    """Write samples and record on one device; returns the data with its metrics built."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    tested = run.checkpoint(run.tested_checkpoint())
    alone = ["--trainer.devices=1", "--trainer.num_nodes=1"]
    command_line = TrainingCLI(
        ["test", *settings, *alone, "--verbose=false", f"--ckpt_path={tested}"]
    )
    command_line.end_logging()
    data: TextDataModule = command_line.datamodule
    return data


def write_missing_anchors(name: str, data: TextDataModule, root: Path = leaderboard.ROOT) -> None:
    """Score the reference rows of a table that it lacks at this revision of the data.

    In the row of training text, scores that are relative to it are those of the test text.
    """
    num_samples = len(data.sentences("test"))
    fingerprint = data_fingerprint(data, num_samples)
    known = [
        (record.method, record.fingerprint)
        for record in leaderboard.load_records(root)
        if (record.source, record.data, record.data_revision) == ("anchor", name, data.revision)
        and _has_extras(data, record)
    ]
    rewritings = data.rewritings()
    rows = [
        (anchor, sentences, data.metrics("test"), fingerprint)
        for anchor, sentences in (data.anchors(num_samples, ANCHOR_SEED) | rewritings).items()
    ]
    halves = data.halves()
    if halves is not None:
        size = len(halves.samples)
        settings = data_fingerprint(data, size, references=halves.references)
        rows.append((HALF, halves.samples, halves.metrics, settings))
    for anchor, sentences, metrics, settings in rows:
        if (anchor, settings) in known:
            continue
        aligned = data.aligned("test") if anchor in rewritings else None
        scores, left_out = score_chunks(metrics, chunked(sentences), aligned=aligned)
        if anchor == REAL:
            scores |= _relative_to_training(metrics, data.sentences("test"))
        record = Record(
            method=anchor,
            data=name,
            seed=ANCHOR_SEED,
            budget="anchor",
            budget_label="not trained",
            scores=scores,
            left_out=left_out,
            fingerprint=settings,
            data_revision=data.revision,
            data_source=data.source,
            num_samples=len(sentences),
            generator_updates=0,
            wall_clock_hours=0.0,
            hardware="none",
            config={},
            commit=provenance.commit(),
            versions=provenance.versions(),
            source="anchor",
        )
        leaderboard.write(record, root)


def _relative_to_training(
    metrics: MetricCollection, sentences: Sequence[Sentence]
) -> dict[str, float]:
    """Those scores of held-out sentences for which training text is no standard."""
    members = [metric for _, metric in metrics.items(copy_state=False)]
    relative = [metric for metric in members if isinstance(metric, TrainingMetric)]
    return score(MetricCollection(relative), sentences)
