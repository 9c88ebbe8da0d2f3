"""The offline file of a run of W&B, read by its published format.

A log in blocks of 32 KiB, as LevelDB writes it, of messages that ``wandb.proto`` defines: seven
bytes of a header, then pieces of a checksum, a length and a kind (whole, first, middle, last) each.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from wandb.proto import wandb_internal_pb2

BLOCK, HEADER = 32_768, 7
WHOLE, LAST = 1, 4


def messages(path: Path) -> Iterator[Any]:
    """The records of a file, in order."""
    content = path.read_bytes()
    assert content[:4] == b":W&B"
    place, parts = HEADER, b""
    while place < len(content):
        left = BLOCK - place % BLOCK
        if left < HEADER:
            place += left
            continue
        _, length, kind = struct.unpack("<IHB", content[place : place + HEADER])
        place += HEADER
        parts += content[place : place + length]
        place += length
        if kind in (WHOLE, LAST):
            message = wandb_internal_pb2.Record()  # type: ignore[attr-defined]
            message.ParseFromString(parts)
            yield message
            parts = b""


class Logged(NamedTuple):
    """What a file comes to."""

    run: Any
    """The message that began it: name, group, tags."""
    config: dict[str, Any]
    history: list[dict[str, Any]]
    summary: dict[str, Any]
    metrics: dict[str, Any]
    """The last definition of each, by its name."""
    artifacts: list[Any]


def logged(path: Path) -> Logged:
    """All of a file that a person sees in a browser."""
    run, artifacts = None, []
    config: dict[str, Any] = {}
    history: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    for message in messages(path):
        match message.WhichOneof("record_type"):
            case "run":
                run = message.run
                _lay(config, message.run.config.update)
            case "config":
                _lay(config, message.config.update)
            case "history":
                row: dict[str, Any] = {}
                _lay(row, message.history.item)
                history.append(row)
            case "summary":
                _lay(summary, message.summary.update)
            case "metric":
                metrics[message.metric.name or message.metric.glob_name] = message.metric
            case "artifact":
                artifacts.append(message.artifact)
    return Logged(run, config, history, summary, metrics, artifacts)


def _lay(content: dict[str, Any], items: Any) -> None:
    for item in items:
        *sections, key = item.nested_key or [item.key]
        inner = content
        for name in sections:
            inner = inner.setdefault(name, {})
        inner[key] = json.loads(item.value_json)
