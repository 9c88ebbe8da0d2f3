"""Table 6 of NAGAN's paper: how often a sentence can be given another word, and what it keeps.

    python -m benchmarks.figures.editing runs/coco/nagan.started/cpu-seed0

edits sentences of a run from one word to another for the pairs that the paper names, as far as the
run's vocabulary has them, and for random pairs of the 50 most frequent words of its training text;
prints the table, and writes every pair into ``editing.csv`` beside the run. A run of FMGAN has the
offset vector alone. A file that is named by ``--output`` keeps what it has of other runs.

Read into the paper, which does not say: a pair is ordered, and its words have a letter or a digit;
a frequent word is one of the training text; a named pair is tried on 100 sentences and a random one
on 10. Sentences edited are those that have the target word; overlap is their mean.
"""

import argparse
import csv
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import permutations
from pathlib import Path
from typing import NamedTuple

import torch
from tqdm import tqdm

from textgan_bench.errors import UserError, print_anything
from textgan_bench.evaluation.editing import POOL, RULES, Edit, Editor
from textgan_bench.evaluation.provenance import commit
from textgan_bench.files import replace_rows
from textgan_bench.interfaces import TextDataModule
from textgan_bench.tokens import UNKNOWN_TOKEN
from textgan_bench.training.run import Run
from textgan_bench.training.trained import load_generator

NAMED = (
    ("black", "white"),
    ("white", "black"),
    ("standing", "sitting"),
    ("sitting", "standing"),
)
EDITS = Path("docs/latents_editing.csv")
"""Of runs that have a record: ``docs/latents.md`` and Table 6 show them."""
FREQUENT = 50
OVERALL = "overall"
PUBLISHED = {
    "black → white": ("0.99 / 0.75", "0.72 / 0.39", "0.59 / 0.32"),
    "white → black": ("0.96 / 0.72", "0.40 / 0.47", "0.80 / 0.37"),
    "standing → sitting": ("1.00 / 0.71", "0.74 / 0.46", "0.81 / 0.30"),
    "sitting → standing": ("0.98 / 0.64", "0.75 / 0.45", "0.47 / 0.33"),
    OVERALL: ("0.76 / 0.47", "0.54 / 0.33", "0.62 / 0.24"),
}
"""Success and overlap of NAGAN by gradients, NAGAN and FMGAN by offset vectors, as printed."""
TITLES = ("NAGAN gradient, paper", "NAGAN offset, paper", "FMGAN offset, paper")


class Result(NamedTuple):
    """A line of ``editing.csv``: one rule on the sentences of one pair."""

    run: str
    """Data, method, budget and seed, and the code that edited."""
    pairs: str
    """``named`` or ``random``."""
    source: str
    target: str
    rule: str
    sentences: int
    edited: int
    overlap: float
    """Summed over the edited ones, so that lines can be added up."""

    @property
    def place(self) -> list[str]:
        """Data, method, budget and seed of the run."""
        return self.run.split(", ")[:4]


def frequent_pairs(data: TextDataModule, n: int, seed: int) -> list[tuple[str, str]]:
    """``n`` ordered pairs of frequent words, or all where there are fewer."""
    counts = Counter(word for sentence in data.sentences("train") for word in sentence)
    known = set(data.vocabulary.tokens) - {UNKNOWN_TOKEN}
    words = [
        word for word, _ in counts.most_common() if word in known and any(map(str.isalnum, word))
    ]
    pairs = list(permutations(words[:FREQUENT], 2))
    return random.Random(seed).sample(pairs, min(n, len(pairs)))


def measure(
    run: Run, rules: Sequence[str], sentences: int, pairs: int, each: int, pool: int, seed: int
) -> list[Result]:
    """Edit the sentences of a run.

    Args:
        run: a trained one.
        rules: those to try, of ``evaluation.editing``; none for all that the generator has.
        sentences: number of sentences of each named pair.
        pairs: number of random pairs.
        each: number of sentences of each random pair.
        pool: number of sentences that these are taken from, and that means are of.
        seed: of the sentences and of the pairs.

    Raises:
        UserError: its sentences cannot be edited, or not by one of the rules.
    """
    model, data = load_generator(run.folder)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    editor = Editor(model, data)
    place = run.load_config()["evaluate"]
    seed_of_run = run.load_config()["seed_everything"]
    row = (place["data"], place["method"], place["budget"], f"seed {seed_of_run}")
    name = ", ".join([*row, f"edited at {commit()}"])
    known = set(data.vocabulary.tokens)
    named = [pair for pair in NAMED if known.issuperset(pair)]
    drawn = frequent_pairs(data, pairs, seed)
    torch.manual_seed(seed)
    asked = {editor.pair(*pair): None for pair in (*named, *drawn)}
    written = editor.pool(list(asked), max(sentences, each), size=pool)
    results = []
    wanted = [*(("named", pair, sentences) for pair in named)]
    wanted += [*(("random", pair, each) for pair in drawn)]
    for kind, pair_words, n in tqdm(wanted, "pairs", disable=None):
        pair = editor.pair(*pair_words)
        if pair not in written.sources:
            print(f"no sentence has '{pair_words[0]}' and lacks '{pair_words[1]}'", file=sys.stderr)
            continue
        sources = type(written.sources[pair])(*(part[:n] for part in written.sources[pair]))
        for rule in rules or editor.rules:
            edits = editor.edit(pair, sources, rule, written)
            edited, overlap = kept(edits)
            results.append(
                Result(name, kind, pair_words[0], pair_words[1], rule, len(edits), edited, overlap)
            )
    return results


