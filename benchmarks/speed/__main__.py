"""Carry out every script of this folder, print one table, write it and its history beside them.

What is measured on a GPU is a table of its own, written where there is one.
"""

import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module, metadata
from pathlib import Path

import torch

from benchmarks.speed import graphs, history
from benchmarks.speed.claims import ROUNDS, Claim, Texts, arguments, prepare, table
from textgan_bench.errors import print_anything
from textgan_bench.evaluation.provenance import commit

SCRIPTS = (
    "bleu",
    "bleu_growth",
    "self_bleu",
    "kneser_ney",
    "kneser_ney_scoring",
    "before",
    "hmm",
    "hmm_em",
    "evaluation",
    "sentence_encoder",
    "validation",
    "trainer",
    "nagan_growth",
    "ranks",
    "busy",
    "nagan",
    "nagan_decipherment",
    "launches",
    "sampling",
    "rollouts",
    "leakgan",
    "vectorised_runs",
    "arae",
)
PACKAGES = "numpy", "torch", "fast-bleu", "nltk", "kenlm", "hmmlearn"
RESULTS = Path(__file__).parent / "results.md"
HISTORY = RESULTS.with_name("history.csv")
GPU_RESULTS = RESULTS.with_name("results-gpu.md")


def gpu_report(claims: list[Claim], text: str) -> str:
    return f"""# Speed on a GPU

Written by `make speed` where there is a GPU: one run, every comparison interleaved, medians of
{ROUNDS} rounds of the device's own time. What each line measures: the first lines of `graphs.py`.

{table(claims)}

{torch.cuda.get_device_name()}. Lengths of COCO: {text}.
Python {platform.python_version()}, torch {torch.__version__}, triton {metadata.version("triton")}.
Commit {commit()}.
"""


def report(claims: list[Claim], text: str, missing: Sequence[str]) -> str:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    return f"""# Speed

Written by `make speed`: one run, every comparison interleaved, outputs checked against each other
before; medians of {ROUNDS} rounds of the processor time of one thread, where a script does not say
otherwise. Ratios are what carries over to another machine, milliseconds are not. What each line
measures: the first lines of its script.

{table(claims)}
{f"{chr(10)}Interrupted before: {', '.join(missing)}.{chr(10)}" if missing else ""}
Text: {text}.
Python {platform.python_version()} on {platform.machine()}, {versions}.
"""


def main() -> None:
    print_anything()
    texts = prepare(arguments())
    measured = commit()  # the results, once written, are a change of their own
    claims: list[Claim] = []
    for done, name in enumerate(SCRIPTS, start=1):
        print(f"{name} ...", file=sys.stderr)
        claims += import_module(f"benchmarks.speed.{name}").measure(texts)
        RESULTS.write_text(report(claims, texts.name, SCRIPTS[done:]), encoding="utf-8")
    claims += on_gpu(texts)
    history.append(claims, measured, datetime.now(UTC).isoformat(timespec="seconds"), HISTORY)
    print(table(claims))
    missed = [claim.name for claim in claims if claim.holds is False]
    if missed:
        sys.exit(f"missed: {'; '.join(missed)}")


def on_gpu(texts: Texts) -> list[Claim]:
    if not torch.cuda.is_available():
        print(f"no GPU here: {GPU_RESULTS.name} stays as it was", file=sys.stderr)
        return []
    claims = graphs.measure(texts)
    GPU_RESULTS.write_text(gpu_report(claims, texts.name), encoding="utf-8")
    return claims


if __name__ == "__main__":
    main()
