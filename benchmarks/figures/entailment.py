"""Semi-supervised inference on SNLI (Zhao et al., 2018): what an encoder has learnt without labels.

    python -m benchmarks.figures.entailment --pairs data/snli runs/snli-arae/arae/paper-seed0 […]

Whether a premise entails a hypothesis, contradicts it or leaves it open is read off the codes of
both. Of the labelled pairs 22.2, 10.8 or 5.25 % are shown. The encoder starts as a run left it that
was trained on sentences alone (Dai and Le, 2015, "Semi-supervised sequence learning"), or anew: the
supervised encoder. Accuracies on the test pairs are printed beside those of the paper, and written
into a CSV file.

Read into the paper, which gives shares and results alone: the classifier is a layer over
[c, c', |c - c'|, c c'] (Conneau et al., 2017, "Supervised learning of universal sentence
representations") with as many units as a code; it and the encoder are trained together by Adam; the
epoch of the best validation accuracy is tested. The runs have read the sentences of all pairs,
those that are shown included.

Shapes: B pairs, H code.
"""

import argparse
import copy
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam
from tqdm import tqdm

from datamodules.counted import tokenise
from datamodules.sources import parquet_files, read_columns
from textgan_bench.errors import MissingError, UserError, print_anything
from textgan_bench.files import replace_rows
from textgan_bench.networks.sentence_codes import Encoder
from textgan_bench.tokens import TokenBatch, Vocabulary, pad_sequences
from textgan_bench.training.run import Run
from textgan_bench.training.trained import load_trained

ACCURACIES = Path("docs/arae_entailment.csv")
"""Of runs that have a record, for the page to show."""
SHARES = {"medium": 0.222, "small": 0.108, "tiny": 0.0525}
"""Of the training pairs that are labelled (section 6.2)."""
SUPERVISED = "supervised encoder"
PUBLISHED = {
    SUPERVISED: {"medium": "0.659", "small": "0.625", "tiny": "0.579"},
    "autoencoder": {"medium": "0.685", "small": "0.646", "tiny": "0.599"},
    "arae": {"medium": "0.709", "small": "0.668", "tiny": "0.625"},
}
"""Table of semi-supervised accuracy; the paper prints percentages."""
LABELS = 3  # entailment, neutral, contradiction
EPOCHS = 10
BATCH = 64
RATE = 1e-3
PARTS = ("train", "validation", "test")


class Pairs(NamedTuple):
    """Premises, hypotheses and labels, row by row."""

    premises: TokenBatch
    hypotheses: TokenBatch
    labels: Tensor
    """(B,) int64 in 0 to 2."""

    def rows(self, rows: Tensor) -> "Pairs":
        """Some of the pairs."""
        first, second = (TokenBatch(*(part[rows] for part in side)) for side in self[:2])
        return Pairs(first, second, self.labels[rows])

    def to(self, device: torch.device) -> "Pairs":
        """The same on a device."""
        first, second = (TokenBatch(*(part.to(device) for part in side)) for side in self[:2])
        return Pairs(first, second, self.labels.to(device))


class Result(NamedTuple):
    """A line of the CSV file."""

    encoder: str
    """``supervised encoder``, or the method that it comes from."""
    budget: str
    share: str
    pairs: int
    accuracy: float


def read_pairs(folder: Path, part: str, vocabulary: Vocabulary, max_length: int) -> Pairs:
    """The labelled pairs of a part, lower case, cut at ``max_length`` words.

    Raises:
        MissingError: the folder lacks the part.
        UserError: a file is damaged, or has no labels.
    """
    paths = parquet_files(folder, part)
    if not paths:
        raise MissingError(
            f"{folder} lacks {part}.parquet: labelled pairs are in SNLI as the hub has it "
            "(make data DATA=snli fetches it into data/snli), not in the stand-in"
        )
    sides: tuple[list[str], list[str]] = ([], [])
    labels: list[int] = []
    for path in paths:
        for side, column in zip(sides, read_columns(path, ("premise", "hypothesis")), strict=True):
            side += column
        labels += read_labels(path)
    kept = [row for row, label in enumerate(labels) if 0 <= label < LABELS]  # -1: no agreement
    batches = []
    for side in sides:
        distinct = list(dict.fromkeys(side[row] for row in kept))  # a premise comes three times
        words = dict(zip(distinct, tokenise([line.lower() for line in distinct]), strict=True))
        encoded = [vocabulary.encode(words[side[row]][:max_length]) for row in kept]
        batches.append(pad_sequences(encoded, max_length))
    premises, hypotheses = batches
    return Pairs(premises, hypotheses, torch.tensor([labels[row] for row in kept]))


