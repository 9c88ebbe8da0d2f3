"""The reverse perplexities of ARAE's table, by a recurrent network, beside those it prints.

    python -m benchmarks.figures.reverse_perplexity runs/snli-arae/arae/cpu-seed0 [RUN …]

trains the language model of ``metrics.rnn_lm`` on samples of each run, and on training text, and
asks it for the perplexity of the test text; prints the table, and writes a row of each into a CSV
file as soon as it is known. A row that the file has, of as many samples, is not computed again. The
paper takes 100,000 samples, which are hours for a CPU; fewer score worse, so that rows of different
numbers do not compare, training text included: it is cut to the number of samples.
"""

import argparse
import csv
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from tqdm import tqdm

from textgan_bench.cli.sample import draw_sentences
from textgan_bench.errors import UserError, print_anything
from textgan_bench.files import replace_rows
from textgan_bench.interfaces import TextDataModule
from textgan_bench.metrics.language_models import RNN
from textgan_bench.metrics.perplexity import ReversePerplexity
from textgan_bench.tokens import Sentence
from textgan_bench.training.run import Run
from textgan_bench.training.trained import load_generator

PERPLEXITIES = Path("docs/arae_reverse_perplexity.csv")
"""Of runs that have a record, for the page to show."""
PUBLISHED = Path("leaderboard/published/arae2018.json")
KEY = "reverse_perplexity/rnn"
SAMPLES = 100_000
REAL = "real"
NAMES = {
    REAL: "Real data",
    "mle": "Language model",
    "mle_lstm": "Language model",
    "autoencoder": "Autoencoder",
    "arae": "ARAE",
    "aae": "Adversarial autoencoder",
}
"""What the paper calls a row; of VAEs it gives no figure, since they ignored their latents."""


class Row(NamedTuple):
    """A line of the CSV file."""

    data: str
    """Revision of the text."""
    method: str
    budget: str
    seed: str
    samples: int
    perplexity: float


def row_of(run: Run) -> tuple[str, str, str]:
    """Method, budget and seed of a run."""
    config = run.load_config()
    return (
        config["evaluate"]["method"],
        config["evaluate"]["budget"],
        str(config["seed_everything"]),
    )


def perplexity(sentences: Sequence[Sentence], data: TextDataModule) -> float:
    """Of the test text, under a recurrent network trained on ``sentences``."""
    metric = ReversePerplexity(data.sentences("test"), data.vocabulary, RNN())
    metric.to("cuda" if torch.cuda.is_available() else "cpu")
    metric.update(sentences)
    return float(metric.compute()[KEY])


def measure(runs: Sequence[Run], samples: int, seed: int, path: Path) -> list[Row]:
    """The rows of all runs and of their training text; ``path`` has each as soon as it is known.

    Raises:
        UserError: a run writes no sentences from nothing, or two are of different text.
    """
    rows = load(path) if path.exists() else []
    revision = None
    for run in tqdm(runs, "runs", disable=None):
        model, data = load_generator(run.folder)
        if revision not in (None, data.revision):
            raise UserError(f"{run.folder} was trained on other text than {runs[0].folder}")
        revision = data.revision
        real = data.sentences("train")[:samples]
        for name, n in (((REAL, "", ""), len(real)), (row_of(run), samples)):
            if any(row[:5] == (revision, *name, n) for row in rows):
                continue
            if name[0] == REAL:
                text = real
            else:
                torch.manual_seed(seed)
                model.to("cuda" if torch.cuda.is_available() else "cpu")
                text = draw_sentences(model, data, n)
            rows.append(Row(revision, *name, n, round(perplexity(text, data), 2)))
            replace_rows(path, Row._fields, rows)
    return rows


def load(path: Path) -> list[Row]:
    """Read what ``measure`` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Row(
                row["data"],
                row["method"],
                row["budget"],
                row["seed"],
                int(row["samples"]),
                float(row["perplexity"]),
            )
            for row in csv.DictReader(file)
        ]


def published() -> dict[str, str]:
    """What the paper prints, by its names of rows."""
    tables = json.loads(PUBLISHED.read_text(encoding="utf-8"))["tables"]
    rows = [row for table in tables if table["data"] == "snli-arae" for row in table["rows"]]
    return {row["method"]: row["scores"][KEY] for row in rows if KEY in row["scores"]}


def table(rows: Iterable[Row]) -> str:
    """The rows, those of the paper beside them, in Markdown."""
    printed = published()
    header = ["text of the language model", "budget", "seed", "sentences", "reverse PPL", "paper"]
    lines = [header, ["---", "---", *["---:"] * 4]]
    for row in rows:
        cells = [row.method, row.budget or "–", row.seed or "–", f"{row.samples:,}"]
        paper = printed.get(NAMES.get(row.method, ""), "–")
        lines.append([*cells, f"{row.perplexity:,.1f}", paper])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page() -> str:
    """The table of ``PERPLEXITIES``, or how to make that file."""
    if not PERPLEXITIES.exists():
        return (
            "Not measured yet: `python -m benchmarks.figures.reverse_perplexity RUN … --output "
            f"{PERPLEXITIES}` does."
        )
    return table(load(PERPLEXITIES))


def main(runs: Sequence[Path], samples: int, seed: int, output: Path) -> None:
    """Print the table and write the CSV file.

    Raises:
        SystemExit: a run cannot be sampled, or runs are of different text.
    """
    print_anything()
    try:
        rows = measure([*map(Run, runs)], samples, seed, output)
    except (UserError, FileNotFoundError) as error:
        sys.exit(f"reverse_perplexity: {error}")
    print(table(rows), output, sep="\n\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="reverse_perplexity", description="The table of reverse perplexities of ARAE."
    )
    parser.add_argument("runs", type=Path, nargs="+", help="folders of runs of one data set")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="of each (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the samples (%(default)s)")
    parser.add_argument(
        "--output", type=Path, default=Path("reverse_perplexity.csv"), help="CSV file (%(default)s)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main(**vars(arguments()))
