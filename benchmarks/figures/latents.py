"""A look inside NAGAN: tables 7, 8 and 15, figures 4 and 5 of its paper, from any of its runs.

Sentences are written without dropout, as in section 4.3, so that latents alone say what they are.
Beside its cases each picture has what the paper does not give, the mean over many: below the
sentences, how much of a sentence the next one keeps, and how much two sentences share that have
nothing to do with each other.
"""

import copy
import csv
import io
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks.speed.bare import Bare
from benchmarks.speed.claims import ROUNDS, medians
from benchmarks.speed.graphs import milliseconds
from benchmarks.speed.sampling import WithLengths
from textgan_bench.errors import UserError
from textgan_bench.evaluation.figures import plot_changes, plot_matrices
from textgan_bench.evaluation.inside import (
    Inside,
    Line,
    kept_words,
    smoothness,
    strangeness,
)
from textgan_bench.evaluation.provenance import hardware
from textgan_bench.files import replace_text
from textgan_bench.interfaces import Method, TextDataModule
from textgan_bench.methods import NAGAN, TransformerMLE
from textgan_bench.methods.mle import GRADIENT_NORM
from textgan_bench.methods.nagan.generator import NonAutoregressiveTransformer
from textgan_bench.tokens import Sentence, TokenBatch, length_mask, pad_sequences
from textgan_bench.training.run import Run
from textgan_bench.training.trained import load_trained

SEED = 0
CASES = 3  # tables 7 and 8, figure 5
MEASURED = 200  # sentences that means are of
LINE_LENGTH, STEPS = 12, 11  # A.2.1: λ = 0, 0.1 … 1
SHORTEST, LONGEST = 10, 17  # A.2.2
LENGTH, TRIALS = 10, 160  # A.2.3, of each latent: 1,600 in all, as in the paper
BATCH = 32  # Table 15
PUBLISHED = {"mle_transformer": ("145", "213"), "nagan": ("210", "32")}  # Table 15, ms
COLUMNS = (
    "model",
    "generator step (ms)",
    "step of all players (ms)",
    "32 sentences (ms)",
    "generator step, paper (ms)",
    "32 sentences, paper (ms)",
    "measured on",
)


@cache
def opened(run: Run) -> tuple[Method, TextDataModule]:
    return load_trained(run.folder)


def inside_of(runs: Sequence[Run]) -> Inside:
    """The first run's generator; draws start from ``SEED``."""
    inside = Inside(*opened(runs[0]))
    torch.manual_seed(SEED)
    return inside


def shortened(inside: Inside, length: int) -> int:
    """A number of words that the run's longest sentence has."""
    return min(length, inside.data.max_length)


def interpolation(runs: Sequence[Run], path: Path, caption: str) -> None:
    """Table 7: the sentences between two."""
    inside = inside_of(runs)
    lines = inside.lines(MEASURED, shortened(inside, LINE_LENGTH), STEPS)
    labels = [f"λ {step / (STEPS - 1):.1f}" for step in range(STEPS)]
    cases = {f"Case {i}": labelled(labels, line) for i, line in enumerate(lines[:CASES], start=1)}
    plot_changes(cases, path, f"{caption} {said(lines)}")


def lengths(runs: Sequence[Run], path: Path, caption: str) -> None:
    """Table 8: a sentence that grows by a latent at its end, and one that does so in front."""
    inside = inside_of(runs)
    longest = shortened(inside, LONGEST)
    shortest = max(1, longest - (LONGEST - SHORTEST))
    labels = [f"{length:2}" for length in range(shortest, longest + 1)]
    cases = {}
    for place, front in (("to the end", False), ("to the front", True)):
        lines = inside.growths(MEASURED, shortest, longest, front=front)
        cases[f"Added {place}"] = labelled(labels, lines[0])
        caption += f" Added {place}: {said(lines)}"
    plot_changes(cases, path, caption)


def labelled(labels: Sequence[str], line: Line) -> list[tuple[str, Sentence, list[bool]]]:
    return list(zip(labels, line, kept_words(line), strict=True))


def said(lines: Sequence[Line]) -> str:
    return (
        f"A sentence shares {smoothness(lines):.2f} with the one before it, and "
        f"{strangeness(lines):.2f} with that of another case, over {len(lines)} cases."
    )


def moves(runs: Sequence[Run], path: Path, caption: str) -> None:
    """Figure 4: which words change with which latent."""
    inside = inside_of(runs)
    length = shortened(inside, LENGTH)
    share = inside.moves(TRIALS, length)
    places = [str(place) for place in range(1, length + 1)]
    own = float(share.diagonal().mean())
    says = f"A latent changes its own word in {own:.2f} of {TRIALS} sentences"
    if length > 1:
        others = float((share.sum() - share.trace()) / (length * (length - 1)))
        says += f", another word in {others:.2f}"
    plot_matrices(
        {"": (share.tolist(), places, places)},
        path,
        x="word",
        y="latent drawn anew",
        bar="share of sentences whose word changes",
        caption=f"{caption} {says}.",
    )


