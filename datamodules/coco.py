"""Image captions of MS COCO (Chen et al., 2015; CC BY 4.0) as LeakGAN and Irl_gen split them.

80,000 training and 5,000 test captions of at most 32 words over 4,838 words (Guo et al., 2018; Shi
et al., 2018), 5,000 of the training captions held out for validation as in NAGAN (A.4.3). Published
as lines of 32 word ids and a pickled vocabulary.
"""

import io
import pickle
import pickletools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import torch

from datamodules.arrow import Encoded
from datamodules.corpus import FileCorpus
from datamodules.lines import encode_lines, read_lines
from datamodules.sources import GITHUB, Source
from textgan_bench.errors import UserError
from textgan_bench.tokens import PAD_TOKEN, TokenBatch, Vocabulary

MAX_LENGTH = 32
VALIDATION = 5_000  # captions held out of the training file
ENTRIES = 4_839  # 4,838 words and the padding symbol
PADDING_ID = 1_814  # of the published ids
_INDEX_OF_ID = {str(i): i + 1 if i < PADDING_ID else i for i in range(ENTRIES) if i != PADDING_ID}

TRAIN, TEST, VOCABULARY = "realtrain_cotra.txt", "realtest_coco.txt", "vocab_cotra.pkl"
STAND_IN_TRAIN, STAND_IN_TEST, STAND_IN_VOCABULARY = (
    "large_train.txt.gz",
    "leakgan_test.txt",
    "leakgan_vocab.txt",
)
_IRL_GEN = f"{GITHUB}/FudanNLP/Irl_gen/dd377ca926f16098880bb9439b16b5ed3784743f/imagecoco/save"
_LEAKGAN = (
    f"{GITHUB}/CR-Gjx/LeakGAN/dc3360e30f2572cc4d7281cf2c8f490558e4a794"
    "/No%20Temperature/Image%20COCO/save"
)


@dataclass(frozen=True)
class COCO(FileCorpus):
    """Captions of at most 32 words, cased, one token a word or punctuation mark.

    A folder holds the published files, or the stand-in for them (see the README of this folder).
    """

    FOLDER = "coco"
    # The test set and the vocabulary are the same in both; LeakGAN's training set has this name.
    SOURCES: ClassVar[dict[str, Source]] = {
        TRAIN: Source(f"{_LEAKGAN}/{TRAIN}", "4f3b20c8fd204ed94636332c72405f5180d48261"),
        TEST: Source(
            f"{_IRL_GEN}/{TEST}",
            "5ee12f621faf0a504e544b737be292733744dc7cc592d2ccb1c43acfbd8246d5",
        ),
        VOCABULARY: Source(
            f"{_IRL_GEN}/{VOCABULARY}",
            "6b6895f5890e09e5d880b8e5b57bd66ea474d38d9b95ebfd01e4e6759ce4b46d",
        ),
    }
    vocab_size = ENTRIES
    max_length = MAX_LENGTH

    def files(self) -> tuple[Path, ...]:
        return self.choose(
            (TRAIN, TEST, VOCABULARY), (STAND_IN_TRAIN, STAND_IN_TEST, STAND_IN_VOCABULARY)
        )

    def read(self) -> Encoded:
        train_file, test_file, vocabulary_file = self.files()
        train_lines, test_lines = read_lines(train_file), read_lines(test_file)
        encode: Callable[[list[str]], list[int]]
        if train_file.name == TRAIN:
            words = _vocabulary(vocabulary_file, _unpickle_entries(vocabulary_file))
            encode = _from_published_ids
            source = (
                f"COCO captions of LeakGAN and Irl_gen: {len(train_lines):,} for training and "
                f"validation, {len(test_lines):,} for test"
            )
        else:
            words = _vocabulary(vocabulary_file, read_lines(vocabulary_file))
            encode = words.encode
            source = (
                f"stand-in for the COCO captions of LeakGAN and Irl_gen: {len(train_lines):,} "
                "other COCO captions made to the same rules for training; their "
                f"{len(test_lines):,} test captions"
            )
        captions = encode_lines(train_file, train_lines, encode, MAX_LENGTH)
        train, validation = hold_out(captions, VALIDATION, train_file)
        test = encode_lines(test_file, test_lines, encode, MAX_LENGTH)
        return Encoded(words, {"train": train, "validation": validation, "test": test}, source)


def hold_out(tokens: TokenBatch, size: int, path: Path) -> tuple[TokenBatch, TokenBatch]:
    """Training and validation sentences of a file, always the same ``size`` of it for validation.

    Raises:
        UserError: none would be left for training.
    """
    lines = len(tokens.ids)
    if lines <= size:
        raise UserError(
            f"{path} has {lines} lines: {size} are taken for validation and none would be left for "
            "training"
        )
    order = torch.randperm(lines, generator=torch.Generator().manual_seed(0))
    train, validation = (
        TokenBatch(*(column[rows] for column in tokens)) for rows in (order[size:], order[:size])
    )
    return train, validation


def _vocabulary(path: Path, entries: Sequence[str]) -> Vocabulary:
    """Entries in the order of their ids, the padding symbol moved to the front."""
    if len(entries) != ENTRIES:
        raise UserError(f"{path} has {len(entries)} entries, not {ENTRIES}")
    if entries[PADDING_ID].strip() not in ("", PAD_TOKEN):
        raise UserError(f"{path}: entry {PADDING_ID} is '{entries[PADDING_ID]}', not padding")
    words = [*entries[:PADDING_ID], *entries[PADDING_ID + 1 :]]
    try:
        return Vocabulary((PAD_TOKEN, *words))
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error


def _from_published_ids(ids: list[str]) -> list[int]:
    """Indices of published ids, which have the padding symbol in their midst and not at 0."""
    try:
        return [_INDEX_OF_ID[text] for text in ids if text != str(PADDING_ID)]
    except KeyError as error:
        raise ValueError(
            f"{error} is not an id below {ENTRIES}; is this the published file?"
        ) from None


class _DataUnpickler(pickle.Unpickler):
    """Builds lists, dictionaries and strings; a pickle that asks for a class is refused."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, a vocabulary needs no class")


def _check_pickle(stored: bytes) -> None:
    """Refuse a damaged pickle for which the unpickler would take all memory.

    It makes room for as many objects as the largest number that one of them is given.
    """
    numbers = [number or 0 for step, number, _ in pickletools.genops(stored) if "PUT" in step.name]
    if any(number > len(stored) for number in numbers):
        raise ValueError("it numbers more objects than it has bytes")


def _unpickle_entries(path: Path) -> list[str]:
    """The published vocabulary: a list of words in the order of their ids, and its inverse."""
    content: Any
    try:
        stored = path.read_bytes()
        _check_pickle(stored)
        content = _DataUnpickler(io.BytesIO(stored), encoding="utf-8").load()
        entries, inverse = content
        if not (isinstance(entries, list) and all(isinstance(word, str) for word in entries)):
            raise ValueError("its first part is not a list of strings")
        if not isinstance(inverse, dict):
            raise ValueError("its second part is not a dictionary")
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise UserError(f"{path} is not the published vocabulary: {error}") from error
    return entries
