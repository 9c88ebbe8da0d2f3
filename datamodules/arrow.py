"""Encoded corpora as Arrow tables on disk, mapped into memory when read.

An encoded corpus is a folder with a table for each split, whose columns are the fields of a batch
in 32 bits, and ``corpus.json`` with the vocabulary and the line that describes it.
"""

import json
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from textgan_bench.errors import UserError
from textgan_bench.files import replace_text, replaced
from textgan_bench.interfaces import Split
from textgan_bench.tokens import (
    Batch,
    CipherBatch,
    LabelledBatch,
    Sentence,
    TokenBatch,
    TransferBatch,
    Vocabulary,
)

DESCRIPTION = "corpus.json"
KINDS: dict[tuple[str, ...], Any] = {
    kind._fields: kind for kind in (TokenBatch, LabelledBatch, TransferBatch, CipherBatch)
}


@dataclass(frozen=True)
class Encoded:
    """What a corpus holds: its splits as padded index tensors, and their text on demand."""

    vocabulary: Vocabulary
    splits: dict[Split, Batch]
    source: str
    """One line for the reader of a table: what text this is, and for what it stands in."""
    _sentences: dict[Split, list[Sentence]] = field(default_factory=dict, init=False, repr=False)

    def decode(self, tokens: Batch) -> list[Sentence]:
        """Sentences as they are read back from a text file.

        An entry of the vocabulary that holds a blank becomes two words.
        """
        sentences = self.vocabulary.decode_batch(tokens)
        if all(word.split() == [word] for word in self.vocabulary.tokens):
            return sentences
        return [" ".join(words).split() for words in sentences]

    def sentences(self, split: Split) -> list[Sentence]:
        """The text of a split, always the same list."""
        if split not in self._sentences:
            self._sentences[split] = self.decode(self.splits[split])
        return self._sentences[split]


def is_complete(folder: Path) -> bool:
    """Whether the folder holds all of a corpus."""
    return (folder / DESCRIPTION).is_file()


def write_encoded(folder: Path, corpus: Encoded) -> None:
    """Write the tables, and at last the description: with it the folder is complete."""
    for split, tokens in corpus.splits.items():
        columns = tokens._asdict()
        batch = pa.record_batch({name: _array(column) for name, column in columns.items()})
        with (
            replaced(folder / f"{split}.arrow") as file,
            pa.ipc.new_file(file, batch.schema) as table,
        ):
            table.write_batch(batch)
    description = {"source": corpus.source, "vocabulary": corpus.vocabulary.tokens}
    replace_text(folder / DESCRIPTION, json.dumps(description))


def read_encoded(folder: Path) -> Encoded:
    """The corpus of a folder, its splits as views of their files, 32 bits an index.

    Raises:
        UserError: the folder is damaged.
    """
    names: tuple[Split, ...] = ("train", "validation", "test")
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        splits = {name: _read(folder / f"{name}.arrow") for name in names}
        return Encoded(Vocabulary(tuple(description["vocabulary"])), splits, description["source"])
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise UserError(f"{folder} is damaged: {error}; delete it") from error


def _array(column: Tensor) -> pa.Array:
    values = pa.array(column.int().flatten().numpy())
    return (
        values if column.dim() == 1 else pa.FixedSizeListArray.from_arrays(values, column.shape[1])
    )


def _read(path: Path) -> Batch:
    batch = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
    columns = [_tensor(column) for column in batch.columns]
    tokens: Batch = KINDS[tuple(batch.schema.names)](*columns)
    return tokens


def _tensor(array: pa.Array) -> Tensor:
    rows = isinstance(array, pa.FixedSizeListArray)
    values = (array.values if rows else array).to_numpy()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*not writable.*")  # nothing writes into a split
        tensor = torch.from_numpy(values)
    return tensor.view(len(array), -1) if rows else tensor
