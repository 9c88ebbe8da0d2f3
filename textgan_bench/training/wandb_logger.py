"""What a run tells Weights & Biases, so that runs can be compared there.

Generator updates are the axis of everything logged: batches of methods that train several players
in one of them, or one player in several, say little side by side. ``benchmarks/README.md`` lists
what is logged. W&B itself is imported when a run begins, as that takes half a second.
"""

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pytorch_lightning.loggers import WandbLogger

from textgan_bench.files import replace_text
from textgan_bench.leaderboard.columns import column

UPDATES = "generator_updates"
"""The axis, and the key of every row's place on it."""

VALIDATION, TEST = "validation/", "test/"
"""What the keys of scores begin with."""

LONGEST_TAG, LONGEST_GROUP = 64, 128
"""Characters that W&B takes."""

BEST = {"↓": "min,last", "↑": "max,last"}
"""Summary of a score by its order. A score without one keeps its last value alone: the smallest LM
score is that of a collapse."""


class Kept(NamedTuple):
    """A file of the run that W&B keeps as an artifact."""

    kind: str
    """``record``, ``samples`` or ``model``."""
    path: Path
    metadata: dict[str, Any]
    copied: bool
    """Whether W&B takes a copy at once, or reads a large file where it lies when it is sent."""


class RunWandbLogger(WandbLogger):
    """Lightning's logger of W&B, with the name, the axis and the files of a run.

    The arguments are Lightning's. What W&B's variables say comes before ``place``.
    """

    _updates: Callable[[], int] | None = None
    _expected: frozenset[str] = frozenset()

    def place(self, *, method: str, data: str, budget: str) -> None:
        """Say before W&B begins which runs this one stands beside.

        The group is what seeds have in common, the type of job the budget. Settings that differ
        from the recipe (``quick+model.lr=1e-4``) belong to the group, as no seed has others.
        """
        if os.environ.get("WANDB_SWEEP_ID"):  # whose own these are: W&B would warn of others
            for name in ("project", "entity", "id"):
                self._wandb_init.pop(name, None)
        plain, _, changes = budget.partition("+")
        self._unless_told("group", "WANDB_RUN_GROUP", group_name(method, data, changes))
        self._unless_told("job_type", "WANDB_JOB_TYPE", plain)
        told = os.environ.get("WANDB_TAGS", "").split(",")
        own = self._wandb_init.get("tags") or ()
        tags = (*own, *(tag.strip() for tag in told), method, data, plain)
        self._wandb_init["tags"] = [tag[:LONGEST_TAG] for tag in dict.fromkeys(tags) if tag]

    def _unless_told(self, name: str, variable: str, value: str) -> None:
        """Set an argument of ``wandb.init`` that neither the recipe nor the environment has."""
        if not self._wandb_init.get(name):
            self._wandb_init[name] = os.environ.get(variable) or value[:LONGEST_GROUP]

    def describe(self, facts: Mapping[str, Any], updates: Callable[[], int]) -> None:
        """Begin: what the run is, in W&B's configuration, and its axis.

        Args:
            facts: settings and places, beside the hyper-parameters that Lightning logs.
            updates: how many the generator has had so far.
        """
        self._updates = updates
        run = self.experiment
        run.config.update(dict(facts), allow_val_change=True)
        run.define_metric(UPDATES)
        run.define_metric("*", step_metric=UPDATES, step_sync=True)

    def expect(self, keys: Iterable[str]) -> None:
        """Let the summary keep the best value of each validation score that has one."""
        new = frozenset(keys) - self._expected
        self._expected |= new
        for key in sorted(new):
            summary = BEST.get(column(key.removeprefix(VALIDATION)).better)
            self.experiment.define_metric(key, step_metric=UPDATES, step_sync=True, summary=summary)

    def settle(self, validations: Mapping[int, Mapping[str, float]]) -> None:
        """Let the summary have the best of the whole training: W&B knows that of a session.

        Args:
            validations: scores of each validation, of all sessions, by the batches done before.
        """
        curves: dict[str, list[float]] = {}
        for step in sorted(validations):
            for key, value in validations[step].items():
                if math.isfinite(value):
                    curves.setdefault(key, []).append(value)
        for key, values in curves.items():
            summary = BEST.get(column(key).better)
            if summary:
                name, _, _ = summary.partition(",")
                best = min(values) if name == "min" else max(values)
                self.experiment.summary[VALIDATION + key] = {name: best, "last": values[-1]}

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log one row at its place on the axis.

        A test has no batches of its own: its row has the updates of the checkpoint alone.
        """
        if self._updates is not None:
            metrics = {UPDATES: self._updates(), **metrics}
        if any(key.startswith(TEST) for key in metrics):
            step = None
        super().log_metrics(metrics, step)

    def keep(self, folder: Path, files: Sequence[Kept]) -> None:
        """Hand files to W&B as artifacts, each content of a file once.

        What was handed over stands in ``wandb/artifacts.json`` of the run's folder, where W&B
        itself has what it did not send yet: a run that is tested again after a kill, or scored
        again, repeats only what changed.
        """
        import wandb

        run = self.experiment
        if run.disabled:
            return
        path = folder / "wandb" / "artifacts.json"
        handed = _handed(path)
        for kind, file, metadata, copied in files:
            name = f"{kind}-{run.id}"
            digest = _digest(file)
            if handed.get(name) == digest:
                continue
            artifact = wandb.Artifact(name, type=kind, metadata=metadata | {"sha256": digest})
            artifact.add_file(
                str(file.absolute()), name=file.name, policy="mutable" if copied else "immutable"
            )
            run.log_artifact(artifact, aliases=["latest", "tested"])
            handed[name] = digest
            replace_text(path, json.dumps(handed, indent=2, sort_keys=True) + "\n")


def group_name(method: str, data: str, changes: str = "") -> str:
    """What the seeds of a row are grouped by.

    >>> group_name("nagan", "hmm"), group_name("mle", "hmm", "model.lr=1e-4")
    ('nagan on hmm', 'mle on hmm, model.lr=1e-4')
    """
    return f"{method} on {data}{', ' if changes else ''}{changes}"


def _handed(path: Path) -> dict[str, str]:
    """Hashes of the files that were handed over, by the name of the artifact."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # cut off, or edited: what is handed over twice, W&B stores once
        return {}
    return content if isinstance(content, dict) else {}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
