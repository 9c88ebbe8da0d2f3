"""Numbers of papers that are no scores of text: sizes, latencies and lengths, for their tables.

    python -m benchmarks.figures.measured sizes      # Table 12 of NAGAN's paper
    python -m benchmarks.figures.measured latency    # Table 15 of NAGAN's paper
    python -m benchmarks.figures.measured lengths    # figure 6 of Toth
    python -m benchmarks.figures.measured editing    # Table 6 of NAGAN's paper

writes ``leaderboard/measured/<name>.json``, and the tables anew. Sizes are those of the recipes of
the paper's budget; latencies are those of one thread of this machine, of networks that are not
trained; lengths are those of names that a run of the paper's budget wrote; edits are those of
``docs/latents_editing.csv``, which ``benchmarks.figures.editing`` writes.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser
from torch import nn

from benchmarks.figures import editing
from benchmarks.speed.claims import medians
from benchmarks.speed.nagan import random_batch, settings
from benchmarks.speed.sampling import WithLengths
from textgan_bench import leaderboard
from textgan_bench.evaluation.provenance import commit, hardware
from textgan_bench.files import replace_text
from textgan_bench.interfaces import TextGenerator
from textgan_bench.methods import NAGAN, TransformerMLE
from textgan_bench.reading import read_sentences
from textgan_bench.recipes import PAPER, content, layers, merged
from textgan_bench.tokens import length_mask
from textgan_bench.training.row import Row
from textgan_bench.training.trained import load_generator

COCO = 4_839, 32
"""Symbols with padding, and words of a caption, as the paper has them."""
METHODS = (
    "mle",
    "mle_transformer",
    "seqgan",
    "leakgan",
    "irl",
    "relgan",
    "fmgan",
    "scratchgan",
    "nagan",
)
PLAYERS = {
    "generator": ("generator", "manager", "worker"),
    "discriminator": ("discriminator", "reward"),
}
"""Attributes of a method that are the networks of a player; no copy or encoder is among them."""
BATCH = 32
ROUNDS = 15
NAME = 9
"""Letters of the longest name."""

Rows = list[dict[str, Any]]


def sizes() -> tuple[str, Rows]:
    """Millions of parameters of both players; maximum likelihood has one."""
    rows = []
    for method in METHODS:
        model = build(method, "coco")
        scores = {
            f"{player}_parameters_millions": round(count(model, names) / 1e6, 4)
            for player, names in PLAYERS.items()
            if count(model, names)
        }
        rows.append(row(method, "coco", "", scores))
    return f"parameters of the recipes' networks, {COCO[0] - 1:,} words, at {commit()}", rows


def build(method: str, data: str) -> TextGenerator:
    """The method of a recipe at the paper's budget, not trained."""
    settings = plain(merged(("", content(path)) for path in layers(method, data, PAPER))["model"])
    shape = dict(zip(("vocab_size", "max_length"), COCO, strict=True))
    settings["init_args"] = settings.get("init_args", {}) | shape
    parser = ArgumentParser()
    parser.add_subclass_arguments(TextGenerator, "model")
    model: TextGenerator = parser.instantiate(parser.parse_object({"model": settings})).model
    return model


def plain(settings: Any) -> Any:
    """Sections of settings as dictionaries of their values."""
    if isinstance(settings, dict):
        return {key: plain(value) for key, value in settings.items()}
    return settings.value


def count(model: nn.Module, names: Iterable[str]) -> int:
    parts = [getattr(model, name) for name in names if hasattr(model, name)]
    # Embeddings that are shared are one.
    parameters = {id(each): each for part in parts for each in part.parameters()}
    return sum(each.numel() for each in parameters.values())


