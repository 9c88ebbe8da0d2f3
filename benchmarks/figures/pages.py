"""Fill in the parts of pages that are made of numbers: ``make tables`` and ``make figures``.

A part stands between ``<!-- NAME: make tables -->`` and ``<!-- /NAME -->``. The
records, the tables and the CSV files of the repository determine it; no run is needed.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.figures import (
    claims,
    editing,
    embedding_scores,
    entailment,
    reverse_perplexity,
    trials,
    trust,
)
from textgan_bench.files import replace_text
from textgan_bench.leaderboard import load
from textgan_bench.leaderboard.tables import CHEATS

SAMPLES = "snli-arae/arae-quick-seed1-59f5d390c3af"
"""The record whose samples the front page shows; ``benchmarks.figures.samples`` keeps its text."""
SHOWN = 5
ROWS = ("nagan.started",)
"""Variants that stand in a short table, too."""
FORWARD = ("LM score ≈", "Reverse LM ↓")
"""A forward score never stands alone."""
STOPGAP = "† Fixed discounts: the text was too uniform for those of Kneser and Ney."


def excerpt(data: str, *titles: str, short: bool = False) -> Callable[[], str]:
    """A function that writes some columns of the first block of a table.

    Args:
        data: name of the table.
        titles: columns beside method, budget and seeds.
        short: whether ablations and uniform words are left out.
    """

    def write() -> str:
        page = Path(f"leaderboard/tables/{data}.md").read_text(encoding="utf-8")
        block = page.split("\n## ")[1]
        lines = [line for line in block.splitlines() if line.startswith("|")]
        header, rule, *rows = (line.strip("| ").split(" | ") for line in lines)
        columns = [header.index(title) for title in ("Method", "Budget", "Seeds", *titles)]
        names = [row[0].partition(" ")[0] for row in rows]
        plain = [name in ROWS or not ("." in name or name == "uniform") for name in names]
        # Cheats stand in the whole tables: a page speaks of methods.
        kept = [
            row
            for row, name, shown in zip(rows, names, plain, strict=True)
            if name not in CHEATS and (shown or not short)
        ]
        chosen = [[row[i] for i in columns] for row in (header, rule, *kept)]
        text = "\n".join(f"| {' | '.join(row)} |" for row in chosen)
        return f"{text}\n\n{STOPGAP}" if "†" in text else text

    return write


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


PAGES: Mapping[Path, Mapping[str, Callable[[], str]]] = {
    Path("README.md"): {
        "excerpt": excerpt("coco", *FORWARD, "Words ≈", "BLEU-F ≈", "BLEU-B ↑", short=True),
        "samples": samples,
    },
    Path("docs/arae.md"): {
        "rows": excerpt("snli-arae", *FORWARD, "Words ≈", "Sentences ≈"),
        "transfer": excerpt(
            "yelp-transfer", "Transferred ≈", "BLEU to source", "G2 ↑", "H2 ↑", "Sentences ≈"
        ),
        "perplexities": reverse_perplexity.page,
        "entailment": entailment.page,
    },
    Path("docs/claims.md"): {"nagan": claims.page("nagan2021")},
    Path("docs/gumbel.md"): {
        "rows": excerpt("cfg", "Parsed to blank ↑", "Oracle NLL ≈", *FORWARD, "Sentences ≈"),
    },
    Path("docs/importance.md"): {
        "rows": excerpt("names", *FORWARD, "Sentences ≈", "Lengths ↓"),
    },
    Path("docs/latents.md"): {"editing": editing.page},
    Path("docs/metrics.md"): {"embeddings": embedding_scores.table},
    Path("docs/nagan.md"): {
        "hmm": trials.table(trials.TRIALS, "hmm"),
        "coco": trials.table(trials.TRIALS, "coco"),
    },
    Path("docs/trust.md"): {"columns": trust.table},
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
