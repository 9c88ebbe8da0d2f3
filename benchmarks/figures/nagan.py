"""Draw the trials of NAGAN, and figure 2 of its paper.

Of the trials each run is a path in the plane of two scores, in a colour for each question.
"""

from collections.abc import Iterable
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks.figures.trials import TRIALS, curves, done
from textgan_bench.leaderboard import ROOT, Record, load_records
from textgan_bench.leaderboard.curves import Curve, load_curve, values_at
from textgan_bench.leaderboard.evidence import BUDGETS

SYNTHETIC = "hmm"
LINES = ("o-", "s--", "^-.")
"""Of one method and the next, so that colours alike are told apart."""
VALIDATION = {
    "oracle_nll": "Oracle NLL, as the paper draws it: a collapse lowers it",
    "reverse_lm/kn4": "Reverse LM score: a collapse raises it",
}
"""Title of each score that is drawn as methods train."""
RANGES = {"oracle_nll": (1.5, 6.5), "reverse_lm/kn4": (4.0, 7.0)}
"""Of the axes: above, words have no order; below, few are left."""
TICKS = (100, 300, 1_000, 3_000, 10_000)

UNIGRAMS = {"hmm": (3.21, 4.92), "coco": (8.09, 5.94)}  # the anchors of leaderboard/records
FORWARD = {
    "hmm": ("oracle_gap", "gap to the oracle's entropy (nats a word)"),
    "coco": ("lm", "LM score (nats a word)"),
}
LIMITS = {"hmm": ((3.5, -1), (4.4, 5.6)), "coco": ((8.2, 3.7), (4.6, 6.6))}
"""Of the axes; the legend says which runs end outside."""


def draw(folder: Path) -> list[Path]:
    """Write the picture of all trials into a folder."""
    mpl.rcParams["svg.hashsalt"] = "nagan"  # the same picture is the same file
    figure, axes = plt.subplots(2, 1, figsize=(14, 14), height_ratios=(3, 2), layout="constrained")
    for data, panel in zip(FORWARD, axes, strict=True):
        paths(data, panel)
    picture = folder / f"{TRIALS.stem}.svg"
    figure.savefig(picture, metadata={"Date": None})
    plt.close(figure)
    return [picture]


def training(folder: Path, root: Path = ROOT) -> Path:
    """Figure 2: validation scores of each method on the HMM as it trains, at its largest budget.

    A line is the mean over seeds, a band their range. Budgets differ by the hundredfold, so that
    the axis of batches is logarithmic.
    """
    mpl.rcParams["svg.hashsalt"] = "nagan"
    figure, axes = plt.subplots(1, len(VALIDATION), figsize=(11, 5), layout="constrained")
    records = [each for each in load_records(root) if each.data == SYNTHETIC]
    rows = by_method(records, root)
    colours = mpl.colormaps["tab10"].colors  # type: ignore[attr-defined]
    oracle = next(each for each in records if each.method == "oracle")
    for (key, title), panel in zip(VALIDATION.items(), axes, strict=True):
        for number, (name, curves_of_row) in enumerate(rows.items()):
            points = values_at(curves_of_row, key)
            batches = [max(1, each) for each in points]
            means = [sum(values) / len(values) for values in points.values()]
            colour, style = colours[number % len(colours)], LINES[number % len(LINES)]
            panel.plot(batches, means, style, color=colour, linewidth=1.4, markersize=3, label=name)
            panel.fill_between(
                batches,
                [min(values) for values in points.values()],
                [max(values) for values in points.values()],
                color=colour,
                alpha=0.2,
                linewidth=0,
            )
        panel.axhline(oracle.scores[key], color="0.4", linewidth=0.8, linestyle=":")
        panel.annotate(
            "samples of the oracle",
            (0.99, oracle.scores[key]),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="top",
            fontsize=8,
            color="0.4",
        )
        panel.set(
            title=title,
            xscale="log",
            xlabel="training batches, those of pretraining among them",
            xlim=TICKS[:: len(TICKS) - 1],
            ylim=RANGES[key],
        )
        panel.title.set_fontsize(10)
        panel.set_xticks(TICKS, [f"{tick:,}" for tick in TICKS])
        panel.minorticks_off()
    axes[0].set_ylabel("nats a word, on validation")
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside right center", fontsize=8, frameon=False
    )
    path = folder / "nagan_training.svg"
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path


def by_method(records: Iterable[Record], root: Path) -> dict[str, list[Curve]]:
    """The curves of each method, those of its largest budget, by what a legend calls them."""
    runs = [each for each in records if each.source == "run" and each.budget in BUDGETS]
    found: dict[tuple[str, int], list[Record]] = {}
    for record in sorted(runs, key=lambda each: (each.method, each.seed)):
        found.setdefault((record.method, BUDGETS.index(record.budget)), []).append(record)
    rows: dict[str, list[Curve]] = {}
    for (method, rank), seeds_of in sorted(found.items()):
        if rank > min(other for name, other in found if name == method):
            continue
        paths = [root / "curves" / SYNTHETIC / f"{each.path().stem}.json" for each in seeds_of]
        if known := [load_curve(path) for path in paths if path.exists()]:
            seeds = f", {len(known)} seeds" if len(known) > 1 else ""
            rows[f"{method} ({seeds_of[0].budget}{seeds})"] = known
    return rows


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
        inside = all(
            min(limits) < score < max(limits)
            for limits, score in ((horizontal, forward[-1]), (vertical, reverse[-1]))
        )
        what += "" if inside else ", outside"
        axes.plot(forward, reverse, ".-", color=colour, linewidth=1, markersize=4)
        axes.plot(
            forward[-1:], reverse[-1:], "o", color=colour, markersize=7, label=f"{number}. {what}"
        )
        axes.annotate(
            str(number),
            (forward[-1], reverse[-1]),
            (4, 4),
            textcoords="offset points",
            fontsize=8,
            annotation_clip=True,
        )
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
