"""The files of CONTRIBUTING.md work: each is put where its name says and is run."""

import importlib
import re
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

import datamodules
from datamodules import sources
from tests.checkout import Command
from textgan_bench import functional, leaderboard, methods, metrics
from textgan_bench.leaderboard import columns
from textgan_bench.recipes import budgets

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w/.-]+)`\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
EXPORT = "from textgan_bench.methods.bigram import BigramGAN"

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FILES[name], encoding="utf-8")


@pytest.fixture
def newcomer(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the recipes of this one, whose modules are found beside the package's."""
    shutil.copytree(ROOT / "benchmarks", "benchmarks", dirs_exist_ok=True)
    for package in (methods, metrics, functional, datamodules):
        folder = checkout.joinpath(*package.__name__.split("."))
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    for module in ("methods.bigram", "metrics.repetition", "functional.repetition"):
        monkeypatch.delitem(sys.modules, f"textgan_bench.{module}", raising=False)
    monkeypatch.delitem(sys.modules, "datamodules.proverbs", raising=False)
    return checkout


def test_every_file_of_the_page_is_run() -> None:
    assert [*FILES] == [
        "textgan_bench/methods/bigram.py",
        "benchmarks/rows/generation/bigram.yaml",
        "benchmarks/rows/generation/bigram-quick.yaml",
        "datamodules/proverbs.py",
        "benchmarks/proverbs/data.yaml",
        "textgan_bench/functional/repetition.py",
        "textgan_bench/metrics/repetition.py",
        "tests/metrics/test_repetition.py",
        "leaderboard/published/example2020.json",
    ]


def test_the_method_of_the_page_trains_and_writes_a_record(
    newcomer: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(newcomer, *(name for name in FILES if "bigram" in name))
    assert f"```python\n{EXPORT}\n```" in PAGE
    kind = importlib.import_module("textgan_bench.methods.bigram").BigramGAN
    monkeypatch.setattr(methods, "BigramGAN", kind, raising=False)
    smoke = command("bench", "bigram", "--budget", "smoke")
    assert smoke.status == 0, smoke.err
    assert "bigram" in smoke.out
    (record,) = newcomer.glob("runs/hmm/bigram/smoke-seed0/records/hmm/bigram-*.json")
    assert leaderboard.load(record).scores["oracle_nll"] > 0
    assert budgets("bigram", Path("benchmarks/hmm")) == ["paper", "smoke", "quick"]


@pytest.mark.slow
def test_the_method_of_the_page_keeps_the_contract(tmp_path: Path) -> None:
    for name in ("textgan_bench", "datamodules", "benchmarks", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    put(tmp_path, *FILES)
    face = tmp_path / "textgan_bench/methods/__init__.py"
    text = face.read_text(encoding="utf-8").replace('"AAE",', '"AAE",\n    "BigramGAN",')
    face.write_text(text.replace("\n\n__all__", f"\n{EXPORT}\n\n__all__"), encoding="utf-8")
    for arguments in (
        ["tests.methods.test_golden_runs", "BigramGAN"],
        ["tests.benchmarks.test_recipes"],
        ["pytest", "-q", "-n0", "tests/methods", "-k", "BigramGAN"],
        ["pytest", "-q", "-n0", "tests/benchmarks/test_recipes.py", "-k", "recorded"],
        ["pytest", "-q", "-n0", METRIC],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=tmp_path,
            env={"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_data_set_of_the_page_is_a_table(
    newcomer: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(newcomer, *(name for name in FILES if "proverbs" in name))
    assert "```python\nfrom datamodules.proverbs import Proverbs\n```" in PAGE
    corpus = importlib.import_module("datamodules.proverbs").Proverbs
    monkeypatch.setattr(datamodules, "Proverbs", corpus, raising=False)
    monkeypatch.setattr(sources, "ROOT", newcomer / "data")
    lines = (f"A {a} in the {b} saves a {c}" for a, b, c in product("abcdefghijklmn", repeat=3))
    Path("folder").mkdir()
    Path("folder/proverbs.txt").write_text("\n".join(lines), encoding="utf-8")
    assert "lacks proverbs.txt; it must hold" in command.refused(
        "data", "proverbs", "--data_dir", newcomer / "benchmarks"
    )
    result = command("data", "proverbs", "--data_dir", "folder")
    assert result.out.startswith("proverbs: proverbs: 2,196 train, 274 validation, 274 test; ")
    score = ("score", "folder/proverbs.txt", "--data", "proverbs", "--data_dir", "folder")
    assert command(*score).status == 0


METRIC = "tests/metrics/test_repetition.py"


def test_the_metric_of_the_page_scores_a_text(newcomer: Path) -> None:
    put(newcomer, *(name for name in FILES if "repetition" in name))
    metric = importlib.import_module("textgan_bench.metrics.repetition").RepeatedWords()
    metric.update([["a", "a"], ["a", "cat"]])
    assert float(metric.compute()["repeated_words"]) == 0.5
    (column,) = re.findall(r"^   Column\(.*\)$", PAGE, re.MULTILINE)
    assert eval(column, vars(columns)).key == "repeated_words"
    examples = importlib.import_module("doctest").testmod(sys.modules[type(metric).__module__])
    assert examples.attempted > examples.failed == 0
    tests: dict[str, object] = {}
    exec(FILES[METRIC], tests)
    for name, test in tests.items():
        if name.startswith("test_") and callable(test):
            test()


def test_the_published_table_of_the_page_is_rendered(newcomer: Path) -> None:
    put(newcomer, "leaderboard/published/example2020.json")
    leaderboard.render()
    page = Path("leaderboard/tables/hmm.md").read_text(encoding="utf-8")
    assert "Example (2020), A text GAN, Table 3" in page
    assert "| *ExampleGAN* | *paper* | *3* | *3.4 ± 0.05* |" in page
