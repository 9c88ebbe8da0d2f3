"""Draw the trials of NAGAN's recipes: one path a run, in the plane of two scores."""

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks.figures.trials import COCO, HMM, curves

BASE = "cpu recipe"
"""Runs that change this recipe are drawn in colours, the others in grey."""
HMM_UNIGRAM = 4.92  # reverse LM scores of the anchors, leaderboard/records
COCO_UNIGRAM = 5.94


def draw(folder: Path) -> list[Path]:
    """Write a picture for each of both data sets into a folder."""
    mpl.rcParams["svg.hashsalt"] = "nagan"  # the same picture is the same file
    colours = mpl.colormaps["tab20"].colors  # type: ignore[attr-defined]
    cycle = mpl.cycler(color=colours[::2] + colours[1::2])  # type: ignore[attr-defined]
    with mpl.rc_context({"axes.prop_cycle": cycle}):
        return [
            paths(HMM, folder, "oracle_gap", frame_hmm),
            paths(COCO, folder, "lm", frame_coco),
        ]


def frame_hmm(axes: Axes) -> None:
    """Shade where samples beat unigrams and come within a nat of the oracle's entropy."""
    axes.fill_between([-1, 1], 4.2, HMM_UNIGRAM, color="0.92")
    axes.axhline(HMM_UNIGRAM, color="0.5", linewidth=0.8)
    axes.set(xlim=(2.3, -1), ylim=(4.75, 5.7), xlabel="gap to the oracle's entropy (nats a word)")


def frame_coco(axes: Axes) -> None:
    """Show LM scores from 7 on: unigrams have 8.09, captions 4.09."""
    axes.axhline(COCO_UNIGRAM, color="0.5", linewidth=0.8)
    axes.set(xlim=(7, 3.4), ylim=(4.6, 6.2), xlabel="LM score (nats a word)")


def paths(trials: Path, folder: Path, score: str, frame: Callable[[Axes], None]) -> Path:
    """The picture of one file of trials."""
    figure, axes = plt.subplots(figsize=(11, 6), layout="constrained")
    for (base, run), rows in curves(trials).items():
        forward = [float(row[score]) for row in rows]
        reverse = [float(row["reverse_lm"]) for row in rows]
        if base == BASE:
            axes.plot(forward, reverse, label=run, linewidth=1.8, zorder=3)
            colour = axes.lines[-1].get_color()
            axes.plot(forward[-1], reverse[-1], "o", color=colour, markersize=5, zorder=3)
        else:
            axes.plot(forward, reverse, color="0.8", linewidth=0.7)
    axes.plot([], [], color="0.8", label="other runs")
    frame(axes)
    axes.set_ylabel("reverse LM score (nats a word)")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    picture = folder / f"{trials.stem}.svg"
    figure.savefig(picture, metadata={"Date": None})
    plt.close(figure)
    return picture
