"""``sweep``: a trained run at many settings of its knob, and one figure for the runs of a table.

A single setting hides what another one shows (``curves``): what is compared are whole curves of
quality against diversity, at equal diversity (``frontiers``). On a table with an oracle, a method
that knows its likelihood has its divergence from it at each setting, too. The points of a run are
one file below ``sweeps/<data>/`` of the leaderboard, its name that of the record. A point is scored
as the test scores a run, from the same seed and in the same batches, so that at the method's own
setting it has the record's numbers.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path

import torch
from tqdm import tqdm

from textgan_bench.errors import UserError
from textgan_bench.evaluation import provenance
from textgan_bench.evaluation.anchors import ORACLE, REAL
from textgan_bench.evaluation.curves import KNOB, Point, knob_curve
from textgan_bench.evaluation.divergence import divergence_of
from textgan_bench.evaluation.figures import Axis, plot_curves
from textgan_bench.evaluation.fingerprint import data_fingerprint
from textgan_bench.evaluation.frontiers import comparisons, deviations
from textgan_bench.evaluation.text import parse, unparse
from textgan_bench.files import locked, replace_text
from textgan_bench.interfaces import Likelihood, TextDataModule, TextGenerator
from textgan_bench.leaderboard import Record, disagreement, identity, load_records
from textgan_bench.leaderboard.sweeps import Sweep, load
from textgan_bench.tokens import Sentence, TokenBatch
from textgan_bench.training.run import Run
from textgan_bench.training.trained import load_generator

VALUES = {
    # From half to a little above the setting of training, beyond which all text is noise.
    "temperature": (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2),
    "dropout": (0.0, 0.05, 0.1, 0.15, 0.2, 0.25),  # NAGAN (Huang et al., 2021), Table 2
}

PANELS: tuple[tuple[Axis, Axis], ...] = (
    (("bleu_b/5", "BLEU-B ↑"), ("bleu_f/5", "BLEU-F ↑")),
    (("reverse_lm/kn4", "Reverse LM ↓"), ("lm_score/kn4", "LM score ↓")),
    (("word_entropy", "Entropy of words (nats)"), ("lm_score/kn4", "LM score ↓")),
    (("word_entropy", "Entropy of words (nats)"), ("oracle_nll", "Oracle NLL ↓")),
    (("model_entropy", "Entropy of the model (nats a word)"), ("oracle_nll", "Oracle NLL ↓")),
)
"""Diversity to the right of each, quality upwards or downwards as its arrow says. In the last one
the divergence from the oracle is the height above the diagonal."""

QUIET_SECONDS = 3  # before a progress bar appears


def sweep(runs: Sequence[Path], *, values: Sequence[float] | None) -> None:
    """Score runs along their knobs, and draw the figures of their tables.

    Points that a run has already are not repeated; those of another checkpoint are discarded.

    Args:
        runs: their folders.
        values: of the knob; if None, those of ``VALUES`` and the method's own.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint.
        UserError: a method has no knob, or one whose values have to be named.
    """
    drawn: dict[tuple[str, Path], None] = {}
    for run in runs:
        found, root = _sweep_run(run, values)
        drawn[found.data, root] = None
    for data, root in drawn:
        with locked(root / "records"):  # the figure drawn last has the points of all
            paths = draw(data, root)
        print("\n".join(map(str, paths)) or f"{data} has no scores that a figure shows")


def _sweep_run(run: Path, values: Sequence[float] | None) -> tuple[Sweep, Path]:
    """The points of a run, stored one by one, and the leaderboard's folder."""
    model, data = load_generator(run)
    if model.knob is None:
        raise UserError(f"{run}: {type(model).__name__} has no knob that a sweep could turn")
    if values is None:
        if model.knob not in VALUES:
            raise UserError(f"{run}: no values of {model.knob} are known, name them by --values")
        values = (*VALUES[model.knob], model.setting)
    folder = Run(run)
    config = folder.load_config()
    place = config["evaluate"]
    root = Path(place["leaderboard"])
    fresh = Sweep(
        method=place["method"],
        data=place["data"],
        budget=place["budget"],
        seed=config["seed_everything"],
        knob=model.knob,
        checkpoint=_file_hash(folder.checkpoint(folder.tested_checkpoint())),
        data_revision=data.revision,
        fingerprint=data_fingerprint(data, len(data.sentences("test"))),
        commit=provenance.commit(),
        versions=provenance.versions(),
        points=[],
        draws=[],
    )
    path = fresh.path(root)
    swept = _points_of(path, fresh)
    done = {point[KNOB] for point in swept.points}
    missing = [value for value in dict.fromkeys(map(float, values)) if value not in done]
    print(f"{path}: {len(done)} points of {fresh.knob}, {len(missing)} to come", flush=True)
    metrics = data.metrics("test")
    batches: list[TokenBatch] = []
    drawn: list[Sentence] = []

    def written(value: float) -> list[Sentence]:
        batches[:] = _samples(model, data, value, fresh.seed)
        drawn[:] = _text(batches, data)
        return drawn

    for point in knob_curve(written, missing, metrics):
        if isinstance(model, Likelihood):
            point |= _divergence(model, data, batches, {model.knob: point[KNOB]})
        both = [
            *zip(swept.points, swept.draws, strict=True),
            (point, deviations(metrics, drawn, point)),
        ]
        both.sort(key=lambda each: each[0][KNOB])
        points, draws = map(list, zip(*both, strict=True))
        swept = replace(fresh, points=points, draws=draws)
        replace_text(path, json.dumps(asdict(swept), indent=2, sort_keys=True) + "\n")
    return swept, root


