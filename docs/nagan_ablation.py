"""Draw the curves of nagan_ablation*.csv as *.svg: ``python docs/nagan_ablation.py``."""

import csv
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

# How the runs of a recipe and those it grew from are named; others are grey.
RECIPE = "the recipe", "the same", "words held at 0.6 ("
HMM_UNIGRAM = 4.92  # reverse LM scores of the anchors, leaderboard/records
COCO_UNIGRAM = 5.94
FOLDER = Path(__file__).parent


def main() -> None:
    """One path a run, in the plane of a forward and a reverse score."""
    mpl.rcParams["svg.hashsalt"] = "nagan"  # the same picture is the same file
    colours = mpl.colormaps["tab20"].colors  # type: ignore[attr-defined]
    mpl.rcParams["axes.prop_cycle"] = mpl.cycler(color=colours[::2] + colours[1::2])
    draw("nagan_ablation", "oracle_gap", frame_hmm)
    draw("nagan_ablation_coco", "lm", frame_coco)


def frame_hmm(axes: Axes) -> None:
    """Shaded is where samples beat unigrams and come within a nat of the oracle's entropy."""
    axes.fill_between([-1, 1], 4.2, HMM_UNIGRAM, color="0.92")
    axes.axhline(HMM_UNIGRAM, color="0.5", linewidth=0.8)
    axes.set(xlim=(2.3, -1), ylim=(4.75, 5.7), xlabel="gap to the oracle's entropy (nats a word)")


def frame_coco(axes: Axes) -> None:
    """Unigrams have an LM score of 8.09, captions one of 4.09."""
    axes.axhline(COCO_UNIGRAM, color="0.5", linewidth=0.8)
    axes.set(xlim=(7, 3.4), ylim=(4.6, 6.2), xlabel="LM score (nats a word)")


def draw(name: str, score: str, frame: Callable[[Axes], None]) -> None:
    """The picture of one table."""
    paths: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with (FOLDER / f"{name}.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            paths[row["run"]].append((float(row[score]), float(row["reverse_lm"])))
    figure, axes = plt.subplots(figsize=(11, 6), layout="constrained")
    for run, path in paths.items():
        forward, reverse = zip(*path, strict=True)
        if run.startswith(RECIPE):
            axes.plot(forward, reverse, label=run, linewidth=1.8, zorder=3)
            colour = axes.lines[-1].get_color()
            axes.plot(forward[-1], reverse[-1], "o", color=colour, markersize=5, zorder=3)
        else:
            axes.plot(forward, reverse, color="0.8", linewidth=0.7)
    axes.plot([], [], color="0.8", label="other runs")
    frame(axes)
    axes.set_ylabel("reverse LM score (nats a word)")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.savefig(FOLDER / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
