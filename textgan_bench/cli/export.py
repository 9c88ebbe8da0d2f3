"""``export``: a row of the leaderboard as metadata of a model on the Hugging Face Hub."""

import sys
from pathlib import Path
from typing import Any

from textgan_bench import leaderboard
from textgan_bench.errors import UserError
from textgan_bench.files import replace_text
from textgan_bench.leaderboard.export import as_yaml, eval_results, model_index


def export(
    record: Path, *, form: str, dataset: str | None, url: str | None, output: Path | None
) -> None:
    """Print or write the mean scores of the row that a record is one seed of.

    Args:
        record: its file.
        form: ``eval_results``, a file below ``.eval_results`` of a model's repository, or
            ``model-index``, to stand in the head of its card.
        dataset: the name of the data set on the Hub.
        url: where the record can be read.
        output: the file to be written.

    Raises:
        UserError: the record cannot be used, is an anchor, or an argument is no name or address.
    """
    first = leaderboard.load(record)
    if first.source == "anchor":
        raise UserError(f"{record} is an anchor, {first.method}: no model wrote its text")
    row = [first]
    root = record.parent.parent.parent
    if record.resolve() == first.path(root).resolve():
        records, refused = leaderboard.usable_records(root)
        for error in refused:
            print(f"left out: {error}", file=sys.stderr)
        row = leaderboard.seeds(first, records)
    content: Any = (
        eval_results(row, dataset, url)
        if form == "eval_results"
        else model_index(row, dataset, url)
    )
    text = as_yaml(content)
    if output is None:
        print(text, end="")
    else:
        replace_text(output, text)
        print(output)
