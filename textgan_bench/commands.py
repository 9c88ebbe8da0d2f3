"""``sample`` and ``score``: text out of a run, and numbers out of a text."""

import json
import sys
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import ArgumentParser
from torchmetrics import Metric, MetricCollection

from textgan_bench.functional.hashed_ngrams import HashedNGrams
from textgan_bench.interfaces import Sentence, TextDataModule, TextGenerator
from textgan_bench.metrics import BLEU, FED, Diversity, LMScore, ReverseLMScore
from textgan_bench.recipes import table
from textgan_bench.runs import Run, load_checkpoint
from textgan_bench.scoring import (
    data_fingerprint,
    fingerprint,
    read_sentences,
    read_text,
    unparse,
    write_sentences,
)
from textgan_bench.scoring import score as score_sentences
from textgan_bench.tokens import PAD_TOKEN, UNKNOWN_TOKEN, Vocabulary

CHUNK = 500
"""Sentences drawn at once: memory grows with it and speed no longer does."""


def sample(run: Path, *, n: int, knob: float | None, seed: int, output: Path | None) -> None:
    """Print ``n`` sentences of a run, or write them into a file.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint.
        ValueError: the checkpoint is damaged, or the run is no generator of sentences.
    """
    from textgan_bench.training import TrainingCLI

    if n < 1:
        raise ValueError(f"-n {n}: the number of sentences is at least 1")
    folder = Run(run)
    folder.load_config()
    checkpoint = load_checkpoint(folder.checkpoint(folder.tested_checkpoint()))
    command_line = TrainingCLI([f"--config={folder.config}"], run=False)
    model, data = command_line.model, command_line.datamodule
    if not isinstance(model, TextGenerator):
        raise ValueError(f"{type(model).__name__} does not write sentences from nothing")
    data.prepare_data()
    data.setup("test")
    model.load_state_dict(checkpoint["state_dict"])
    model.eval()
    torch.manual_seed(seed)
    setting = {} if knob is None else {model.knob: knob}
    sentences: list[Sentence] = []
    with torch.no_grad():
        while len(sentences) < n:
            batch = model.sample(min(CHUNK, n - len(sentences)), **setting)
            sentences += data.vocabulary.decode_batch(batch)
    if output is None:
        sys.stdout.write(unparse(sentences))
    else:
        write_sentences(output, sentences)


def score(
    file: Path,
    *,
    references: Path | None,
    data: str | None,
    data_dir: str | None,
    vocabulary: Path | None,
    validation: Path | None,
    as_json: bool,
) -> None:
    """Print the scores of a text file, by the code and with the numbers of a run.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file holds no sentence, or an argument does not apply.
    """
    sentences = read_sentences(file)
    if data is not None:
        if vocabulary is not None or validation is not None:
            raise ValueError("--data brings its own vocabulary and validation text")
        judge = _data_module(data, data_dir)
        metrics, settings = judge.metrics("test"), data_fingerprint(judge, len(sentences))
    else:
        if references is None or data_dir is not None:
            raise ValueError("--data_dir belongs to --data, not to --references")
        metrics, settings = _judge(references, vocabulary, validation, len(sentences))
        if validation is None:
            print("no FED: --validation names the text its encoder is fitted on", file=sys.stderr)
    scores = score_sentences(metrics, sentences)
    if as_json:
        print(json.dumps({"scores": scores, "fingerprint": settings}, indent=2))
        return
    for name, value in scores.items():
        print(f"{name:20}{value:12.5f}")
    print(", ".join(f"{name} {value}" for name, value in settings.items()))


def _data_module(name: str, data_dir: str | None) -> TextDataModule:
    content = yaml.safe_load((table(name) / "data.yaml").read_text(encoding="utf-8"))
    settings = content["data"]
    if data_dir is not None:
        settings["init_args"] = {**settings.get("init_args", {}), "data_dir": data_dir}
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(TextDataModule, "data")
    data: TextDataModule = parser.instantiate(parser.parse_object({"data": settings})).data
    data.prepare_data()
    data.setup("test")
    return data


def _judge(
    references: Path, vocabulary: Path | None, validation: Path | None, num_samples: int
) -> tuple[MetricCollection, dict[str, Any]]:
    """Metrics over text files and what the scores depend on."""
    text = read_sentences(references)
    encoder_text = [] if validation is None else read_sentences(validation)
    if vocabulary is None:
        words = {word for sentence in text for word in sentence}
    else:  # an entry may hold a blank, and no two lines are joined by it
        words = set(read_text(vocabulary).split("\n")) - {""}
    known = Vocabulary((PAD_TOKEN, *sorted((words | {UNKNOWN_TOKEN}) - {PAD_TOKEN})))
    metrics: list[Metric] = [
        BLEU(text),
        LMScore(text, known),
        ReverseLMScore(text, known),
        Diversity(),
    ]
    if encoder_text:
        metrics.append(FED(text, HashedNGrams.fit(encoder_text)))
    return (
        MetricCollection(metrics),
        fingerprint(num_samples, text, known.tokens[1:], encoder_text),
    )
