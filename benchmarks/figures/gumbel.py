"""Gumbel-softmax GAN on its grammar: figures 3 and 4 of Kusner and Hernández-Lobato (2016)."""

from collections.abc import Sequence
from pathlib import Path

from torchmetrics import MetricCollection

from datamodules import TextData
from datamodules.cfg import CFG, parses
from textgan_bench.evaluation.figures import plot_losses, plot_texts
from textgan_bench.evaluation.scores import score
from textgan_bench.metrics.diversity import Diversity
from textgan_bench.metrics.oracle_nll import OracleNLL
from textgan_bench.metrics.parse_rate import ParseRate
from textgan_bench.reading import read_sentences
from textgan_bench.tokens import PAD_TOKEN, Sentence
from textgan_bench.training.run import Run

VARIANTS = ("gumbel", "gumbel.1000", "gumbel.inputs", "gumbel.hidden")
PANELS = (
    "(a) annealed",
    "(b) 1,000 samples",
    "(c) inputs alone annealed",
    "(d) noise in the hidden state",
)
SHOWN = 18  # rows of figure 4


def losses(runs: Sequence[Run], path: Path, caption: str) -> None:
    """Figure 3: the players' losses along the iterations of each variant."""
    players = "discriminator", "generator"
    panels = {}
    for title, run in zip(PANELS, runs, strict=True):
        points = run.logged(*(f"{player}/loss" for player in players))
        panels[title] = {
            player: [(point[0] + 1, point[i]) for point in points]
            for i, player in enumerate(players, start=1)
        }
    plot_losses(panels, path, "iteration", caption)


def samples(runs: Sequence[Run], path: Path, caption: str) -> None:
    """Figure 4: strings of the grammar, of maximum likelihood and of each variant.

    Below them what the paper does not give, of all samples: the share that parses, and where blanks
    end a string; the share of distinct strings up to there, and their negative log-likelihood in
    nats a character.
    """
    corpus = CFG()
    data = TextData(corpus)
    data.setup()
    metrics = MetricCollection(
        [ParseRate(parses), Diversity(), OracleNLL(corpus.oracle, data.vocabulary)]
    )
    texts = {"grammar": data.sentences("test")}
    titles = ("LSTM, MLE", *(panel[:3] for panel in PANELS))
    texts |= {title: read_sentences(run.samples) for title, run in zip(titles, runs, strict=True)}
    plot_texts({title: column(text, metrics) for title, text in texts.items()}, path, caption)


def column(text: Sequence[Sentence], metrics: MetricCollection) -> list[str]:
    scores = score(metrics, text)
    return [
        *("".join(symbols).replace(PAD_TOKEN, " ") for symbols in text[:SHOWN]),
        "",
        f"parses   {scores['parse_rate']:.3f}",
        f"to blank {scores['prefix_parse_rate']:.3f}",
        f"distinct {scores['distinct_sentences']:.3f}",
        f"NLL      {scores['oracle_nll']:.3f}",
    ]
