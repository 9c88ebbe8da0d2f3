"""Figure 3 of NAGAN's paper: generators beside each other by the length of the oracle's sentences.

    make bench METHOD=nagan.started DATA=hmm SET=data.init_args.corpus.init_args.max_length=10
    python -m benchmarks.figures.lengths runs/hmm/records/hmm/*.json

puts what those records say beside what is known (``docs/nagan_lengths.csv``), and ``make figures``
draws it. The paper prints no values. Entropies of lengths differ, and with them what a language
model can reach: so both scores are drawn above the entropy.
"""

import argparse
import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt

from datamodules.hmm import LENGTH
from textgan_bench.errors import UserError
from textgan_bench.files import replace_rows
from textgan_bench.leaderboard import Record, load

LENGTHS = Path("docs/nagan_lengths.csv")
PANELS = {
    "gap": "oracle NLL of samples",
    "reverse": "reverse LM score",
}
STYLES = {"": ("NAGAN", "o-"), ".gumbel": ("AR (Gumbel)", "s--"), ".soft": ("AR (soft)", "^-.")}
"""What the legend calls a generator, by the end of the method's name, and its line."""

CHANGES = ("data.corpus.max_length=", "trainer.max_epochs=")
"""Settings that a run may have otherwise than its recipe."""


class Result(NamedTuple):
    """A line of the CSV: a run at its test, scores in nats a word above the entropy."""

    method: str
    length: int
    seed: int
    batches: int
    commit: str
    words: int
    gap: float
    reverse: float


def result(record: Record) -> Result:
    """What the figure takes from a record.

    Raises:
        UserError: it is none of a run on the HMM, or of one with other settings.
    """
    if record.data != "hmm" or record.source != "run":
        raise UserError(f"{record.method} on {record.data} is no run on the HMM")
    _, *changes = record.budget.split("+")
    if other := [each for each in changes if not each.startswith(CHANGES)]:
        raise UserError(f"{record.method} has {other[0]}: name records of the recipe's settings")
    corpus = record.config["data"]["init_args"]["corpus"].get("init_args", {})
    scores = record.scores
    entropy = scores["oracle_nll"] - scores["oracle_gap"]
    return Result(
        record.method,
        corpus.get("max_length", LENGTH),
        record.seed,
        record.training_updates or record.generator_updates,
        record.commit[:7],
        round(scores["distinct_words"]),
        round(scores["oracle_gap"], 3),
        round(scores["reverse_lm/kn4"] - entropy, 3),
    )


def read(path: Path = LENGTHS) -> list[Result]:
    """The results that are known."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        return [
            Result(
                method=row["method"],
                length=int(row["length"]),
                seed=int(row["seed"]),
                batches=int(row["batches"]),
                commit=row["commit"],
                words=int(row["words"]),
                gap=float(row["gap"]),
                reverse=float(row["reverse"]),
            )
            for row in csv.DictReader(file)
        ]


def merged(known: Iterable[Result], new: Iterable[Result]) -> list[Result]:
    """All results, in order; of two of the same run the new one."""
    runs = {(each.method, each.length, each.seed, each.batches): each for each in (*known, *new)}
    return sorted(runs.values())


def draw(folder: Path, path: Path = LENGTHS) -> Path:
    """Write the figure: a line is the mean over seeds, dots are the seeds.

    Raises:
        UserError: nothing is known.
    """
    results = read(path)
    if not results:
        raise UserError(f"{path} is missing: python -m benchmarks.figures.lengths RECORD… makes it")
    mpl.rcParams["svg.hashsalt"] = "nagan"
    figure, axes = plt.subplots(1, len(PANELS), figsize=(10, 4.2), layout="constrained")
    lengths = sorted({each.length for each in results})
    for panel, (score, title) in zip(axes, PANELS.items(), strict=True):
        for number, (ending, (name, style)) in enumerate(STYLES.items()):
            points: dict[int, list[float]] = {}
            for each in results:
                if each.method == f"nagan.started{ending}":
                    points.setdefault(each.length, []).append(getattr(each, score))
            means = [sum(values) / len(values) for values in points.values()]
            panel.plot(list(points), means, style, color=f"C{number}", label=name)
            for length, values in points.items():
                panel.plot([length] * len(values), values, ".", color=f"C{number}", alpha=0.5)
        panel.axhline(0, color="0.4", linewidth=0.8, linestyle=":")
        panel.set(title=title, xlabel="words of a sentence", xticks=lengths)
        panel.title.set_fontsize(10)
    axes[0].set_ylabel("nats a word above the oracle's entropy")
    axes[0].legend(frameon=False, fontsize=9)
    counts = sorted({each.batches for each in results})
    seeds = len({each.seed for each in results})
    figure.supxlabel(
        f"nagan.started on hmm, {' or '.join(f'{n:,}' for n in counts)} batches of 64, "
        f"{seeds} seed{'s' * (seeds > 1)}: nearer to 0 is better",
        fontsize=8,
    )
    picture = folder / f"{path.stem}.svg"
    figure.savefig(picture, metadata={"Date": None})
    plt.close(figure)
    return picture


def main(records: list[Path], output: Path) -> None:
    """Add records to the CSV, but those of anchors, which lie beside them.

    Raises:
        SystemExit: a file is no record of such a run.
    """
    try:
        runs = (record for record in map(load, records) if record.source != "anchor")
        results = merged(read(output), map(result, runs))
    except UserError as error:
        sys.exit(f"lengths: {error}")
    replace_rows(output, Result._fields, results)
    print(f"{output}: {len(results)} runs")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lengths", description="Collect figure 3 of NAGAN.")
    parser.add_argument("records", type=Path, nargs="+", metavar="RECORD")
    parser.add_argument("--output", type=Path, default=LENGTHS, help="(%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main(**vars(arguments()))
