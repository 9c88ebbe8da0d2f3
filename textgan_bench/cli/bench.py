"""``bench``: from the name of a method to a row of the leaderboard."""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import torch

from textgan_bench import leaderboard
from textgan_bench.errors import FailedRunsError, UserError, report
from textgan_bench.evaluation.anchors import has_extras, write_missing_anchors
from textgan_bench.evaluation.fingerprint import data_fingerprint
from textgan_bench.interfaces import TextDataModule
from textgan_bench.leaderboard import Record
from textgan_bench.recipes import SMOKE, data_arguments, data_layer, ordered
from textgan_bench.training.command_line import TENSORBOARD, TrainingCLI
from textgan_bench.training.processes import be_the_first, is_distributed, keeps_files
from textgan_bench.training.row import Row
from textgan_bench.training.run import LAST, Run, differences, without_paths


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
    changes: Sequence[str] = (),
    recorded: bool = False,
    tokenised: bool = False,
    tensorboard: bool = False,
) -> None:
    """Train, test and show a row; continue what was interrupted, skip what is done.

    The same as ``fit`` and ``test`` with the layers of the recipe, for one seed or for several, one
    after the other. With several devices this command runs once for each of them, started by
    Lightning, torchrun or SLURM: all but the first train and leave. Those of other nodes see the
    folder of the run, too, and decide alike.

    Args:
        extras: scores beside the profile's and beside the extra ones that the recipe asks for.
        changes: settings otherwise than in the recipe, ``model.init_args.lr=1e-4``; a run of its
            own, whose record stays with the runs.
        recorded: whether a run with changes is one of the leaderboard all the same.
        tensorboard: whether the run logs for TensorBoard beside the loggers of the recipe.

    Raises:
        UserError: there is no such recipe, several seeds are asked for on several devices, or the
            run folder holds another run or another process works in it.
        FailedRunsError: some of several seeds failed, by the latter, too.
    """
    data, data_settings = data_arguments(data, data_dir, tokenised=tokenised)
    distributed = is_distributed(devices, nodes)
    if not distributed:
        be_the_first()
    elif len(seeds) > 1:
        raise UserError("several seeds share one device; with more of them, start each by itself")
    shared = [f"--trainer.num_nodes={nodes}"]
    if devices != "auto":  # which is trainer.yaml's single one
        shared.append(f"--trainer.devices={devices}")
    if data_settings:  # as a layer, whose strings stay strings
        shared.append(f"--config={json.dumps({'data': data_layer(data, data_settings)})}")
    if tensorboard:
        logger = {"class_path": TENSORBOARD, "init_args": {"save_dir": "."}}  # or rather of the run
        shared.append(f"--trainer.logger+={json.dumps(logger)}")
    otherwise = ordered(changes)
    rows = [Row(method, data, seed, budget, otherwise, recorded) for seed in dict.fromkeys(seeds)]
    settings = {row: [*row.settings, *shared, *row.asking_for(extras)] for row in rows}
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
            from textgan_bench.training import tracking  # W&B takes half a second to import

            tracking.leave_failed_run()
            failed.append(row)
        else:
            if record is not None:
                records[row] = record
    if records:
        _show(records)
    if failed:
        folders = ", ".join(str(row.run.folder) for row in failed)
        seeds_left = " ".join(str(row.seed) for row in failed)
        raise FailedRunsError(
            f"{folders} failed, see above; SEED='{seeds_left}' (--seed {seeds_left}) is those alone"
        )


def _show(records: Mapping[Row, Record]) -> None:
    """Print the rows among those that they are read beside, and where their records lie."""
    latest = list(records)[-1]
    roots = dict.fromkeys(row.leaderboard for row in records)  # a smoke test has its own
    known = [record for root in roots for record in leaderboard.load_records(root)]
    if latest.changes and leaderboard.ROOT not in roots and latest.budget != SMOKE:
        rivals = leaderboard.load_records()
        known += [record for record in rivals if record.source == "run"]
    print(leaderboard.compare(records[latest], known))
    for row, record in records.items():
        for key, reason in record.left_out.items():
            print(f"without {key} of seed {row.seed}: {reason}")
        print(f"record {record.path(row.leaderboard)}, samples {row.run.samples}")


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
        data = _finished(row, settings)
        if data is not None:
            print(f"{row.run.folder} is finished; FORCE=1 (bench --force) repeats it")
            leaderboard.render(row.leaderboard)  # a kill may have come before the tables
        else:
            _fit(row.run, settings, force)
            data = _test(row.run, settings)
        if row.budget != SMOKE:
            write_missing_anchors(row.data, data, row.leaderboard)
        return row.records()[data.revision]


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
    if record is not None and not has_extras(data, record):
        return None
    if record is None or any(differences(record.config, without_paths(command_line.resolved))):
        return None
    return data if record.fingerprint == data_fingerprint(data, record.num_samples) else None


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
