"""Draw nagan_ablation.svg from nagan_ablation.csv: ``python docs/nagan_ablation.py``."""

import csv
from collections import defaultdict
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

UNIGRAM = 4.92  # reverse LM score of the anchor, leaderboard/records/hmm
RECIPE = "the recipe"  # its runs and those that differ from it by one choice; others are grey
FOLDER = Path(__file__).parent


def main() -> None:
    """One path a run, in the plane of gap and reverse LM score."""
    paths: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with (FOLDER / "nagan_ablation.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            paths[row["run"]].append((float(row["oracle_gap"]), float(row["reverse_lm"])))
    mpl.rcParams["svg.hashsalt"] = "nagan"  # the same picture is the same file
    figure, axes = plt.subplots(figsize=(11, 6), layout="constrained")
    axes.fill_between([-1, 1], 4.2, UNIGRAM, color="0.92")
    axes.axhline(UNIGRAM, color="0.5", linewidth=0.8)
    for run, path in paths.items():
        gaps, reverse = zip(*path, strict=True)
        if run.startswith(RECIPE):
            axes.plot(gaps, reverse, label=run, linewidth=1.8, zorder=3)
            colour = axes.lines[-1].get_color()
            axes.plot(gaps[-1], reverse[-1], "o", color=colour, markersize=5, zorder=3)
        else:
            axes.plot(gaps, reverse, color="0.8", linewidth=0.7)
    axes.plot([], [], color="0.8", label="earlier runs")
    axes.set(
        xlim=(2.3, -1),
        ylim=(4.75, 5.7),
        xlabel="gap to the oracle's entropy (nats a word)",
        ylabel="reverse LM score (nats a word)",
    )
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.savefig(FOLDER / "nagan_ablation.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
