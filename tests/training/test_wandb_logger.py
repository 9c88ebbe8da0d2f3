"""What a run tells W&B, read back from the file that it writes without a network."""

import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import wandb
from torch import Tensor
from torchmetrics import MetricCollection

from tests.boring import BoringData, WordCounts
from tests.checkout import RECIPES, write_recipe
from tests.training.wandb_file import Logged, logged
from textgan_bench import leaderboard
from textgan_bench.interfaces import Split
from textgan_bench.training.run import Run
from textgan_bench.training.wandb_logger import Kept, RunWandbLogger, group_name

ROOT = Path(__file__).parents[2]
EPOCHS, BATCHES = 3, 6
FOLDER = Path("runs/noise/boring/quick-seed3")


class KnownScores(WordCounts):
    """The counts of ``WordCounts`` under names that tables have an order of."""

    def compute(self) -> dict[str, Tensor]:
        counts = super().compute()
        return {
            "reverse_lm/kn4": counts["words"],
            "bleu_b/5": counts["words"],
            "lm_score/kn4": counts["words"],
        }


class ScoredData(BoringData):
    def metrics(self, split: Split) -> MetricCollection:
        return MetricCollection([KnownScores()])


class Done(NamedTuple):
    """A run of ``bench`` and what it left."""

    place: Path
    error: str
    log: Logged
    record: leaderboard.Record

    @property
    def run(self) -> Run:
        return Run(self.place / FOLDER)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """One seed of a row, trained and tested by the command, without a key."""
    place = tmp_path_factory.mktemp("checkout")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for name, text in RECIPES.items():
            write_recipe(name, text)
        shutil.copy(ROOT / "benchmarks/trainer.yaml", "benchmarks/trainer.yaml")
        write_recipe("noise/data.yaml", f"data: {{class_path: {__name__}.ScoredData}}")
        write_recipe(
            "noise/boring-quick.yaml",
            f"""
            trainer: {{max_epochs: {EPOCHS}, log_every_n_steps: 2, accelerator: cpu}}
            evaluate: {{budget_label: three epochs}}
            """,
        )
        told = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
        told |= {f"WANDB_{name}_DIR": str(place / "w" / name) for name in ("DATA", "CACHE")}
        told |= {"PYTHONPATH": str(ROOT), "NETRC": str(place / "netrc"), "WANDB_TAGS": "mine,noise"}
        told |= {"WANDB_PROJECT": "thesis", "WANDB_CONFIG_DIR": str(place / "w" / "config")}
        command = ["-m", "textgan_bench", "bench", "boring", "--data", "noise", "--seed", "3"]
        finished = subprocess.run(
            [sys.executable, *command], env=told, capture_output=True, text=True, check=False
        )
        assert finished.returncode == 0, finished.stderr
        (file,) = FOLDER.glob("wandb/offline-run-*/*.wandb")
        (path,) = Path("leaderboard/records/noise").glob("boring-*.json")
        return Done(place, finished.stderr, logged(file), leaderboard.load(path))


def test_a_run_stands_in_the_group_of_its_seeds(done: Done) -> None:
    run = done.log.run
    assert (run.run_group, run.job_type, run.project) == ("boring on noise", "quick", "thesis")
    assert list(run.tags) == ["mine", "noise", "boring", "quick"]
    assert run.display_name == "noise/boring/quick-seed3"


def test_the_configuration_says_what_made_the_run(done: Done) -> None:
    config, record = done.log.config, done.record
    for name in ("method", "data", "seed", "budget", "budget_label", "commit", "hardware"):
        assert config[name] == getattr(record, name)
    assert (config["data_revision"], config["data_source"]) == ("r1", "noise")
    assert config["batch_size"] == 4
    assert config["devices"] == 1
    # Four places of six symbols each, and a critic of four places: tests/boring.py.
    assert config["parameters"] == {"generator": 24, "critic": 4, "total": 28}
    assert config["recipe"]["trainer"]["max_epochs"] == EPOCHS
    assert config["versions"]["torch"] == record.versions["torch"]


