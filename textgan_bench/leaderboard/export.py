"""Rows as metadata of models on the Hugging Face Hub; standard library only.

``.eval_results/*.yaml`` in a model's repository says what a benchmark of the Hub measured, an entry
a score (https://huggingface.co/docs/hub/eval-results). ``model-index``, in the head of a model's
card, is what came before it, and names data sets that need not be benchmarks of the Hub.
"""

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from textgan_bench.errors import UserError, one_line
from textgan_bench.leaderboard.columns import column
from textgan_bench.leaderboard.records import Record, scores

DATASET = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)

ADDRESS = re.compile(r"https?://\S+")

PLAIN = re.compile(r"(?!(yes|no|on|off|true|false|null)$)[a-z][a-z_-]+")
"""A key that YAML reads as text without quotes."""

NAME = "textgan_bench"


def eval_results(
    records: Sequence[Record], dataset: str | None, url: str | None = None
) -> list[dict[str, Any]]:
    """The entries of an ``.eval_results`` file: the mean of each score over the seeds of a row.

    Args:
        records: the seeds of one row.
        dataset: the benchmark's data set on the Hub. Its ``eval.yaml`` has a task for each score,
            named as here: ``bleu_f-5`` is ``bleu_f/5``.
        url: where the result can be read.

    Raises:
        UserError: there is no such name of a data set, or address.
    """
    if dataset is None or not DATASET.fullmatch(dataset):
        raise UserError(
            f"--dataset {dataset or ''}: .eval_results names a data set of the Hub, OWNER/NAME, "
            "whose eval.yaml makes it a benchmark; model-index needs none"
        )
    source = _source(records[0], url)
    return [
        {
            "dataset": {"id": dataset, "task_id": key.replace("/", "-")},
            "value": statistics.fmean(values),
            **({"source": source} if source else {}),
            "notes": f"{_title(key)}{_spread(values)}; {_settings(records)}",
        }
        for key, values in sorted(scores(records).items())
    ]


def model_index(
    records: Sequence[Record], dataset: str | None = None, url: str | None = None
) -> dict[str, Any]:
    """``model-index`` of a model card: a result, whose metrics are the means over a row's seeds.

    Args:
        records: the seeds of one row.
        dataset: the data set on the Hub, if it has one.
        url: where the result can be read.

    Raises:
        UserError: there is no such name of a data set, or address.
    """
    if dataset is not None and not DATASET.fullmatch(dataset):
        raise UserError(f"--dataset {dataset}: the Hub names a data set OWNER/NAME")
    first = records[0]
    source = _source(first, url)
    result = {
        "task": {"type": "text-generation", "name": "Text generation"},
        "dataset": {
            "type": dataset or first.data,
            "name": one_line(first.data_source),
            "split": "test",
            "revision": first.data_revision,
        },
        "metrics": [
            {
                "type": key,
                "name": _title(key),
                "value": statistics.fmean(values),
                "args": {"seeds": len(values), **_deviation(values)},
            }
            for key, values in sorted(scores(records).items())
        ],
        **({"source": source} if source else {}),
    }
    return {"model-index": [{"name": one_line(first.method), "results": [result]}]}


def as_yaml(content: Any) -> str:
    """Objects, lists, text and numbers as YAML, values of text in quotes.

    >>> print(as_yaml([{"name": "a: b", "of": {"size": 1e-7}, "tags": ["x"]}]), end="")
    - name: "a: b"
      of:
        size: 1.0e-07
      tags:
        - "x"
    """
    return "".join(f"{line}\n" for line in _lines(content))


def _lines(content: Any) -> list[str]:
    if isinstance(content, Mapping) and content:
        lines = []
        for key, value in content.items():
            name = f"{key if PLAIN.fullmatch(key) else _scalar(key)}:"
            if isinstance(value, dict | list) and value:
                lines += [name, *(f"  {line}" for line in _lines(value))]
            else:
                lines.append(f"{name} {_scalar(value)}")
        return lines
    if isinstance(content, list) and content:
        lines = []
        for each in content:
            first, *rest = _lines(each)
            lines += [f"- {first}", *(f"  {line}" for line in rest)]
        return lines
    return [_scalar(content)]


def _scalar(value: Any) -> str:
    """A value as JSON has it. YAML reads it alike, but for unprintable characters and ``1e-07``."""
    text = json.dumps(one_line(value) if isinstance(value, str) else value, ensure_ascii=False)
    return re.sub(r"^(-?\d+)e", r"\1.0e", text) if isinstance(value, float) else text


def _title(key: str) -> str:
    shown = column(key)
    return f"{shown.title} {shown.better}".strip()


def _deviation(values: Sequence[float]) -> dict[str, float]:
    return {"deviation": statistics.stdev(values)} if len(values) > 1 else {}


def _spread(values: Sequence[float]) -> str:
    if len(values) == 1:
        return ", one seed"
    return f", mean of {len(values)} seeds ± {statistics.stdev(values):.3g}"


def _settings(records: Sequence[Record]) -> str:
    """What a number depends on, in one line."""
    first = records[0]
    made = (
        f"text submitted by the authors of {first.paper}"
        if first.source == "submitted"
        else f"made by {NAME} at {first.commit}"
    )
    knob = ", ".join(f"{name} {value:g}" for name, value in sorted(first.knob.items()))
    parts = [
        f"{first.data} revision {first.data_revision}",
        f"{first.num_samples} samples{f' at {knob}' if knob else ''}",
        f"budget {first.budget} ({first.budget_label})",
        made,
    ]
    parts += [f"{name} {value}" for name, value in sorted(first.fingerprint.items())]
    return one_line(", ".join(parts))


def _source(record: Record, url: str | None) -> dict[str, str]:
    """Where a result can be read; an address that the record itself names stands in."""
    address = url or record.paper
    if url is not None and not ADDRESS.fullmatch(url):
        raise UserError(f"--url {url} is no address: write https://…")
    if not ADDRESS.fullmatch(address):
        return {}
    return {"url": address, "name": f"{NAME} leaderboard" if url else one_line(record.method)}