def kept(edits: Iterable[Edit]) -> tuple[int, float]:
    """How many succeeded, and the sum of their overlaps."""
    overlaps = [edit.overlap for edit in edits if edit.edited is not None]
    return len(overlaps), round(sum(overlaps), 4)


def scores(results: Sequence[Result]) -> tuple[str, dict[str, dict[str, float]]]:
    """Number of sentences in words, and for each rule the scores of Table 6 by their keys."""
    found: dict[str, dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        pair = f"{result.source}-{result.target}" if result.pairs == "named" else OVERALL
        found[result.rule][pair].append(result)
    tried = {
        pair: sum(each.sentences for each in of) for pair, of in next(iter(found.values())).items()
    }
    told = ", ".join(f"{n:,} sentences {pair}" for pair, n in tried.items())
    return told, {
        rule: {
            f"edit_{name}/{pair}": value
            for pair, of in pairs.items()
            for name, value in zip(("success", "overlap"), shares(of), strict=True)
            if value is not None
        }
        for rule, pairs in found.items()
    }


def shares(results: Sequence[Result]) -> tuple[float | None, float | None]:
    """Share of sentences that were edited, and what these kept; None of none."""
    sentences = sum(result.sentences for result in results)
    edited = sum(result.edited for result in results)
    kept = sum(result.overlap for result in results)
    return (
        round(edited / sentences, 4) if sentences else None,
        round(kept / edited, 4) if edited else None,
    )


def page() -> str:
    """The table of ``EDITS``, or how to make that file."""
    if not EDITS.exists():
        return (
            f"Not measured yet: `python -m benchmarks.figures.editing RUN --output {EDITS}` does."
        )
    return "\n\n".join(f"{table(of)}\n\n{run}." for run, of in by_run(load(EDITS)).items())


def by_run(results: Iterable[Result]) -> dict[str, list[Result]]:
    runs: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        runs[result.run].append(result)
    return runs


def load(path: Path) -> list[Result]:
    """Read what ``measure`` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Result(
                row["run"],
                row["pairs"],
                row["source"],
                row["target"],
                row["rule"],
                int(row["sentences"]),
                int(row["edited"]),
                float(row["overlap"]),
            )
            for row in csv.DictReader(file)
        ]


def table(results: Sequence[Result]) -> str:
    """Success and overlap for each pair that is named, and over all random ones, in Markdown.

    A dash stands where nothing was edited.
    """
    lines: dict[str, dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        pair = f"{result.source} → {result.target}" if result.pairs == "named" else OVERALL
        lines[pair][result.rule].append(result)
    rules = [rule for rule in RULES if any(rule in line for line in lines.values())]
    header = ["success / overlap", "sentences", *rules, *TITLES]
    rows = [header, ["---", *("---:" for _ in header[1:])]]
    for pair, line in lines.items():
        tried = max(sum(each.sentences for each in found) for found in line.values())
        cells = [cell(line[rule]) for rule in rules]
        rows.append([pair, f"{tried:,}", *cells, *PUBLISHED[pair]])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def cell(results: Sequence[Result]) -> str:
    success, overlap = shares(results)
    if success is None:
        return "–"
    return f"{success:.2f} / {'–' if overlap is None else f'{overlap:.2f}'}"


def main(run: Path, output: Path | None, **arguments: int | list[str]) -> None:
    """Print the table and write the CSV file.

    Raises:
        SystemExit: the run cannot be edited, or ``output`` is a file of something else.
    """
    print_anything()
    path = output or run / "editing.csv"
    try:
        before = load(path) if path.exists() else []
    except (KeyError, ValueError) as error:
        sys.exit(f"editing: {path} holds no edits ({error}); --output names another file")
    try:
        results = measure(Run(run), **arguments)  # type: ignore[arg-type]
    except UserError as error:
        sys.exit(f"editing: {error}")
    new = [result.place for result in results]
    others = [result for result in before if result.place not in new]
    replace_rows(path, Result._fields, [*others, *results])
    print(table(results), path, sep="\n\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="editing", description="Table 6 of NAGAN's paper.")
    parser.add_argument("run", type=Path, help="folder of a run of NAGAN or FMGAN")
    parser.add_argument("--output", type=Path, help="CSV file (editing.csv of the run)")
    parser.add_argument("--rules", nargs="+", choices=list(RULES), default=[], help="(all)")
    for name, value, what in (
        ("sentences", 100, "of each named pair"),
        ("pairs", 100, "random pairs"),
        ("each", 10, "sentences of each random pair"),
        ("pool", POOL, "sentences that they are taken from, and that offsets are means of"),
        ("seed", 0, "of the sentences and of the pairs"),
    ):
        parser.add_argument(f"--{name}", type=int, default=value, help=f"{what} (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main(**vars(arguments()))