def layers(runs: Sequence[Run], path: Path, caption: str) -> None:
    """Figure 5: cosines of the states of a word after each layer with those after the last.

    Row 0, which the paper does not have, is what the first layer reads.
    """
    inside = inside_of(runs)
    length = shortened(inside, LENGTH)
    sentences, cosines = inside.layers(MEASURED, length)
    rows = [str(layer) for layer in range(cosines.shape[1])]
    panels = {f"Case {i + 1}": (cosines[i].tolist(), sentences[i], rows) for i in range(CASES)}
    places = [str(place) for place in range(1, length + 1)]
    panels[f"Mean of {MEASURED}"] = (cosines.mean(0).tolist(), places, rows)
    plot_matrices(
        panels, path, x="word", y="layer", bar="cosine with the last layer", caption=caption
    )


class Latency(NamedTuple):
    """Milliseconds a call of a model, by what is called."""

    model: str
    generator_step: float
    step: float
    inference: float


def latency(runs: Sequence[Run], path: Path, caption: str) -> None:
    """Table 15: NAGAN's steps and sentences beside those of an autoregressive Transformer."""
    found = latencies(*opened(runs[0]))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # On a processor one thread counts, whatever the process has.
    measured_on = hardware(device, 1).partition(",")[0]
    rows = [
        [
            each.model,
            *(f"{value:.3g}" for value in each[1:]),
            *PUBLISHED[each.model],
            measured_on,
        ]
        for each in found
    ]
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    replace_text(path, file.getvalue())
    print(table([list(COLUMNS), *rows]), caption, sep="\n\n")


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; the first row is its head, the first column of text."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    rule = " | ".join(["---", *("---:" for _ in rows[0][1:])])
    return "\n".join([lines[0], f"| {rule} |", *lines[1:]])


def generator_step(model: NAGAN, batch: TokenBatch) -> Callable[[], None]:
    """A function that takes a step of the generator alone, through the discriminator."""
    optimizer, _ = model.configure_optimizers()
    mask = length_mask(batch.lengths, batch.ids.shape[1])

    def step() -> None:
        optimizer.zero_grad()
        with model.frozen(model.discriminator):
            model.generator_loss(mask).backward()
        optimizer.step()

    return step


def likelihood_step(model: TransformerMLE, batch: TokenBatch) -> Callable[[], None]:
    """A function that takes a step of maximum likelihood, its gradient clipped as in training."""
    optimizer = model.configure_optimizers()

    def step() -> None:
        optimizer.zero_grad()
        model.nats_per_word(batch).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
        optimizer.step()

    return step


def latencies(model: Method, data: TextDataModule) -> list[Latency]:
    """A batch of 32 sentences of the training text, through both models.

    On a processor the time of one thread counts, which other programs do not change; on a GPU the
    device's own. The autoregressive Transformer has NAGAN's blocks, heads, width and embedding, is
    not trained, and ends its sentences at the lengths of the text.

    Raises:
        UserError: the run is not one of the non-autoregressive NAGAN.
    """
    if not isinstance(model, NAGAN) or not isinstance(
        model.generator, NonAutoregressiveTransformer
    ):
        raise UserError(f"{type(model).__name__}: the latency is that of NAGAN's own generator")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    ids = [data.vocabulary.encode(words) for words in data.sentences("train")[:BATCH]]
    batch = TokenBatch(*(tensor.to(device) for tensor in pad_sequences(ids)))
    torch.manual_seed(SEED)
    sizes = {name: model.hparams[name] for name in ("width", "blocks", "heads")}
    rival = TransformerMLE(
        data.vocab_size, data.max_length, embedding=model.hparams["embedding_dim"], **sizes
    )
    nagan, mle = copy.deepcopy(model).to(device).train(), rival.to(device).train()
    writer = WithLengths(mle.generator, batch.lengths.cpu(), data.vocab_size).to(device)
    calls: dict[str, Callable[[], object]] = {
        "nagan generator": generator_step(nagan, batch),
        "nagan step": Bare(nagan, batch),
        "nagan sample": lambda: nagan.sample(BATCH, dropout=0.0),
        "mle step": likelihood_step(mle, batch),
        "mle sample": lambda: writer.sample(BATCH, 1.0),
    }
    for call in calls.values():
        call()  # makes the states of the optimizers
    if device == "cuda":
        took = milliseconds(calls)
    else:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        took = {name: 1e3 * value for name, value in medians(calls, ROUNDS).items()}
        torch.set_num_threads(threads)
    return [
        Latency("mle_transformer", took["mle step"], took["mle step"], took["mle sample"]),
        Latency("nagan", took["nagan generator"], took["nagan step"], took["nagan sample"]),
    ]