def read_labels(path: Path) -> list[int]:
    """The column ``label`` of a parquet file.

    Raises:
        UserError: there is none of whole numbers.
    """
    try:
        column = pq.read_table(path, columns=["label"]).column("label")
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} has no labels: {error}") from error
    if not pa.types.is_integer(column.type) or column.null_count:
        raise UserError(f"{path}: the column label holds {column.type}, not a label of each pair")
    labels: list[int] = column.to_pylist()
    return labels


class Classifier(nn.Module):
    """An encoder, and a layer over the codes of both sentences.

    Args:
        encoder: maps sentences to codes; it is trained, too.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        hidden = encoder.lstm.hidden_size
        self.layers = nn.Sequential(
            nn.Linear(4 * hidden, hidden), nn.ReLU(), nn.Linear(hidden, LABELS)
        )

    def forward(self, pairs: Pairs) -> Tensor:
        """(B, 3) scores of labels."""
        first, second = self.encoder(pairs.premises), self.encoder(pairs.hypotheses)
        features = torch.cat([first, second, (first - second).abs(), first * second], 1)
        scores: Tensor = self.layers(features)
        return scores


def fit(model: Classifier, train: Pairs, validation: Pairs, epochs: int = EPOCHS) -> Classifier:
    """Train a classifier; it is returned as it was after the epoch of the best validation."""
    optimizer = Adam(model.parameters(), RATE)
    best, highest = copy.deepcopy(model.state_dict()), -1.0
    starts = range(0, len(train.labels), BATCH)
    with tqdm(total=epochs * len(starts), desc="batches", leave=False, delay=3) as bar:
        for _ in range(epochs):
            model.train()
            order = torch.randperm(len(train.labels))
            for start in starts:
                batch = train.rows(order[start : start + BATCH].to(train.labels.device))
                optimizer.zero_grad()
                F.cross_entropy(model(batch), batch.labels).backward()
                optimizer.step()
                bar.update()
            reached = accuracy(model, validation)
            bar.set_postfix(validation=f"{reached:.3f}")
            if reached > highest:
                best, highest = copy.deepcopy(model.state_dict()), reached
    model.load_state_dict(best)
    return model


@torch.no_grad()
def accuracy(model: Classifier, pairs: Pairs) -> float:
    """Share of pairs whose label has the highest score, in [0, 1]."""
    model.eval()
    right = 0
    for rows in torch.arange(len(pairs.labels), device=pairs.labels.device).split(8 * BATCH):
        batch = pairs.rows(rows)
        right += int((model(batch).argmax(1) == batch.labels).sum())
    return right / len(pairs.labels)


def encoder_of(run: Run) -> tuple[Encoder, Vocabulary, int]:
    """The encoder of a run, its vocabulary and the longest sentence that it reads.

    Raises:
        UserError: it has none.
    """
    model, data = load_trained(run.folder)
    encoder = getattr(model, "encoder", None)
    if not isinstance(encoder, Encoder):
        raise UserError(f"{type(model).__name__} has no encoder of sentences; ARAE does")
    return encoder, data.vocabulary, data.max_length


def anew(encoder: Encoder) -> Encoder:
    """An encoder of the same sizes that has learnt nothing."""
    vocab_size, embedding = encoder.embedding.weight.shape
    return Encoder(vocab_size, embedding, encoder.lstm.hidden_size)


def measure(runs: Sequence[Run], folder: Path, epochs: int, seed: int) -> list[Result]:
    """Accuracy of each encoder at each share of the labels.

    Raises:
        UserError: a run has no encoder, runs have different vocabularies, or pairs are missing.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    encoders = [encoder_of(run) for run in runs]
    _, vocabulary, max_length = encoders[0]
    if any(known != vocabulary for _, known, _ in encoders):
        raise UserError("the runs were trained on different text: their vocabularies differ")
    train, validation, test = (
        read_pairs(folder, part, vocabulary, max_length).to(device) for part in PARTS
    )
    starts: list[tuple[str, str, Encoder]] = [(SUPERVISED, "", anew(encoders[0][0]))]
    for run, (encoder, _, _) in zip(runs, encoders, strict=True):
        place = run.load_config()["evaluate"]
        starts.append((place["method"], place["budget"], encoder))
    results = []
    for share, part in SHARES.items():
        generator = torch.Generator().manual_seed(seed)
        shown = torch.randperm(len(train.labels), generator=generator)
        labelled = train.rows(shown[: round(part * len(shown))].to(device))
        for name, budget, encoder in tqdm(starts, share, disable=None):
            torch.manual_seed(seed)
            model = Classifier(copy.deepcopy(encoder)).to(device)
            reached = accuracy(fit(model, labelled, validation, epochs), test)
            results.append(Result(name, budget, share, len(labelled.labels), round(reached, 4)))
    return results


