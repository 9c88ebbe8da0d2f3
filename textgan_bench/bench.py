"""``bench``: from the name of a method to a row of the leaderboard."""

import os
import shutil
from pathlib import Path

import torch

from textgan_bench import leaderboard, provenance
from textgan_bench.callbacks import LAST
from textgan_bench.interfaces import TextDataModule
from textgan_bench.leaderboard import Record
from textgan_bench.recipes import SMOKE, layers
from textgan_bench.runs import Run, differences, without_places
from textgan_bench.scoring import data_fingerprint, score
from textgan_bench.training import TrainingCLI

RUNS = Path("runs")
ANCHOR_SEED = 0


def bench(
    method: str,
    *,
    data: str,
    seed: int,
    budget: str,
    devices: str,
    data_dir: str | None,
    force: bool,
) -> None:
    """Train, test and show a row; continue what was interrupted, skip what is done.

    The same as ``fit`` and ``test`` with the layers of the recipe. With several devices Lightning
    starts this command again for each of them: those processes train and leave.

    Raises:
        ValueError: there is no such recipe, or the run folder holds another run.
    """
    settings = _settings(method, data, seed, budget, devices, data_dir)
    run = Run(_folder(method, data, seed, budget))
    is_main = os.environ.get("LOCAL_RANK", "0") == "0"
    if force and is_main and run.folder.exists():
        shutil.rmtree(run.folder)
    root = run.folder if budget == SMOKE else leaderboard.ROOT
    settings.append(f"--evaluate.leaderboard={root}")

    row = (method, data, seed, budget)
    if is_main and (record := _finished(run, settings, row, root)):
        print(f"{run.folder} is finished; FORCE=1 (bench --force) repeats it")
    else:
        _fit(run, settings)
        if not is_main:
            return
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        trained = _test(run, settings)
        record = _find(root, row)
        assert record is not None, "test writes a record"
        if budget != SMOKE:
            write_missing_anchors(data, trained)
    print(leaderboard.compare(record, leaderboard.load_records(root)))
    print(f"record {record.path(root)}, samples {run.samples}")


def _folder(method: str, data: str, seed: int, budget: str) -> Path:
    return RUNS / data / method / f"{budget}-seed{seed}"


def _settings(
    method: str, data: str, seed: int, budget: str, devices: str, data_dir: str | None
) -> list[str]:
    return [
        *(f"--config={path}" for path in layers(method, data, budget)),
        f"--seed_everything={seed}",
        f"--trainer.default_root_dir={_folder(method, data, seed, budget)}",
        f"--evaluate.method={method}",
        f"--evaluate.data={data}",
        f"--evaluate.budget={budget}",
        *([f"--trainer.devices={devices}"] if devices != "auto" else []),  # one, in trainer.yaml
        *([f"--data.init_args.data_dir={data_dir}"] if data_dir else []),
    ]


def _find(root: Path, row: tuple[str, str, int, str]) -> Record | None:
    for record in leaderboard.load_records(root):
        name = (record.method, record.data, record.seed, record.budget)
        if record.source == "run" and name == row:
            return record
    return None


def _finished(
    run: Run, settings: list[str], row: tuple[str, str, int, str], root: Path
) -> Record | None:
    """The record of the run in the folder, if there is one and nothing changed since."""
    record = _find(root, row)
    if record is None or not run.samples.exists():
        return None  # the record of another machine says nothing about this folder
    if record.path(root).stat().st_mtime < run.samples.stat().st_mtime:
        return None
    command_line = TrainingCLI(settings, run=False)
    if any(differences(record.config, without_places(command_line.resolved))):
        return None
    data = command_line.datamodule
    data.prepare_data()
    data.setup("test")
    return record if record.data_revision == data.revision else None


def _fit(run: Run, settings: list[str]) -> None:
    last = run.checkpoint(LAST)
    resumed = [f"--ckpt_path={last}"] if last.exists() else []
    TrainingCLI(["fit", *settings, *resumed])


def _test(run: Run, settings: list[str]) -> TextDataModule:
    """Write samples and record on one device; returns the data with its metrics built."""
    tested = run.checkpoint(run.tested_checkpoint())
    command_line = TrainingCLI(
        ["test", *settings, "--trainer.devices=1", "--verbose=false", f"--ckpt_path={tested}"]
    )
    data: TextDataModule = command_line.datamodule
    return data


def write_missing_anchors(name: str, data: TextDataModule, root: Path = leaderboard.ROOT) -> None:
    """Score the reference rows of a table that it lacks at this revision of the data."""
    num_samples = len(data.sentences("test"))
    fingerprint = data_fingerprint(data, num_samples)
    known = {
        record.method
        for record in leaderboard.load_records(root)
        if record.source == "anchor"
        and (record.data, record.data_revision, record.fingerprint)
        == (name, data.revision, fingerprint)
    }
    for anchor, sentences in data.anchors(num_samples, ANCHOR_SEED).items():
        if anchor in known:
            continue
        record = Record(
            method=anchor,
            data=name,
            seed=ANCHOR_SEED,
            budget="anchor",
            budget_label="not trained",
            scores=score(data.metrics("test"), sentences),
            fingerprint=fingerprint,
            data_revision=data.revision,
            data_source=data.source,
            num_samples=num_samples,
            generator_updates=0,
            wall_clock_hours=0.0,
            hardware="none",
            config={},
            commit=provenance.commit(),
            versions=provenance.versions(),
            source="anchor",
        )
        leaderboard.write(record, root)
