"""Corpora that were read, as data modules."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import datamodules
from datamodules import TextData
from datamodules.corpus import Corpus, FileCorpus
from textgan_bench.interfaces import Split

CORPORA: list[type[Corpus]] = [
    value
    for value in vars(datamodules).values()
    if inspect.isclass(value) and issubclass(value, Corpus)
]


LONG_TO_READ = {"COCO2014", "COCO2017", "LSTM"}
"""Data sets that take many seconds to split into words, or to draw."""

Texts = dict[Split, list[tuple[str, ...]]]
"""The sentences of each split."""


def parameters(slow: Callable[[str], bool]) -> list[Any]:
    """The corpora, some of them left to the slow tests."""
    return [
        pytest.param(corpus, marks=[pytest.mark.slow] if slow(corpus.__name__) else [])
        for corpus in CORPORA
    ]


def construct(kind: type[Corpus]) -> Corpus:
    """The corpus, on the neighbouring folder that holds its files."""
    if not issubclass(kind, FileCorpus):
        return kind()
    folder = Path("../shared/data") / kind.FOLDER.partition("-")[0]
    if kind is datamodules.Text:
        folder = Path("../shared/data/coco/texygen_train.txt")
    if not folder.exists():
        pytest.skip(f"{folder} is not here")
    return kind(folder)


def ready(corpus: Corpus, batch_size: int = 60, batches_per_epoch: int | None = None) -> TextData:
    data = TextData(corpus, batch_size, batches_per_epoch)
    data.prepare_data()
    data.setup("test")
    return data