def latency() -> tuple[str, Rows]:
    """Milliseconds of a step of the generator, and of the sentences of a batch."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    coco = next(setting for setting in settings() if setting.name == "COCO")
    batch = random_batch(coco.lengths[:: len(coco.lengths) // BATCH], *COCO)
    nagan, mle = NAGAN(*COCO), TransformerMLE(*COCO)
    nagan.length_counts += torch.bincount(batch.lengths, minlength=COCO[1] + 1)
    optimizer, _ = nagan.configure_optimizers()
    adam = mle.configure_optimizers()
    mask = length_mask(batch.lengths, COCO[1])

    def generator_step() -> None:
        optimizer.zero_grad()
        with nagan.frozen(nagan.discriminator):
            nagan.generator_loss(mask).backward()
        optimizer.step()

    def likelihood_step() -> None:
        adam.zero_grad()
        mle.nats_per_word(batch).backward()
        adam.step()

    writer = WithLengths(mle.generator, batch.lengths, COCO[0])
    calls: dict[str, Callable[[], object]] = {
        "nagan generator_step": generator_step,
        "mle_transformer generator_step": likelihood_step,
        "nagan sample": lambda: nagan.sample(BATCH),
        "mle_transformer sample": lambda: writer.sample(BATCH, 1.0),
    }
    for call in calls.values():
        call()  # the first call makes buffers
    times = medians(calls, ROUNDS)
    rows = [
        row(
            method,
            "coco",
            "one thread of a processor",
            {
                f"{kind}_ms": round(1000 * times[f"{method} {kind}"], 2)
                for kind in ("generator_step", "sample")
            },
        )
        for method in ("mle_transformer", "nagan")
    ]
    words = float(batch.lengths.float().mean())
    source = (
        f"networks of the paper's size, not trained, captions of {words:.1f} words of "
        f"{COCO[0] - 1:,}, median of {ROUNDS}, {hardware(torch.device('cpu'), 1)}, at {commit()}"
    )
    return source, rows


def lengths() -> tuple[str, Rows]:
    """Share of names of 1 to 9 letters, real and generated.

    Raises:
        SystemExit: the run is missing.
    """
    run = Row("importance", "names", 0, PAPER).run
    if not run.samples.exists():
        sys.exit(f"{run.samples} is missing: make bench METHOD=importance DATA=names BUDGET=paper")
    _, data = load_generator(run.folder)
    names = {"real": data.sentences("test"), "importance": read_sentences(run.samples)}
    rows = []
    for method, texts in names.items():
        counts = Counter(map(len, texts))
        scores = {f"length_share/{n}": round(counts[n] / len(texts), 6) for n in range(1, NAME + 1)}
        label = "test names" if method == "real" else run.load_config()["evaluate"]["budget_label"]
        rows.append(row(method, "names", f"{label}; {len(texts):,} names", scores))
    return f"{data.source}; at {commit()}", rows


def edits() -> tuple[str, Rows]:
    """Success and overlap of each way to edit; its row is called ``nagan.started adam``.

    Raises:
        SystemExit: nothing was edited, or a run that was has no record.
    """
    if not editing.EDITS.exists():
        sys.exit(
            f"{editing.EDITS} is missing: python -m benchmarks.figures.editing RUN --output "
            f"{editing.EDITS}"
        )
    records = {
        (record.data, record.method, record.budget, f"seed {record.seed}"): record.scores
        for record in leaderboard.load_records()
    }
    rows = []
    runs = editing.by_run(editing.load(editing.EDITS))
    for run, results in runs.items():
        data, method, budget, seed, *_ = run.split(", ")
        told, scores = editing.scores(results)
        written = records.get((data, method, budget, seed))
        if written is None:
            sys.exit(f"{editing.EDITS} has edits of {run}, which has no record")
        told += (
            f"; of its samples {written['distinct_sentences']:.3f} are distinct, "
            f"of {written['distinct_words']:,.0f} words"
        )
        rows += [row(f"{method} {rule}", data, told, of, budget) for rule, of in scores.items()]
    return f"sentences of {'; '.join(runs)}", rows


def row(
    method: str, data: str, label: str, scores: dict[str, float], budget: str = PAPER
) -> dict[str, Any]:
    return {
        "method": method,
        "data": data,
        "budget": budget,
        "label": label,
        "scores": scores,
    }


KINDS = {"sizes": sizes, "latency": latency, "lengths": lengths, "editing": edits}


def main(name: str) -> Path:
    """Measure, and write the file and the tables."""
    source, rows = KINDS[name]()
    measured = {
        "made_by": f".venv/bin/python -m benchmarks.figures.measured {name}",
        "source": source,
        "rows": rows,
    }
    path = leaderboard.ROOT / "measured" / f"{name}.json"
    replace_text(path, json.dumps(measured, indent=2) + "\n")
    leaderboard.render()
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="measured", description="Measure what is no score.")
    parser.add_argument("name", choices=KINDS, help="of the file, leaderboard/measured/NAME.json")
    print(main(parser.parse_args().name))
