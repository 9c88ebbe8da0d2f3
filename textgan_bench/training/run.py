"""The folder of a run: its configuration, its checkpoints and its identity in W&B."""

import csv
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from textgan_bench.errors import MissingError, UserError
from textgan_bench.files import clear, locked, replace_text

LAST, BEST = "last.ckpt", "best.ckpt"
"""Names of the checkpoint of the latest state, and of that with the best validation score."""
PATHS = (
    ("trainer", "default_root_dir"),
    ("trainer", "logger"),
    ("data", "init_args", "data_dir"),
    ("data", "init_args", "corpus", "init_args", "data_dir"),
    ("evaluate", "leaderboard"),
    ("evaluate", "extras"),
)
"""Settings that say where things lie or what is scored beside, and change no result."""
OF_THE_TEST = "evaluate.knob"
"""The setting that no training depends on: with another a trained run is tested again."""


@dataclass(frozen=True)
class Run:
    """``runs/<data>/<method>/<budget>-seed<k>``, or any folder ``fit`` was pointed at."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def samples(self) -> Path:
        return self.folder / "samples.txt"

    def checkpoint(self, name: str) -> Path:
        return self.folder / "checkpoints" / name

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out of the folder, and clear it of what killed ones left unfinished.

        A folder that is made for it and stays empty is gone afterwards.

        Raises:
            UserError: another process is at work in it.
        """
        made = [each for each in (self.folder, *self.folder.parents) if not each.exists()]
        with ExitStack() as lock:
            try:
                lock.enter_context(locked(self.folder, wait=False))
            except BlockingIOError:
                raise UserError(f"another process is at work in {self.folder}") from None
            clear(self.folder)
            try:
                yield
            finally:
                with suppress(OSError):  # of one that holds something: the run was not refused
                    for folder in made:
                        folder.rmdir()

    def clear(self) -> None:
        """Discard the run."""
        for path in self.folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def claim(self, config: dict[str, Any]) -> None:
        """Store the configuration of a new run, or check that an old one is continued with its own.

        Raises:
            UserError: the folder holds a run of another configuration.
        """
        if not self.config.exists() or not self.checkpoint(LAST).exists():
            replace_text(self.config, yaml.safe_dump(config, sort_keys=False))
            return
        changed = self._changed(config)
        if changed:
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            raise UserError(
                f"{self.folder} holds a run of another configuration ({changed[0]}{more}); "
                "FORCE=1 (bench --force) discards it and starts again"
            )
        self._take_setting_of_the_test(config)

    def check(self, config: dict[str, Any]) -> None:
        """Refuse to test a run with other settings than those it was trained with.

        Raises:
            MissingError: there is no run in the folder.
            UserError: a setting differs that is not about the machine.
        """
        changed = [each for each in self._changed(config) if not each.startswith("trainer.")]
        if changed:
            raise UserError(f"{self.folder} was trained with other settings ({changed[0]})")
        self._take_setting_of_the_test(config)

    def _changed(self, config: dict[str, Any]) -> list[str]:
        """Differences from the stored configuration that would make another training."""
        found = differences(self.recipe(), without_paths(config))
        return [each for each in found if not each.startswith(f"{OF_THE_TEST}:")]

    def _take_setting_of_the_test(self, config: dict[str, Any]) -> None:
        section, key = OF_THE_TEST.split(".")
        stored, value = self.load_config(), config.get(section, {}).get(key)
        if stored.get(section, {}).get(key) != value:
            stored.setdefault(section, {})[key] = value
            replace_text(self.config, yaml.safe_dump(stored, sort_keys=False))

    def check_revision(self, trained_on: str, revision: str) -> None:
        """Refuse data that are not those the run was trained on.

        Raises:
            UserError: their revisions differ.
        """
        if trained_on not in ("", revision):
            raise UserError(
                f"{self.folder} was trained on data of revision {trained_on}, and they are now "
                f"{revision}; FORCE=1 (bench --force) discards the run and starts again"
            )

    def tested_checkpoint(self) -> str:
        """Name of the checkpoint that stands for the run: the last, or the one it selects."""
        return LAST if self.load_config()["checkpoint"]["select"] is None else BEST

    def load_config(self) -> dict[str, Any]:
        """The resolved configuration of the run.

        Raises:
            MissingError: there is no run in the folder.
            UserError: the file is not one written by ``claim``.
        """
        if not self.config.is_file():
            raise MissingError(f"{self.folder} is not a run: it has no {self.config.name}")
        try:
            content = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        except (UnicodeDecodeError, yaml.YAMLError):
            content = None
        if not isinstance(content, dict):
            raise UserError(f"{self.config} is damaged: it holds no configuration")
        return content

    def recipe(self) -> dict[str, Any]:
        """All of the configuration that a result depends on."""
        return without_paths(self.load_config())

    def logged(self, *keys: str) -> list[tuple[float, ...]]:
        """What the CSV log holds of ``keys`` wherever it holds all of them, in order.

        A resumed run repeats the steps after its last checkpoint; the repetition counts.

        Returns:
            Tuples of the training batches done before, and the value of each key.

        Raises:
            MissingError: the run has no log.
            UserError: the log has none of these.
        """
        points: dict[int, tuple[float, ...]] = {}
        for row in self._log():
            if all(row.get(key) for key in keys):
                points[int(row["step"])] = tuple(float(row[key]) for key in keys)
        if not points:
            raise UserError(f"the log of {self.folder} has no {' and '.join(keys)}")
        return [(step, *points[step]) for step in sorted(points)]

    def validations(self) -> dict[int, dict[str, float]]:
        """Scores of each validation in the CSV log, by the training batches done before it.

        A resumed run repeats those after its last checkpoint; the repetition counts. A run without
        a log, or without a validation, has none.
        """
        prefix = "validation/"
        found: dict[int, dict[str, float]] = {}
        for row in self._log() if self._logs() else ():
            with suppress(TypeError, ValueError, AttributeError):  # a line that a kill cut off
                scores = {
                    key.removeprefix(prefix): float(value)
                    for key, value in row.items()
                    if key.startswith(prefix) and value
                }
                if scores:
                    found[int(row["step"]) + 1] = scores  # the log numbers batches from 0
        return found

    def _log(self) -> Iterator[dict[str, str]]:
        """Rows of the CSV log, those of a later session last.

        Raises:
            MissingError: the run has no log.
        """
        files = self._logs()
        if not files:
            raise MissingError(f"{self.folder} has no log")
        for file in files:
            with file.open(encoding="utf-8", newline="") as rows:
                yield from csv.DictReader(rows)

    def _logs(self) -> list[Path]:
        versions = (self.folder / "csv").glob("version_*/metrics.csv")
        return sorted(versions, key=lambda path: int(path.parent.name.removeprefix("version_")))

    def wandb_id(self) -> str:
        """Identity of the run in W&B, the same whenever it is resumed."""
        path = self.folder / "wandb_id.txt"
        if not path.exists():
            identity = os.environ.get("WANDB_RUN_ID") or secrets.token_hex(4)
            replace_text(path, f"{identity}\n")
        return path.read_text(encoding="utf-8").strip()


def without_paths(config: dict[str, Any]) -> dict[str, Any]:
    """A copy of a configuration as a record holds it, ``PATHS`` left out.

    What JSON has no value for, an infinite number or a date, is text.
    """
    recipe: dict[str, Any] = json.loads(json.dumps(config, default=str), parse_constant=str)
    for *sections, key in PATHS:
        section = recipe
        for name in sections:
            section = section.get(name) or {}
        section.pop(key, None)
    return recipe


def differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Settings that two configurations do not share, ``key: old, now new``.

    >>> list(differences({"model": {"lr": 1, "size": 2}}, {"model": {"lr": 3, "size": 2}}))
    ['model.lr: 1, now 3']
    """
    before, after = dict(_settings(old)), dict(_settings(new))
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            yield f"{key}: {before.get(key)}, now {after.get(key)}"


def _settings(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(config, dict):
        for key, value in config.items():
            yield from _settings(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, config