def test_losses_and_scores_stand_on_the_axis_of_generator_updates(done: Done) -> None:
    metrics = done.log.metrics
    assert metrics["*"].step_metric == "generator_updates"
    losses = [row for row in done.log.history if "generator/loss" in row]
    # Each second batch is logged, the updates before it.
    assert [row["generator_updates"] for row in losses] == list(range(1, EPOCHS * BATCHES, 2))
    scores = [row for row in done.log.history if "validation/bleu_b/5" in row]
    assert [row["generator_updates"] for row in scores] == [6, 12, 18]
    for key in ("reverse_lm/kn4", "bleu_b/5", "lm_score/kn4"):
        assert metrics[f"validation/{key}"].step_metric == "generator_updates"


def test_no_batch_is_logged_but_each_nth(done: Done) -> None:
    """What is logged costs a training nothing in between."""
    rows = [row for row in done.log.history if not any("/loss" in key for key in row)]
    kinds = {"validation/samples", "validation/bleu_b/5", "test/samples", "test/bleu_b/5"}
    assert all(kinds & row.keys() for row in rows)
    assert len(rows) == 2 * EPOCHS + 2


def test_the_summary_has_the_best_values_of_scores_that_have_an_order(done: Done) -> None:
    curve = [row["validation/bleu_b/5"] for row in done.log.history if "validation/bleu_b/5" in row]
    assert len(set(curve)) == EPOCHS, "the case of a best one is not met"
    validation = {
        key: value for key, value in done.log.summary.items() if key.startswith("validation/")
    }
    assert validation["validation/reverse_lm/kn4"] == {"min": min(curve), "last": curve[-1]}
    assert validation["validation/bleu_b/5"] == {"max": max(curve), "last": curve[-1]}
    assert validation["validation/lm_score/kn4"] == curve[-1], "least is not best"


def test_test_scores_stand_at_the_last_update(done: Done) -> None:
    (row,) = (row for row in done.log.history if "test/bleu_b/5" in row)
    assert row["generator_updates"] == EPOCHS * BATCHES == done.record.generator_updates
    assert "trainer/global_step" not in row
    for key, value in done.record.scores.items():
        assert math.isclose(row[f"test/{key}"], value, rel_tol=1e-6)
        assert done.log.summary[f"test/{key}"] == row[f"test/{key}"]


def table(done: Done, key: str) -> list[dict[str, Any]]:
    """The tables that a key was logged as, in order."""
    (folder,) = (done.place / FOLDER).glob("wandb/offline-run-*/files")
    rows = [row[key] for row in done.log.history if key in row]
    return [json.loads((folder / row["path"]).read_text(encoding="utf-8")) for row in rows]


def test_samples_are_tables(done: Done) -> None:
    shown = table(done, "validation/samples")
    assert [content["columns"] for content in shown] == [["generator_updates", "sentence"]] * EPOCHS
    assert [content["data"][0][0] for content in shown] == ["6", "12", "18"]
    (tested,) = table(done, "test/samples")
    samples = done.run.samples.read_text(encoding="utf-8").splitlines()
    assert [row[0] for row in tested["data"]] == samples[:100]


def test_record_samples_and_checkpoint_are_artifacts(done: Done) -> None:
    path = done.record.path(done.place / leaderboard.ROOT)
    files = {
        "record": path,
        "samples": done.run.samples,
        "model": done.run.checkpoint(done.run.tested_checkpoint()),
    }
    kept = {artifact.type: artifact for artifact in done.log.artifacts if artifact.type in files}
    assert kept.keys() == files.keys()
    for kind, file in files.items():
        artifact = kept[kind]
        assert artifact.name == f"{kind}-{done.run.wandb_id()}"
        (entry,) = artifact.manifest.contents
        assert (entry.path, entry.size) == (file.name, file.stat().st_size)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert json.loads(artifact.metadata)["sha256"] == digest
        assert Path(entry.local_path).read_bytes() == file.read_bytes()
    assert json.loads(kept["record"].metadata)["bleu_b/5"] == done.record.scores["bleu_b/5"]


