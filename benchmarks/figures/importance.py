"""Importance-sampled GAN on names: figures 5 and 6 of Toth, and its names of forced length."""

from collections.abc import Sequence
from pathlib import Path

import torch

from textgan_bench.evaluation.figures import (
    plot_bands,
    plot_lengths,
    plot_texts,
)
from textgan_bench.reading import read_sentences
from textgan_bench.training.run import Run
from textgan_bench.training.trained import load_generator

SHOWN = 10
SEED = 0


def band(runs: Sequence[Run], path: Path, caption: str) -> None:
    """Figure 5: mean and range of the epoch losses of 30 trainings."""
    (run,) = runs
    panels = {}
    for player in ("discriminator", "generator"):
        key = f"{player}/epoch_loss"
        points = run.logged(key, f"{key}_min", f"{key}_max")
        panels[f"{player}'s loss (nats)"] = [
            (epoch, *point[1:]) for epoch, point in enumerate(points, start=1)
        ]
    plot_bands(panels, path, "epoch", caption)


def lengths(runs: Sequence[Run], path: Path, caption: str) -> None:
    """Figure 6: lengths of generated and of real names; of all, where the paper has 200."""
    (run,) = runs
    _, data = load_generator(run.folder)
    texts = {"real": data.sentences("test"), "generated": read_sentences(run.samples)}
    plot_lengths(texts, path, "letters in a name", caption)


def forced(runs: Sequence[Run], path: Path, caption: str) -> None:
    """Section 5.2: names as they are drawn, and with the end symbol suppressed."""
    (run,) = runs
    model, data = load_generator(run.folder)
    torch.manual_seed(SEED)
    drawn = {
        "drawn": model.sample(SHOWN),
        f"{model.max_length} letters forced": model.sample(SHOWN, min_length=model.max_length),
    }
    real = data.sentences("test")
    texts = {"real": real[:: max(1, len(real) // SHOWN)][:SHOWN]}  # they are in alphabetical order
    texts |= {title: data.vocabulary.decode_batch(batch) for title, batch in drawn.items()}
    plot_texts(
        {title: ["".join(name) for name in text] for title, text in texts.items()}, path, caption
    )
