"""``edit``: sentences of a trained run, one word of them changed by way of their latents."""

import statistics
import sys
from pathlib import Path

import torch

from textgan_bench.errors import UserError
from textgan_bench.evaluation.editing import OFFSET, POOL, Editor
from textgan_bench.training.trained import load_generator


def edit(run: Path, *, source: str, target: str, n: int, rule: str, seed: int) -> None:
    """Print ``n`` sentences that have the word ``source``, each with its edit to ``target``.

    Columns are separated by tabs; an edit that failed has dashes. How many succeeded, and how much
    of them stayed, goes to standard error.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint.
        UserError: its method has no latents to be moved, the vocabulary lacks a word, or no
            sentence has the one and lacks the other.
    """
    model, data = load_generator(run)
    editor = Editor(model, data)
    pair = editor.pair(source, target)
    torch.manual_seed(seed)
    pool = editor.pool([pair], n, whole=rule == OFFSET)
    if pair not in pool.sources:
        raise UserError(f"none of {POOL:,} sentences has '{source}' and lacks '{target}'")
    if rule == OFFSET and pool.offset(pair) is None:
        raise UserError(f"none of {POOL:,} sentences has '{target}': there is no offset to it")
    edits = editor.edit(pair, pool.sources[pair], rule, pool)
    rows = [["position", "steps", "overlap", "source", "edited"]]
    for each in edits:
        done = each.edited is not None
        rows.append(
            [
                "–" if each.position is None else str(each.position),
                "–" if each.steps is None else str(each.steps),
                f"{each.overlap:.2f}" if done else "–",
                " ".join(each.source),
                " ".join(each.edited or ["–"]),
            ]
        )
    sys.stdout.write("".join("\t".join(row) + "\n" for row in rows))
    stayed = [each.overlap for each in edits if each.edited is not None]
    kept = f", mean overlap {statistics.fmean(stayed):.2f}" if stayed else ""
    few = f" ({n} were asked for)" if len(edits) < n else ""
    print(f"{len(stayed)} of {len(edits)} edited{few}{kept}", file=sys.stderr)
