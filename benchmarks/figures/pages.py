"""Fill in the parts of pages that are made of numbers: ``make tables`` and ``make figures``.

A part stands between ``<!-- NAME: make tables -->`` and ``<!-- /NAME -->``. The
records, the tables and the CSV files of the repository determine it; no run is needed.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.figures import trials
from textgan_bench.files import replace_text
from textgan_bench.leaderboard import load

EXCERPT = "coco"
EXCERPT_COLUMNS = (
    "Method",
    "Budget",
    "Seeds",
    "LM score ≈",
    "Reverse LM ↓",
    "Words ≈",
    "BLEU-F ≈",
    "BLEU-B ↑",
)
SAMPLES = "snli-arae/arae-quick-seed1-59f5d390c3af"
"""The record whose samples the front page shows; ``benchmarks.figures.samples`` keeps its text."""
SHOWN = 5


def excerpt() -> str:
    """The first block of a table: its main columns, without the ablations of a method."""
    page = Path(f"leaderboard/tables/{EXCERPT}.md").read_text(encoding="utf-8")
    block = page.split("\n## ")[1]
    lines = [line.strip("| ").split(" | ") for line in block.splitlines() if line.startswith("|")]
    header, rule, *rows = lines
    columns = [header.index(name) for name in EXCERPT_COLUMNS]
    kept = [row for row in rows if "." not in row[0].partition(" ")[0]]
    return table([[row[i] for i in columns] for row in (header, rule, *kept)])


def samples() -> str:
    """The first sentences that a run was scored on."""
    text = Path(f"leaderboard/samples/{SAMPLES}.txt").read_text(encoding="utf-8")
    quoted = "\n".join(text.splitlines()[:SHOWN])
    record = Path(f"leaderboard/records/{SAMPLES}.json")
    scored = load(record)
    return (
        f"The first {SHOWN} of {scored.num_samples:,} samples of `{scored.method}` on "
        f"`{scored.data}`, budget `{scored.budget}`, seed {scored.seed}\n"
        f"([record]({record})):\n\n```\n{quoted}\n```"
    )


def table(rows: list[list[str]]) -> str:
    """Rows of Markdown, the second of which is the rule below the header."""
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


PAGES: Mapping[Path, Mapping[str, Callable[[], str]]] = {
    Path("README.md"): {"excerpt": excerpt, "samples": samples},
    Path("docs/nagan.md"): {
        "hmm": trials.table(trials.HMM, "cpu recipe", 1_000),
        "hmm-earlier": trials.table(trials.HMM, "earlier recipe", 1_000),
        "hmm-gpu": trials.table(trials.HMM, "GPU", 2_000),
        "coco": trials.table(trials.COCO, "cpu recipe", 2_500),
        "coco-quick": trials.table(trials.COCO, "quick recipe", 500),
    },
}


def filled(page: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """A page with its parts written anew.

    Raises:
        ValueError: the page has no place for a part, or two.
    """
    for name, part in parts.items():
        first, last = f"<!-- {name}: make tables -->", f"<!-- /{name} -->"
        if (found := page.count(first)) != 1 or page.count(last) != 1:
            raise ValueError(f"{found} places for {name}: the page needs {first} … {last} once")
        before, _, rest = page.partition(first)
        page = f"{before}{first}\n\n{part()}\n\n{last}{rest.partition(last)[2]}"
    return page


def main() -> None:
    """Write the pages that have such parts."""
    for path, parts in PAGES.items():
        replace_text(path, filled(path.read_text(encoding="utf-8"), parts))
        print(path)


if __name__ == "__main__":
    main()