def test_a_start_makes_no_noise(done: Done) -> None:
    """But for the bar of the training; on standard output stands where W&B writes."""
    lines = [line for line in done.error.splitlines() if line.strip()]
    assert not [line for line in lines if "wandb" in line.lower() or "warn" in line.lower()]


class Browser:
    """Stands for a run of W&B: what it is handed."""

    disabled = False
    id = "abc"

    def __init__(self) -> None:
        self.handed: list[str] = []
        self.summary: dict[str, Any] = {}

    def log_artifact(self, artifact: wandb.Artifact, aliases: list[str]) -> None:
        self.handed.append(f"{artifact.name}:{artifact.metadata['sha256'][:4]}")


def test_no_file_is_handed_over_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA", "CACHE"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / name))
    browser = Browser()

    def keep() -> list[str]:
        """As a process does that tests the run, maybe once more."""
        logger = RunWandbLogger(project="p", save_dir=str(tmp_path))
        logger._experiment = browser  # type: ignore[assignment]
        browser.handed.clear()
        logger.keep(tmp_path, files)
        return [name.partition(":")[0] for name in browser.handed]

    samples, model = tmp_path / "samples.txt", tmp_path / "last.ckpt"
    samples.write_text("a\n", encoding="utf-8")
    model.write_text("weights", encoding="utf-8")
    files = [Kept("samples", samples, {}, True), Kept("model", model, {}, False)]
    assert keep() == ["samples-abc", "model-abc"]
    assert keep() == []
    samples.write_text("b\n", encoding="utf-8")
    assert keep() == ["samples-abc"], "a test by other definitions may write another text"
    (tmp_path / "wandb/artifacts.json").write_text("{", encoding="utf-8")
    assert keep() == ["samples-abc", "model-abc"], "what was handed over is not known"


def test_the_best_value_is_that_of_all_sessions(tmp_path: Path) -> None:
    """W&B begins anew whenever a run is resumed."""
    for version, rows in enumerate((["5,2.5,7", "11,1.5,"], ["11,1.75,", "17,2.0,"])):
        path = tmp_path / f"csv/version_{version}/metrics.csv"
        path.parent.mkdir(parents=True)
        header = "step,validation/reverse_lm/kn4,generator/loss"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    validations = Run(tmp_path).validations()
    # A resumed run repeats what came after its checkpoint, and the repetition counts.
    scores = {step: {"reverse_lm/kn4": value} for step, value in ((6, 2.5), (12, 1.75), (18, 2.0))}
    assert validations == scores
    browser = Browser()
    logger = RunWandbLogger(project="p", save_dir=str(tmp_path))
    logger._experiment = browser  # type: ignore[assignment]
    for step, value in ((6, 0.5), (12, math.nan), (18, 0.25)):
        validations[step] |= {"lm_score/kn4": 1.0, "bleu_b/5": value}  # the first has no best
    logger.settle(validations)
    assert browser.summary == {
        "validation/reverse_lm/kn4": {"min": 1.75, "last": 2.0},
        "validation/bleu_b/5": {"max": 0.5, "last": 0.25},
    }


def placed(monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, Any]:
    for name in ("RUN_GROUP", "JOB_TYPE", "TAGS"):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    logger = RunWandbLogger(project="p", save_dir=".", tags=["recipe"])
    logger.place(method="nagan", data="hmm", budget="quick+model.lr=1e-4")
    return logger._wandb_init


def test_variables_of_wandb_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    own = placed(monkeypatch)
    assert (
        own["group"] == "nagan on hmm, model.lr=1e-4" == group_name("nagan", "hmm", "model.lr=1e-4")
    )
    assert own["job_type"] == "quick"
    assert own["tags"] == ["recipe", "nagan", "hmm", "quick"]
    told = placed(monkeypatch, RUN_GROUP="g", JOB_TYPE="j", TAGS="x, hmm")
    assert (told["group"], told["job_type"]) == ("g", "j")
    assert told["tags"] == ["recipe", "x", "hmm", "nagan", "quick"]
    assert placed(monkeypatch, TAGS="t" * 80)["tags"][1] == "t" * 64, "W&B refuses longer ones"
