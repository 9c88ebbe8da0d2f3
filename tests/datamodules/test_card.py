"""The figures of the data card are those of the data.

The card's tables tell both what is published and what the files beside the checkout hold; these
tests recompute the latter, and skip where the files are absent.
"""

import hashlib
import re
from collections import Counter
from pathlib import Path

import pytest

import datamodules
from datamodules import TextData
from tests.datamodules.ready import Texts

CARD = Path(datamodules.__file__).parent / "README.md"
RECIPES = Path(datamodules.__file__).parents[1] / "benchmarks"
SHARED = Path("../shared/data")
COLUMNS = ["train", "validation", "test", "symbols", "T", "mean length", "in train", "repeated"]


def rows() -> dict[str, list[str]]:
    """Rows of the card's table of figures, by the name of the class."""
    table = CARD.read_text(encoding="utf-8").partition("## Figures")[2].partition("\n## ")[0]
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("|")
    ]
    assert lines[0] == ["data", "class", *COLUMNS]
    return {name.strip("`"): cells for _, name, *cells in lines[2:]}


def figures(data: TextData, text: Texts) -> list[str]:
    """What the card says of a data set, from its batches."""
    counts = Counter(text["train"])
    repeated = len(text["test"]) - len(set(text["test"]))
    words = float(data.encoded.splits["train"].lengths.double().mean())
    return [
        *(f"{len(sentences):,}" for sentences in text.values()),
        f"{data.vocab_size:,}",
        str(data.max_length),
        f"{words:.2f}",
        f"{sum(sentence in counts for sentence in text['test']):,}",
        f"{repeated:,}",
    ]


def test_figures_are_those_of_the_data(data: TextData, texts: Texts) -> None:
    name = type(data.corpus).__name__
    if name == "COCO2017":
        pytest.skip("its stand-in is that of COCO2014")
    if name == "Text":
        pytest.skip("own text has no figures of its own")
    assert figures(data, texts) == rows()[name]


def test_every_table_is_on_the_card() -> None:
    card = CARD.read_text(encoding="utf-8")
    for path in RECIPES.glob("*/data.yaml"):
        assert re.search(rf"^## .*\b{path.parent.name}\b", card, re.M), path.parent.name


@pytest.mark.parametrize(
    ("checksum", "name"),
    re.findall(r"^([0-9a-f]{64})  (\S+)$", CARD.read_text(encoding="utf-8"), re.M),
)
def test_checksums_are_those_of_the_files(checksum: str, name: str) -> None:
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == checksum
