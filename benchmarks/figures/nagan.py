"""Draw the trials of NAGAN, and figure 2 of its paper.

Of the trials each run is a path in the plane of two scores, in a colour for each question.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks.figures.trials import TRIALS, curves, done
from textgan_bench.evaluation.figures import plot_losses
from textgan_bench.training.run import Run

METHODS = ("mle", "mle_transformer", "scratchgan", "gumbel", "importance", "nagan", "nagan.started")
"""The curves of figure 2, of the methods that are here."""

VALIDATION = {
    "Oracle NLL (the oracle's entropy is 3.35)": "validation/oracle_nll",
    "Reverse LM score": "validation/reverse_lm/kn4",
}
"""A collapse lowers the first, which is the paper's."""

UNIGRAMS = {"hmm": (3.21, 4.92), "coco": (8.09, 5.94)}  # the anchors of leaderboard/records
FORWARD = {
    "hmm": ("oracle_gap", "gap to the oracle's entropy (nats a word)"),
    "coco": ("lm", "LM score (nats a word)"),
}
LIMITS = {"hmm": ((3.5, -1), (4.7, 6)), "coco": ((8.2, 4), (4.6, 6.6))}
"""Of the axes; the legend says which runs end outside."""


def draw(folder: Path) -> list[Path]:
    """Write the picture of all trials into a folder."""
    mpl.rcParams["svg.hashsalt"] = "nagan"  # the same picture is the same file
    figure, axes = plt.subplots(2, 1, figsize=(10, 11), layout="constrained")
    for data, panel in zip(FORWARD, axes, strict=True):
        paths(data, panel)
    picture = folder / f"{TRIALS.stem}.svg"
    figure.savefig(picture, metadata={"Date": None})
    plt.close(figure)
    return [picture]


def training(runs: Sequence[Run], path: Path, caption: str) -> None:
    """Figure 2: validation scores of each method on the HMM as it trains, of the runs' budget."""
    panels = {
        title: {
            run.folder.parent.name: [(step, value) for step, value in run.logged(key)]
            for run in runs
        }
        for title, key in VALIDATION.items()
    }
    plot_losses(panels, path, "batches", caption, y="nats a word")


def paths(data: str, axes: Axes) -> None:
    """The runs on one data set: a dot at each validation, a number at the end."""
    score, title = FORWARD[data]
    runs = curves(TRIALS, data)
    horizontal, vertical = LIMITS[data]
    questions = list(dict.fromkeys(trial.question for trial in runs))
    colours = mpl.colormaps["tab10"].colors  # type: ignore[attr-defined]
    for number, (trial, rows) in enumerate(runs.items(), 1):
        forward = [float(row[score]) for row in rows]
        reverse = [float(row["reverse_lm"]) for row in rows]
        colour = colours[questions.index(trial.question) % len(colours)]
        what = f"{trial.question}: {trial.run}, seed {trial.seed}, {done(rows[-1]):,}"
        inside = min(horizontal) < forward[-1] < max(horizontal) and reverse[-1] < max(vertical)
        what += "" if inside else ", outside"
        axes.plot(forward, reverse, ".-", color=colour, linewidth=1, markersize=4)
        axes.plot(
            forward[-1:], reverse[-1:], "o", color=colour, markersize=7, label=f"{number}. {what}"
        )
        axes.annotate(str(number), (forward[-1], reverse[-1]), (4, 4), textcoords="offset points")
    x, y = UNIGRAMS[data]
    axes.axhline(y, color="0.5", linewidth=0.8)
    axes.annotate(
        f"unigrams ({x}, {y})", (0.01, y), xycoords=("axes fraction", "data"), va="bottom"
    )
    axes.set(
        xlim=horizontal,
        ylim=vertical,
        title=f"{data}: better to the right and down",
        xlabel=title,
        ylabel="reverse LM score (nats a word)",
    )
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
