"""Draw the figures of the pages into ``docs/figures``: ``make figures``.

Those of NAGAN's trials and of its figure 3 come from ``docs``, those of trust and of its figure 2
from the records and their curves. Those of the other papers are read off logs, samples and
checkpoints in ``runs``; one whose runs are missing is left as it is, and the commands that make the
runs are named. ``--inside`` looks into one run and draws into its folder: latents of NAGAN, or the
first sentences of a decipherment.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import cases, gumbel, importance, latents, lengths, nagan, trust
from textgan_bench.errors import UserError
from textgan_bench.training.row import Row
from textgan_bench.training.run import Run

FOLDER = Path("docs/figures")


@dataclass(frozen=True)
class Drawing:
    """A figure and the rows of a table that it is drawn from."""

    name: str
    data: str
    methods: tuple[str, ...]
    draw: Callable[[Sequence[Run], Path, str], None]


FIGURES = (
    Drawing("gumbel_losses.svg", "cfg", gumbel.VARIANTS, gumbel.losses),
    Drawing("gumbel_samples.svg", "cfg", ("mle_lstm", *gumbel.VARIANTS), gumbel.samples),
    Drawing("importance_band.svg", "names", ("importance.band",), importance.band),
    Drawing("importance_lengths.svg", "names", ("importance",), importance.lengths),
    Drawing("importance_names.svg", "names", ("importance",), importance.forced),
)

LATENTS = tuple(
    Drawing(name, "coco", ("nagan.started",), draw)
    for name, draw in (
        ("latents_interpolation.svg", latents.interpolation),
        ("latents_lengths.svg", latents.lengths),
        ("latents_moves.svg", latents.moves),
        ("latents_layers.svg", latents.layers),
        ("latents_latency.csv", latents.latency),
    )
)


def main(budget: str, seed: int, inside: Path | None = None) -> None:
    """Draw what can be drawn, or the look inside one run alone.

    Raises:
        SystemExit: a run is missing, or is none that can be looked into.
    """
    if inside is not None:
        look(Run(inside))
        return
    drawn = [nagan.training(FOLDER), lengths.draw(FOLDER), trust.draw(FOLDER)]
    print(*nagan.draw(FOLDER), *drawn, sep="\n")
    missing: dict[str, list[str]] = {}
    for figure in (*FIGURES, *LATENTS):
        rows = [Row(method, figure.data, seed, budget) for method in figure.methods]
        absent = [row for row in rows if not row.run.samples.exists()]
        for row in absent:
            command = f"make bench METHOD={row.method} DATA={row.data} BUDGET={budget} SEED={seed}"
            missing.setdefault(command, []).append(figure.name)
        if not absent:
            figure.draw([row.run for row in rows], FOLDER / figure.name, budgets(rows))
            print(FOLDER / figure.name)
    for command, names in missing.items():
        print(f"without {', '.join(names)}: {command}", file=sys.stderr)
    sys.exit(bool(missing))


def look(run: Run) -> None:
    """Draw the look inside a run into its own folder, or the first texts that it deciphered."""
    try:
        place = run.load_config()["evaluate"]
        caption = f"{run.folder}: {place['method']} on {place['data']}, {place['budget_label']}."
        folder = run.folder / "figures"
        _, data = latents.opened(run)
        texts = data.aligned("test")
        if texts is not None:
            path = folder / "decipherment_cases.svg"
            cases.decipherments(run, texts, path, caption)
            print(path)
            return
        for figure in LATENTS:
            figure.draw([run], folder / figure.name, caption)
            print(folder / figure.name, flush=True)
    except UserError as error:
        sys.exit(f"figures: {error}")


def budgets(rows: Sequence[Row]) -> str:
    """What the runs spent, as it stands below the figure."""
    spent: dict[str, list[str]] = {}
    for row in rows:
        spent.setdefault(row.run.load_config()["evaluate"]["budget_label"], []).append(row.method)
    parts = (f"{', '.join(methods)}: {label}" for label, methods in spent.items())
    return f"Budget {rows[0].budget}. {'. '.join(parts)}."


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="figures", description="Draw the figures of the papers.")
    parser.add_argument("--budget", default="quick", help="of the runs (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the runs (%(default)s)")
    parser.add_argument("--inside", type=Path, help="folder of a run, the only one drawn")
    return parser.parse_args()


if __name__ == "__main__":
    main(**vars(arguments()))
