"""What ``bench`` is asked for: a method, a data set, a seed and a budget."""

import glob
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textgan_bench import leaderboard
from textgan_bench.leaderboard import Record
from textgan_bench.recipes import SMOKE, content, is_own_text, layer_of, layers, merged
from textgan_bench.training.run import Run

RUNS = Path("runs")

LONGEST = 100
"""Characters of a budget and its changes in the name of a file."""


@dataclass(frozen=True)
class Row:
    """What ``bench`` was asked for."""

    method: str
    data: str
    seed: int
    budget: str
    changes: tuple[str, ...] = ()
    """Settings otherwise than in the recipe, as ``recipes.ordered`` has them."""
    recorded: bool = field(default=False, compare=False)
    """Whether a row with changes is to be one of the leaderboard."""

    @property
    def run(self) -> Run:
        return Run(RUNS / self.data / self.method / f"{self.name}-seed{self.seed}")

    @property
    def log(self) -> Path:
        """Where a grid writes what the command says, beside the folder of the run."""
        folder = self.run.folder
        return folder.with_name(f"{folder.name}.log")

    @property
    def name(self) -> str:
        """The budget and what is changed in it, as the name of a file has it.

        >>> Row("mle", "hmm", 0, "quick", ("model.init_args.lr=1e-4",)).name
        'quick+model.lr=1e-4'
        """
        whole = "+".join([self.budget, *self.changes]).replace(".init_args.", ".")
        name = re.sub(r"[^\w.,=+-]", "_", whole)[:LONGEST]
        digest = hashlib.sha256(whole.encode()).hexdigest()[:6]
        return name if name == whole else f"{name}-{digest}"

    @property
    def leaderboard(self) -> Path:
        """Folder of the records; those of a smoke test, of own text and of changes stay with the
        runs.
        """
        if self.budget == SMOKE:
            return self.run.folder
        apart = is_own_text(self.data) or (self.changes and not self.recorded)
        return RUNS / self.data if apart else leaderboard.ROOT

    @property
    def paths(self) -> list[Path]:
        """The layers of the recipe."""
        return layers(self.method, self.data, self.budget)

    @property
    def recipe(self) -> dict[str, Any]:
        """What the layers come to."""
        return merged((str(path), content(path)) for path in self.paths)

    def asking_for(self, extras: Sequence[str]) -> list[str]:
        """Arguments of ``fit`` and ``test`` that add extra scores to those of the recipe."""
        if not extras:
            return []
        setting = self.recipe["evaluate"].get("extras")
        own = [] if setting is None else setting.value
        return [f"--evaluate.extras=[{','.join(dict.fromkeys([*own, *extras]))}]"]

    @property
    def settings(self) -> list[str]:
        """Arguments of ``fit`` and ``test``."""
        recipe = self.recipe
        label = ", ".join([recipe["evaluate"]["budget_label"].value, *self.changes])
        label = label.replace(".init_args.", ".")
        return [
            *(f"--config={path}" for path in self.paths),
            *(f"--config={layer_of(change)}" for change in self.changes),
            f"--config={json.dumps({'evaluate': {'budget_label': label}})}",
            f"--seed_everything={self.seed}",
            f"--trainer.default_root_dir={self.run.folder}",
            f"--evaluate.method={self.method}",
            f"--evaluate.data={self.data}",
            f"--evaluate.budget={self.name}",
            f"--evaluate.leaderboard={self.leaderboard}",
        ]

    def records(self) -> dict[str, Record]:
        """The records of this row on the leaderboard, by the revision of their data."""
        return {
            record.data_revision: record
            for record in leaderboard.load_records(self.leaderboard)
            if record.source == "run"
            and (record.method, record.data, record.seed, record.budget)
            == (self.method, self.data, self.seed, self.name)
        }

    def has_record(self) -> bool:
        """Whether the leaderboard has a record of this row, of data of any revision.

        Raises:
            RecordError: it has, and the record cannot be used.
        """
        stem = glob.escape(f"{self.method}-{self.name}-seed{self.seed}")
        paths = (self.leaderboard / "records" / self.data).glob(f"{stem}-*.json")
        return any(leaderboard.load(path).source == "run" for path in paths)
