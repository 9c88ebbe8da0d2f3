"""The revision of every data set, on which the names of its records depend, and what it holds.

``tests/golden/data.json`` holds them for the files beside the checkout and for small made-up ones.
A change that is meant to change a data set records them again:

    python -m tests.datamodules.test_revisions
"""

import gzip
import json
import pickle
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from hashlib import sha256
from itertools import islice, product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from torchmetrics import MetricCollection

from datamodules import lstm, sources
from datamodules.coco import ENTRIES, PADDING_ID
from datamodules.yelp import STAND_IN
from textgan_bench.evaluation.fingerprint import data_fingerprint
from textgan_bench.evaluation.text import unparse
from textgan_bench.interfaces import TextDataModule
from textgan_bench.recipes import TEXT, data_module, tables

GOLDEN = Path(__file__).parents[1] / "golden" / "data.json"
SHARED = Path("../shared/data")
OWN_TEXT = SHARED / "coco/texygen_train.txt"
GENERATED = ("hmm", "cfg")
SLOW = ("coco-2014", "coco-2017", "lstm")
"""Tables whose text takes many seconds: 80,000 captions are split into words, an LSTM writes 25,000
sentences."""
NOT_AT_HAND = "yahoo_answers"
"""A table whose files are neither beside the checkout nor to be downloaded."""
TOPICS = "snli-topics"
"""A table that has made-up files of its own: those of ``snli`` are about neither man nor woman."""
FEW_WORDS = "yelp-wordsub-50"
"""Likewise: those of ``yelp-wordsub`` have few sentences that 50 words tell apart."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def write(path: Path, lines: Iterable[str]) -> None:
    content = "".join(f"{line}\n" for line in lines).encode()
    # Nothing is compressed, so that every version of zlib writes the same bytes.
    path.write_bytes(gzip.compress(content, 0, mtime=0) if path.suffix == ".gz" else content)


def sentences(n: int, word: str) -> list[str]:
    return [f"A {a} {word} sees {b}{c}, {d}." for a, b, c, d in product(LETTERS, repeat=4)][:n]


def made_up_arrays() -> list[np.ndarray]:
    """Arrays of the shapes of the LSTM oracle, of numbers in [-1, 1) that no library rounds."""
    sizes = [int(np.prod(shape)) for shape in lstm.SHAPES]
    places = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    return [
        (place * 40_503 % 65_536 / 32_768 - 1).astype(np.float32).reshape(shape)
        for place, shape in zip(places, lstm.SHAPES, strict=True)
    ]


def write_arrays(path: Path, arrays: Sequence[np.ndarray]) -> None:
    """Pickle arrays by the names that numpy had at the time of the oracle's file."""
    content = pickle.dumps([*arrays], protocol=2)
    path.write_bytes(content.replace(b"cnumpy._core.", b"cnumpy.core."))


def few_sentences() -> AbstractContextManager[Any]:
    """What an LSTM writes for the splits in half a minute, in a moment."""
    return patch.dict(lstm.SIZES, {"train": 300, "validation": 200, "test": 100})


