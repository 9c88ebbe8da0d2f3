"""Rows as metadata of the Hugging Face Hub, read back by its own library."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import eval_result_entries_to_yaml, parse_eval_result_entries
from huggingface_hub.repocard_data import (
    eval_results_to_model_index,
    model_index_to_eval_results,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.checkout import Command
from tests.leaderboard.test_leaderboard import HOSTILE, ORACLE, RUN, SECOND_SEED
from textgan_bench import leaderboard
from textgan_bench.leaderboard.export import as_yaml, eval_results, model_index

ROW = [RUN, SECOND_SEED]
URL = "https://example.org/leaderboard"


def test_the_hub_reads_a_row_as_entries() -> None:
    content = yaml.safe_load(as_yaml(eval_results(ROW, "ann/hmm", URL)))
    entries = parse_eval_result_entries(content)
    assert eval_result_entries_to_yaml(entries) == content, "the library writes the same"
    by_task = {entry.task_id: entry for entry in entries}
    assert len(by_task) == len(RUN.scores)
    entry = by_task["reverse_lm-kn4"]
    assert entry.value == pytest.approx((4.5 + 4.7) / 2, rel=1e-15)
    assert (entry.dataset_id, entry.source_url) == ("ann/hmm", URL)
    assert entry.notes is not None
    assert entry.notes.startswith(
        "Reverse LM ↓, mean of 2 seeds ± 0.141; hmm revision 0123456789ab"
    )
    assert "1,000 updates instead of 19,550" in entry.notes
    assert "profile nagan" in entry.notes


def test_the_hub_reads_a_row_as_a_model_index() -> None:
    content = yaml.safe_load(as_yaml(model_index(ROW, None, URL)))
    name, results = model_index_to_eval_results(content["model-index"])
    assert name == "nagan"
    assert eval_results_to_model_index(name, results) == content["model-index"]
    (oracle,) = (each for each in results if each.metric_type == "oracle_gap")
    assert oracle.metric_value == pytest.approx(0.12, rel=1e-12)
    assert (oracle.dataset_type, oracle.dataset_revision) == ("hmm", "0123456789ab")
    assert oracle.metric_args is not None
    assert oracle.metric_args["seeds"] == 2


def test_a_submitted_row_says_so_and_where_its_paper_is() -> None:
    row = [replace(RUN, source="submitted", paper=URL, samples_hash="0" * 64)]
    (entry, *_) = parse_eval_result_entries(eval_results(row, "ann/hmm"))
    assert entry.source_url == URL
    assert f"text submitted by the authors of {URL}" in str(entry.notes)
    cited = [replace(row[0], paper="Ann (2026)")]
    assert "source" not in eval_results(cited, "ann/hmm")[0]


@pytest.mark.parametrize("form", [eval_results, model_index])
def test_text_of_a_record_stays_text(form: Callable[..., Any]) -> None:
    hostile = replace(
        RUN, method=HOSTILE, data_source=HOSTILE, budget_label=HOSTILE, scores={HOSTILE: 1.0}
    )
    content = form([hostile], "ann/hmm")
    text = as_yaml(content)
    assert all(line.isprintable() for line in text.splitlines())
    assert yaml.safe_load(text) == yaml.safe_load(yaml.safe_dump(content)) or "�" in text


@given(
    st.recursive(
        st.text(st.characters(exclude_categories=["C", "Z"]))
        | st.floats(-1e9, 1e9)
        | st.integers(),
        lambda inner: st.lists(inner, min_size=1) | st.dictionaries(st.text("ab:#'\""), inner),
        max_leaves=8,
    )
)
def test_yaml_is_what_another_library_reads(content: Any) -> None:
    """Blanks and characters that nothing prints are left out of it before."""
    assert yaml.safe_load(as_yaml(content)) == content


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--format", "eval_results"], ".eval_results names a data set of the Hub, OWNER/NAME"),
        (["--format", "eval_results", "--dataset", "hmm"], "--dataset hmm: "),
        (["--format", "model-index", "--dataset", "a b"], "the Hub names a data set OWNER/NAME"),
        (["--format", "model-index", "--url", "here"], "--url here is no address"),
        (["--format", "yaml"], "there is no format yaml; there are eval_results, model-index"),
    ],
)
def test_what_the_hub_would_refuse_is_refused(
    command: Command, arguments: list[str], complaint: str
) -> None:
    path = leaderboard.write(RUN)
    assert complaint in command.refused("export", path, *arguments)


def test_the_command_writes_the_mean_of_all_seeds(command: Command, tmp_path: Path) -> None:
    path = leaderboard.write(RUN)
    leaderboard.write(SECOND_SEED)
    result = command("export", path, "--format", "model-index")
    assert yaml.safe_load(result.out) == model_index(ROW)
    file = tmp_path / "nagan.yaml"
    asked = ("--format", "eval_results", "--dataset", "ann/hmm", "--output", file)
    assert command("export", path, *asked).out == f"{file}\n"
    assert yaml.safe_load(file.read_text(encoding="utf-8")) == eval_results(ROW, "ann/hmm")
    anchor = leaderboard.write(ORACLE)
    assert "is an anchor, oracle" in command.refused("export", anchor, "--format", "model-index")
