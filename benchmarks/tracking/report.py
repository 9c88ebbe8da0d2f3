"""A report on W&B that compares rows: curves by generator updates, test scores, samples.

    python -m benchmarks.tracking.report --entity ann --project textgan_bench --data hmm \
        [--methods nagan mle] [--scores reverse_lm/kn4 bleu_b/5]

Needs a key of W&B and the extra ``[report]``. Seeds of a row are one group: a line is their mean,
the band around it their deviation.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from textgan_bench.errors import UserError, meant
from textgan_bench.leaderboard.columns import COLUMNS, column
from textgan_bench.training import tracking
from textgan_bench.training.wandb_logger import TEST, UPDATES, VALIDATION

SCORES = (
    "reverse_lm/kn4",
    "lm_score/kn4",
    "bleu_b/5",
    "bleu_f/5",
    "fed/hash128",
    "distinct_sentences",
)

ORDERS = {
    "↓": "lower is better",
    "↑": "higher is better",
    "≈": "best is nearest to real text, and a collapse may pass it",
    "→0": "best is nearest to 0",
    "": "no order",
}

PANELS_A_ROW, WIDTH, HEIGHT = 3, 8, 6
"""Of W&B's grid, 24 wide."""


def build(
    entity: str,
    project: str,
    data: str,
    methods: Sequence[str] = (),
    scores: Sequence[str] = SCORES,
) -> Any:
    """The report, not saved.

    Args:
        entity: who owns the project.
        project: where the runs are.
        data: the table whose runs are compared.
        methods: its rows, all of them if none is named.
        scores: keys of scores.

    Raises:
        UserError: the extra is not installed, or there is no such score.
    """
    try:
        import wandb_workspaces.reports.v2 as reports
        from wandb_workspaces import expr
    except ModuleNotFoundError as error:
        raise UserError(
            "wandb-workspaces is not installed: pip install 'textgan_bench[report]'"
        ) from error
    known = [each.key for each in COLUMNS]
    for key in scores:
        if key not in known:
            raise UserError(f"there is no score {key}{meant(key, known)}; docs/metrics.md has them")
    wanted = [expr.Config("data") == data]
    if methods:
        wanted.append(expr.Config("method").isin(list(methods)))
    filters = expr.And(*wanted)

    def grid(panels: list[Any]) -> Any:
        for number, panel in enumerate(panels):
            row, place = divmod(number, PANELS_A_ROW)
            panel.layout = reports.Layout(x=place * WIDTH, y=row * HEIGHT, w=WIDTH, h=HEIGHT)
        runs = reports.Runset(name=data, filters=filters, groupby=["group"])
        return reports.PanelGrid(runsets=[runs], panels=panels)

    def title(key: str) -> str:
        shown = column(key)
        return f"{shown.title} {shown.better}".strip()

    curves = [
        reports.LinePlot(
            title=title(key),
            x=UPDATES,
            y=[f"{VALIDATION}{key}"],
            title_x="generator updates",
            groupby_aggfunc="mean",
            groupby_rangefunc="stddev",
            smoothing_type="none",
        )
        for key in scores
    ]
    bars = [
        reports.BarPlot(
            title=title(key),
            metrics=[reports.SummaryMetric(f"{TEST}{key}")],
            groupby_aggfunc="mean",
            groupby_rangefunc="stddev",
        )
        for key in scores
    ]
    samples = [
        reports.WeavePanelSummaryTable(
            table_name=f"{TEST}samples", layout=reports.Layout(x=0, y=0, w=24, h=12)
        )
    ]
    runs = reports.Runset(name=data, filters=filters)
    orders = "\n".join(f"- **{title(key)}**: {ORDERS[column(key).better]}" for key in scores)
    return reports.Report(
        entity=entity,
        project=project,
        title=f"{data}: {', '.join(methods) or 'all methods'}",
        description="Seeds of a row are one group: means, and deviations as bands.",
        width="fluid",
        blocks=[
            reports.MarkdownBlock(
                text="Test scores are those of the checkpoint that the record was made from. Two "
                "runs compare only if `data_revision` in their configurations is the same, and "
                f"their budgets (job types) say how long each was trained.\n\n{orders}"
            ),
            reports.H1("Test"),
            grid(bars),
            reports.H1("Validation while training"),
            grid(curves),
            reports.H1("Samples of the test"),
            reports.PanelGrid(runsets=[runs], panels=samples),
            reports.H1("Settings that differ"),
            reports.PanelGrid(
                runsets=[runs],
                panels=[
                    reports.RunComparer(
                        diff_only="split", layout=reports.Layout(x=0, y=0, w=24, h=12)
                    )
                ],
            ),
        ],
    )


def main() -> None:
    """Save the report that is asked for, and print where it is."""
    parser = argparse.ArgumentParser(description="A report on W&B that compares rows.")
    parser.add_argument("--entity", required=True, help="who owns the project")
    parser.add_argument("--project", default="textgan_bench", help="(%(default)s)")
    parser.add_argument("--data", required=True, help="the table whose runs are compared")
    parser.add_argument("--methods", nargs="+", default=[], help="its rows, or all")
    parser.add_argument("--scores", nargs="+", default=list(SCORES), help="keys of scores")
    parser.add_argument("--draft", action="store_true", help="save without publishing")
    options = parser.parse_args()
    try:
        report = build(
            options.entity, options.project, options.data, options.methods, options.scores
        )
        tracking.require_server("a report")
    except UserError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    report.save(draft=options.draft)
    print(report.url)


if __name__ == "__main__":
    main()