def make_files(folder: Path) -> None:
    """Small files of every data set that is read from a folder, which each finds by their names."""
    entries = [f"w{index}" for index in range(ENTRIES)]
    entries[PADDING_ID] = "<pad>"
    words = (f"w{index % 900} w2 w{ENTRIES - 1}" for index in range(5_100))
    texts = {
        "leakgan_vocab.txt": entries,
        "large_train.txt.gz": words,
        "leakgan_test.txt": [f"w{index} w7 w2000" for index in range(50)],
        "captions_raw.txt.gz": [f"{a}{b} {c}" for a, b, c in product(LETTERS, repeat=3)][:10_100],
        "sentences.txt.gz": [f"{a}{b} {c}" for a, b, c, _ in product(LETTERS, repeat=4)][:52_000],
        "texygen_train.txt": sentences(2_900, "cat"),
        "texygen_test.txt": sentences(200, "cat"),
        "texygen_test.txt.gz": sentences(200, "fox"),
        "gfs_valid.txt.gz": sentences(400, "fox"),
        "sentences_train.txt.gz": [*sentences(300, "hen"), "very " * 50],
        "sentences_test.txt.gz": sentences(100, "Hen"),
        "female.txt": [f"{a}{b}{c}" for a, b, c in product("Abcdefghijklm", repeat=3)],
        "male.txt": [f"{a}{b}o" for a, b in product("Abcdefghijk", repeat=2)] + ["Jo Ann"],
        **{
            f"{part}_{label}.{end}": sentences(n, f"{label} {part}")
            for part, n, end in (
                ("shen_test", 6_000, "txt.gz"),
                ("shen_dev", 5_000, "txt.gz"),
                ("li_test", 20, "txt"),
            )
            for label in ("neg", "pos")
        },
    }
    texts |= {
        f"{part}{number}.txt": sentences(n, f"{topic} {part}")
        for part, n in (("train", 300), ("valid", 60), ("test", 60))
        for number, topic in enumerate(("atom", "song", "vote"), start=1)
    }
    for name, lines in texts.items():
        write(folder / name, lines)
    (folder / TOPICS).mkdir()
    for part, n in (("train", 300), ("test", 60)):
        topics = [line for noun in ("man", "lady", "girl") for line in sentences(n, noun)]
        write(folder / TOPICS / f"sentences_{part}.txt.gz", topics)
    write_arrays(folder / lstm.FILE, made_up_arrays())
    (folder / FEW_WORDS).mkdir()
    few = map(" ".join, islice(product(LETTERS[:12], repeat=4), 12_000))
    for name in STAND_IN:
        write(folder / FEW_WORDS / name, islice(few, 12_000 // len(STAND_IN)))


def module_of(table: str, folder: Path) -> TextDataModule:
    """The data set of a table on made-up files, or the one that is generated."""
    own = {table: folder / table for table in (TOPICS, FEW_WORDS)}
    path = ({TEXT: folder / "texygen_train.txt"} | own).get(table, folder)
    _, data = data_module(table, None if table in GENERATED else str(path))
    return data


def module_at_hand(table: str) -> TextDataModule:
    _, data = data_module(table, str(OWN_TEXT) if table == TEXT else None)
    return data


def revision(data: TextDataModule) -> dict[str, Any]:
    """What a record says of a data set, and the sizes that a method is built with."""
    data.prepare_data()
    data.setup("test")
    sizes = [data.vocab_size, data.max_length, vars(data)["batch_size"]]
    return {"revision": data.revision, "source": data.source, "sizes": sizes}


def names(metrics: MetricCollection) -> list[str]:
    return [type(metric).__name__ for metric in metrics.values()]


def judging(data: TextDataModule) -> dict[str, Any]:
    """What scores depend on, in their order, and the text of reference rows."""
    data.prepare_data()
    data.setup("test")
    halves = data.halves()
    texts = data.anchors(500) | data.rewritings()
    if halves is not None:
        texts |= {"samples": halves.samples, "references": halves.references}
    return {
        "fingerprint": data_fingerprint(data, 500),
        "validation": names(data.metrics("validation")),
        "test": names(data.metrics("test")),
        "halves": None if halves is None else names(halves.metrics),
        "aligned": data.aligned("test") == data.sentences("test"),
        "texts": {name: sha256(unparse(text).encode()).hexdigest() for name, text in texts.items()},
    }


def recorded(section: str, table: str) -> object:
    return json.loads(GOLDEN.read_text(encoding="utf-8"))[section][table]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("files")
    make_files(made)
    return made


@pytest.mark.parametrize("table", tables())
def test_made_up_files_have_the_revision_that_was_recorded(table: str, folder: Path) -> None:
    with few_sentences():
        found = revision(module_of(table, folder))
    assert found == recorded("made up", table)


at_hand = [table for table in tables() if table != NOT_AT_HAND]
needs_files = pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not here")


@needs_files
@pytest.mark.parametrize(
    "table",
    [pytest.param(table, marks=[pytest.mark.slow] * (table in SLOW)) for table in at_hand],
)
def test_files_at_hand_have_the_revision_that_was_recorded(table: str) -> None:
    assert revision(module_at_hand(table)) == recorded("at hand", table)


@needs_files
@pytest.mark.slow
@pytest.mark.parametrize("table", at_hand)
def test_files_at_hand_are_judged_as_was_recorded(table: str) -> None:
    assert judging(module_at_hand(table)) == recorded("judging", table)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        made, sources.ROOT = Path(name) / "files", Path(name) / "data"
        made.mkdir()
        make_files(made)
        with few_sentences():
            made_up = {table: revision(module_of(table, made)) for table in tables()}
        golden = {
            "made up": made_up,
            "at hand": {table: revision(module_at_hand(table)) for table in at_hand},
            "judging": {table: judging(module_at_hand(table)) for table in at_hand},
        }
    GOLDEN.write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n", "utf-8")
