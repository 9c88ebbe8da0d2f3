"""What ``bench`` is asked for: a method, a data set, a seed and a budget."""

from dataclasses import dataclass
from pathlib import Path

from textgan_bench import leaderboard
from textgan_bench.leaderboard import Record
from textgan_bench.recipes import SMOKE, is_own_text, layers
from textgan_bench.training.run import Run

RUNS = Path("runs")


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
