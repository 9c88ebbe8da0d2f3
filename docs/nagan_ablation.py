"""Draw nagan_ablation.svg from nagan_ablation.csv: ``python docs/nagan_ablation.py``."""

import csv
from collections import defaultdict
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

UNIGRAM = 4.92  # reverse LM score of the anchor, leaderboard/records/hmm
FOLDER = Path(__file__).parent


def main() -> None:
    """One path a run, in the plane of gap and reverse LM score."""
    paths: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with (FOLDER / "nagan_ablation.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            paths[row["run"]].append((float(row["oracle_gap"]), float(row["reverse_lm"])))
    mpl.rcParams["svg.hashsalt"] = "nagan"  # the same picture is the same file
    figure, axes = plt.subplots(figsize=(11, 6), layout="constrained")
    axes.fill_between([-1, 1], 4.2, UNIGRAM, color="0.9")
    axes.axhline(UNIGRAM, color="0.5", linewidth=0.8)
    colours = mpl.colormaps["tab20"].colors  # type: ignore[attr-defined]
    for index, (run, path) in enumerate(paths.items()):
        gaps, reverse = zip(*path, strict=True)
        colour = colours[index % len(colours)]
        wide = "all latents" in run
        style = "-" if index < len(colours) else "--"
        width = 2.2 if wide else 0.9
        axes.plot(gaps, reverse, style, color=colour, label=run, linewidth=width)
        axes.plot(gaps[-1], reverse[-1], "o", color=colour, markersize=4)
    axes.set(
        xlim=(2.3, -1),
        ylim=(4.8, 5.7),
        xlabel="gap to the oracle's entropy (nats a word)",
        ylabel="reverse LM score (nats a word)",
    )
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.savefig(FOLDER / "nagan_ablation.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