@torch.no_grad()
def _samples(
    model: TextGenerator, data: TextDataModule, value: float, seed: int
) -> Iterator[TokenBatch]:
    """As many sentences as the test set has, drawn as the test draws them."""
    sizes = [len(batch.ids) for batch in data.test_dataloader()]
    torch.manual_seed(seed)  # after a loader was begun, which may draw a number itself
    for size in tqdm(sizes, f"sampling at {value:g}", leave=False, delay=QUIET_SECONDS):
        yield model.sample(size, **{str(model.knob): value})


def _text(batches: Iterable[TokenBatch], data: TextDataModule) -> list[Sentence]:
    sentences = chain.from_iterable(map(data.text, batches))
    return parse(unparse(sentences))  # an entry of the vocabulary that holds a blank is two words


@torch.no_grad()
def _divergence(
    model: Likelihood, data: TextDataModule, batches: Iterable[TokenBatch], knob: dict[str, float]
) -> Point:
    """The divergence of the generator at a setting from the oracle of the table, if it has one."""
    divergence = divergence_of(data.metrics("test"))
    if divergence is None:
        return {}
    for samples in batches:
        divergence.add_samples(samples, model.log_prob(samples, **knob))
    for text in data.test_dataloader():
        divergence.add_text(text, model.log_prob(text, **knob))
    scores = divergence.compute()
    return {key: score for key, score in scores.items() if math.isfinite(score)}


def _points_of(path: Path, fresh: Sweep) -> Sweep:
    """An interrupted or shorter sweep of the same checkpoint, else ``fresh``, without points."""
    if not path.exists():
        return fresh
    old = load(path)
    emptied = replace(old, points=[], draws=[], commit="")
    if emptied != replace(fresh, commit=""):
        return fresh
    return replace(fresh, points=old.points, draws=old.draws)


def draw(data: str, root: Path) -> list[Path]:
    """Draw the curves of all methods of a table that have points.

    Only curves whose settings agree share a figure; those of another data revision, or scored
    otherwise, have one of their own. A cross is the data itself, where its scores are known.

    Beside a figure lies a table of how far each curve is ahead of each other one.

    Returns:
        The files, ``tables/<data>-sweep.svg`` and so on; none where no panel has its scores.

    Raises:
        UserError: a file is damaged, or matplotlib is missing.
    """
    records = load_records(root)
    groups: list[list[Sweep]] = []
    for path in sorted((root / "sweeps" / data).glob("*.json")):
        swept = load(path)
        for group in groups:
            if all(not disagreement(swept.settings(), other.settings()) for other in group):
                group.append(swept)
                break
        else:
            groups.append([swept])
    figures = []
    for number, group in enumerate(groups, start=1):
        panels = [
            panel
            for panel in PANELS
            if all(_has(swept, [key for key, _ in panel]) for swept in group)
        ]
        if panels:
            curves = {s.name: s.points for s in group}
            path = root / "tables" / f"{data}-sweep{f'-{number}' if number > 1 else ''}.svg"
            plot_curves(curves, panels, path, _real_text(group[0], records))
            figures.append(path)
            if text := comparisons({s.name: (s.points, s.draws) for s in group}):
                figures.append(path.with_suffix(".md"))
                replace_text(figures[-1], text)
    return figures


def _real_text(swept: Sweep, records: Iterable[Record]) -> dict[str, Point]:
    """Scores of the data itself where a record of it has the settings of a sweep."""
    settings = {"data": swept.data, **swept.settings()}
    known = {
        record.method: record.scores
        for record in records
        if record.source == "anchor" and not disagreement(identity(record), settings)
    }
    return {name: known[name] for name in (ORACLE, REAL) if name in known}


def _has(swept: Sweep, keys: Sequence[str]) -> bool:
    """Whether a point has all of these scores."""
    return any(all(key in point for key in keys) for point in swept.points)


def _file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
