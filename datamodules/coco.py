"""Image captions of MS COCO (Chen et al., 2015; CC BY 4.0) as LeakGAN and Irl_gen split them.

80,000 training and 5,000 test captions of at most 32 words over 4,838 words (Guo et al., 2018; Shi
et al., 2018), 5,000 of the training captions held out for validation as in NAGAN (A.4.3). Published
as lines of 32 word ids and a pickled vocabulary.
"""

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from torch.hub import download_url_to_file

from datamodules.corpus import Corpus, CorpusDataModule, encode_lines, read_lines
from textgan_bench.tokens import PAD_TOKEN, Vocabulary

DEFAULT_DIR = Path(__file__).parents[1] / "data" / "coco"
MAX_LENGTH = 32
ENTRIES = 4_839  # 4,838 words and the padding symbol
PADDING_ID = 1_814  # of the published ids
_INDEX_OF_ID = {str(i): i + 1 if i < PADDING_ID else i for i in range(ENTRIES) if i != PADDING_ID}

TRAIN, TEST, VOCABULARY = "realtrain_cotra.txt", "realtest_coco.txt", "vocab_cotra.pkl"
STAND_IN_TRAIN, STAND_IN_TEST, STAND_IN_VOCABULARY = (
    "large_train.txt.gz",
    "leakgan_test.txt",
    "leakgan_vocab.txt",
)
_GITHUB = "https://raw.githubusercontent.com"
_IRL_GEN = f"{_GITHUB}/FudanNLP/Irl_gen/dd377ca926f16098880bb9439b16b5ed3784743f/imagecoco/save"
_LEAKGAN = (
    f"{_GITHUB}/CR-Gjx/LeakGAN/dc3360e30f2572cc4d7281cf2c8f490558e4a794"
    "/No%20Temperature/Image%20COCO/save"
)
# The test set and the vocabulary are the same in both; the training set has this name in LeakGAN.
SOURCES = {
    TRAIN: f"{_LEAKGAN}/{TRAIN}",
    TEST: f"{_IRL_GEN}/{TEST}",
    VOCABULARY: f"{_IRL_GEN}/{VOCABULARY}",
}
SHA256_PREFIX = {TEST: "5ee12f621faf0a50"}


class COCO(CorpusDataModule):
    """Captions of at most 32 words, cased, one token a word or punctuation mark.

    Args:
        data_dir: folder of the published files, or of the stand-in for them (see the README of
            this folder); ``data/coco`` of the checkout if None, where the published files are
            downloaded.
        batch_size: 64 in NAGAN (Table 9, real data).
        batches_per_epoch: 1,500 in NAGAN (A.7); one pass over the data if None.

    Raises:
        FileNotFoundError: the folder or a file is missing, or cannot be downloaded.
        ValueError: a size is not positive; later, a file is damaged.
    """

    VALIDATION_SIZE: ClassVar[int] = 5_000

    def __init__(
        self,
        data_dir: str | Path | None = None,
        batch_size: int = 64,
        batches_per_epoch: int | None = None,
    ) -> None:
        super().__init__(ENTRIES, MAX_LENGTH, batch_size, batches_per_epoch)
        self.data_dir = None if data_dir is None else Path(data_dir)
        if self.data_dir is not None and not self.data_dir.is_dir():
            raise FileNotFoundError(
                f"data_dir {data_dir} is not a folder; leave it out to download into {DEFAULT_DIR}"
            )

    def prepare_data(self) -> None:
        """Download the published files, unless a folder was named or they are there."""
        if self.data_dir is not None:
            return
        DEFAULT_DIR.mkdir(parents=True, exist_ok=True)
        for name, url in SOURCES.items():
            if not (DEFAULT_DIR / name).exists():
                download(url, DEFAULT_DIR / name, SHA256_PREFIX.get(name))

    def read(self) -> Corpus:
        folder = self.data_dir or DEFAULT_DIR
        published = tuple(folder / name for name in (TRAIN, TEST, VOCABULARY))
        stand_in = tuple(
            folder / name for name in (STAND_IN_TRAIN, STAND_IN_TEST, STAND_IN_VOCABULARY)
        )
        if all(path.is_file() for path in published):
            return _read_published(*published)
        if all(path.is_file() for path in stand_in):
            return _read_stand_in(*stand_in)
        # name the missing files of the set that is nearer to complete
        wanted = max(published, stand_in, key=lambda files: sum(path.is_file() for path in files))
        missing = ", ".join(path.name for path in wanted if not path.is_file())
        raise FileNotFoundError(
            f"{folder} lacks {missing}; it must hold {', '.join(path.name for path in published)}, "
            f"or the stand-in {', '.join(path.name for path in stand_in)}; "
            "leave data_dir out to download the published files"
        )


def download(url: str, path: Path, sha256_prefix: str | None = None) -> None:
    """Fetch a file with a progress bar; it appears under its name only when complete and right.

    Raises:
        FileNotFoundError: the address cannot be reached.
        ValueError: it holds another content.
    """
    remedy = f"place it in {path.parent} by hand or name another folder by data_dir"
    try:
        download_url_to_file(url, str(path), sha256_prefix)
    except OSError as error:
        raise FileNotFoundError(
            f"{path.name} could not be fetched from {url}: {error}; {remedy}"
        ) from error
    except RuntimeError as error:
        raise ValueError(f"{url} is not the published file: {error}; {remedy}") from error


def _vocabulary(path: Path, entries: Sequence[str]) -> Vocabulary:
    """Entries in the order of their ids, the padding symbol moved to the front."""
    if len(entries) != ENTRIES:
        raise ValueError(f"{path} has {len(entries)} entries, not {ENTRIES}")
    if entries[PADDING_ID].strip() not in ("", PAD_TOKEN):
        raise ValueError(f"{path}: entry {PADDING_ID} is '{entries[PADDING_ID]}', not padding")
    words = [*entries[:PADDING_ID], *entries[PADDING_ID + 1 :]]
    try:
        return Vocabulary((PAD_TOKEN, *words))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _read_stand_in(train: Path, test: Path, vocabulary: Path) -> Corpus:
    words = _vocabulary(vocabulary, read_lines(vocabulary))
    train_lines, test_lines = read_lines(train), read_lines(test)
    return Corpus(
        words,
        encode_lines(train, train_lines, words.encode, MAX_LENGTH),
        encode_lines(test, test_lines, words.encode, MAX_LENGTH),
        (train, test, vocabulary),
        f"stand-in for the COCO captions of LeakGAN and Irl_gen: {len(train_lines):,} other COCO "
        f"captions made to the same rules for training; their {len(test_lines):,} test captions",
    )


def _read_published(train: Path, test: Path, vocabulary: Path) -> Corpus:
    words = _vocabulary(vocabulary, _unpickle_entries(vocabulary))
    train_lines, test_lines = read_lines(train), read_lines(test)
    return Corpus(
        words,
        encode_lines(train, train_lines, _from_published_ids, MAX_LENGTH),
        encode_lines(test, test_lines, _from_published_ids, MAX_LENGTH),
        (train, test, vocabulary),
        f"COCO captions of LeakGAN and Irl_gen: {len(train_lines):,} for training and validation, "
        f"{len(test_lines):,} for test",
    )


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


def _unpickle_entries(path: Path) -> list[str]:
    """The published vocabulary: a list of words in the order of their ids, and its inverse."""
    content: Any
    try:
        with path.open("rb") as file:
            content = _DataUnpickler(file, encoding="utf-8").load()
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
    ) as error:
        raise ValueError(f"{path} is not the published vocabulary: {error}") from error
    return entries
