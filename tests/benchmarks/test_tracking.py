"""The sweep and the report of W&B, as far as they can be carried out without its server."""

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import wandb
import yaml
from wandb.sdk.launch.sweeps import utils

from benchmarks.tracking import report
from textgan_bench.cli.main import parse
from textgan_bench.errors import UserError
from textgan_bench.leaderboard.columns import column
from textgan_bench.training import tracking
from textgan_bench.training.row import Row
from textgan_bench.training.wandb_logger import BEST

ROOT = Path(__file__).parents[2]
SWEEP: dict[str, Any] = yaml.safe_load(
    (ROOT / "benchmarks/tracking/sweep.yaml").read_text(encoding="utf-8")
)


def expanded(choice: dict[str, Any]) -> list[str]:
    """The command of an agent that the server gives a choice of parameters."""
    arguments = utils.create_sweep_command_args(
        {"args": {name: {"value": value} for name, value in choice.items()}}
    )
    arguments |= {
        "env": ["/usr/bin/env"],
        "interpreter": ["python"],
        "program": [SWEEP["program"]],
    }
    words: list[str] = []
    for word in utils.create_sweep_command(SWEEP["command"]):
        is_macro = word.startswith("${")
        words += arguments[word[2:-1]] if is_macro else [word]
    return words


def test_each_choice_of_the_sweep_is_a_run_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    values = {name: each["values"] for name, each in SWEEP["parameters"].items()}
    folders = set()
    for chosen in itertools.product(*values.values()):
        start = ["/usr/bin/env", "python", "-m", "textgan_bench"]
        words = expanded(dict(zip(values, chosen, strict=True)))
        assert words[: len(start)] == start
        options = parse(words[len(start) :])
        assert (options["command"], options["method"]) == ("bench", "nagan")
        changes = tuple(sorted(options["changes"]))
        assert len(changes) == len(values)
        row = Row(options["method"], options["data"], 0, options["budget"], changes)
        folders.add(row.run.folder)
        assert row.leaderboard != Path("leaderboard"), "no row of the leaderboard"
    assert len(folders) == 9


def test_the_sweep_chooses_by_a_best_value_that_the_summary_keeps() -> None:
    name, _, kept = SWEEP["metric"]["name"].rpartition(".")
    section, _, key = name.partition("/")
    assert section == "validation"
    assert kept in BEST[column(key).better].split(",")
    assert {"min": "minimize", "max": "maximize"}[kept] == SWEEP["metric"]["goal"]


def spec(*arguments: Any, **options: Any) -> dict[str, Any]:
    pytest.importorskip("wandb_workspaces")
    built = report.build("ann", "thesis", "hmm", *arguments, **options)
    content: dict[str, Any] = json.loads(
        built._to_model().spec.model_dump_json(by_alias=True, exclude_none=True)
    )
    return content


def panels(content: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    grids = [block for block in content["blocks"] if block["type"] == "panel-grid"]
    sections = [grid["metadata"]["panelBankSectionConfig"]["panels"] for grid in grids]
    return [panel for panel in itertools.chain(*sections) if panel["viewType"] == kind]


def test_the_report_draws_scores_by_generator_updates() -> None:
    content = spec(["nagan", "mle"], ["reverse_lm/kn4", "bleu_b/5"])
    lines = [panel["config"] for panel in panels(content, "Run History Line Plot")]
    assert [line["metrics"] for line in lines] == [
        ["validation/reverse_lm/kn4"],
        ["validation/bleu_b/5"],
    ]
    assert {line["xAxis"] for line in lines} == {"generator_updates"}
    assert {line["groupArea"] for line in lines} == {"stddev"}
    bars = [panel["config"] for panel in panels(content, "Bar Chart")]
    assert "test/bleu_b/5" in json.dumps(bars[1]["metrics"])
    text = json.dumps(content)
    assert "test/samples" in text
    filters = [
        run_set["filters"]
        for block in content["blocks"]
        if block["type"] == "panel-grid"
        for run_set in block["metadata"]["runSets"]
    ]
    assert len(filters) == 4
    for each in map(json.dumps, filters):
        assert "hmm" in each
        assert "nagan" in each
        assert "mle" in each


def test_no_panels_of_the_report_lie_on_each_other() -> None:
    content = spec()
    for kind in ("Run History Line Plot", "Bar Chart"):
        places = [panel["layout"] for panel in panels(content, kind)]
        assert len(places) == len(report.SCORES)
        assert len({(each["x"], each["y"]) for each in places}) == len(places)
        assert all(each["x"] + each["w"] <= 24 for each in places)


def test_a_score_that_there_is_not_is_refused() -> None:
    pytest.importorskip("wandb_workspaces")
    with pytest.raises(UserError, match=r"no score bleu_b5 \(did you mean bleu_b/5\?\)"):
        report.build("ann", "thesis", "hmm", [], ["bleu_b5"])


def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(sys, "argv", ["report", "--entity", "ann", "--data", "hmm"])
    with pytest.raises(SystemExit) as end:
        report.main()
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_without_the_extra_the_report_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    assert "pip install 'textgan_bench[report]'" in told(monkeypatch, capsys)


@pytest.fixture
def without_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("MODE", "API_KEY", "BASE_URL"):
        monkeypatch.setenv(f"WANDB_{name}", "")
        monkeypatch.delenv(f"WANDB_{name}")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    wandb.teardown()
    yield
    wandb.teardown()


@pytest.mark.usefixtures("without_key")
def test_without_a_key_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="a report needs W&B's server, but there is no key, which"):
        tracking.require_server("a report")
    wandb.teardown()
    monkeypatch.setenv("WANDB_MODE", "offline")
    with pytest.raises(UserError, match="needs W&B's server, but WANDB_MODE=offline"):
        tracking.require_server("a report")


@pytest.mark.usefixtures("without_key")
def test_the_report_is_made_and_then_waits_for_a_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("wandb_workspaces")
    assert "there is no key, which `wandb login` stores" in told(monkeypatch, capsys)