def load(path: Path) -> list[Result]:
    """Read what ``measure`` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Result(
                row["encoder"],
                row["budget"],
                row["share"],
                int(row["pairs"]),
                float(row["accuracy"]),
            )
            for row in csv.DictReader(file)
        ]


def table(results: Sequence[Result]) -> str:
    """Accuracies, those of the paper beside them, in Markdown."""
    shares = [share for share in SHARES if any(result.share == share for result in results)]
    pairs = {result.share: result.pairs for result in results}
    titles = [f"{share}, {pairs[share]:,} pairs" for share in shares]
    header = ["encoder", "budget", *titles, *(f"{share}, paper" for share in shares)]
    lines = [header, ["---", "---", *["---:"] * (2 * len(shares))]]
    for name, budget in dict.fromkeys((result.encoder, result.budget) for result in results):
        found = {
            result.share: result.accuracy
            for result in results
            if (result.encoder, result.budget) == (name, budget)
        }
        ours = [f"{found[share]:.3f}" if share in found else "–" for share in shares]
        printed = [PUBLISHED.get(name, {}).get(share, "–") for share in shares]
        lines.append([name, budget or "–", *ours, *printed])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page() -> str:
    """The table of ``ACCURACIES``, or how to make that file."""
    if not ACCURACIES.exists():
        return (
            "Not measured yet: `python -m benchmarks.figures.entailment --pairs data/snli RUN … "
            f"--output {ACCURACIES}` does."
        )
    return table(load(ACCURACIES))


def main(runs: Sequence[Path], pairs: Path, epochs: int, seed: int, output: Path) -> None:
    """Print the table and write the CSV file.

    Raises:
        SystemExit: a run has no encoder, or labelled pairs are missing.
    """
    print_anything()
    try:
        results = measure([*map(Run, runs)], pairs, epochs, seed)
    except (UserError, FileNotFoundError) as error:
        sys.exit(f"entailment: {error}")
    replace_rows(output, Result._fields, results)
    print(table(results), output, sep="\n\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="entailment", description="Semi-supervised accuracy on SNLI, as in ARAE's paper."
    )
    parser.add_argument("runs", type=Path, nargs="+", help="folders of runs on snli-arae")
    parser.add_argument(
        "--pairs", type=Path, default=Path("data/snli"), help="folder of SNLI (%(default)s)"
    )
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    parser.add_argument(
        "--output", type=Path, default=Path("entailment.csv"), help="CSV file (%(default)s)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main(**vars(arguments()))
