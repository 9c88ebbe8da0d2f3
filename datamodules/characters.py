"""Ciphers on the letters of any text, for quick runs."""

import re
from collections.abc import Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any, ClassVar

from datamodules.arrow import Corpus
from datamodules.brown import ARCHIVE, SENTENCES, BrownW200, fetch_brown
from datamodules.ciphers import CipherDataModule
from datamodules.keys import Key, vigenere
from datamodules.lines import read_lines
from datamodules.sources import Source
from datamodules.text import split_of
from textgan_bench.errors import UserError
from textgan_bench.interfaces import Split
from textgan_bench.tokens import PAD_TOKEN, Vocabulary

BLANK = "_"


class CharacterCipher(CipherDataModule):
    """Vigenère, or with one digit a shift, over the letters of any text and the blanks in it.

    Lower case, all other characters blanks, 27 symbols; the blank is written ``_``. A text is split
    by a hash of the sentence, and training by its place: even sentences plain, odd ones enciphered.

    Args:
        data_dir: a text file of one sentence a line, or the folder of the Brown corpus; that is
            downloaded if None.
        digits: of the key, in turn from the start of each sentence.
        max_length: T; longer sentences are cut.
        batch_size: 64 as in CipherGAN.
        batches_per_epoch: one pass over the data if None.

    Raises:
        FileNotFoundError: the file is missing, or cannot be downloaded.
        UserError: a size is not positive, there is no digit, or a file is damaged.
    """

    FOLDER: ClassVar[str] = "brown"
    SOURCES: ClassVar[dict[str, Source]] = BrownW200.SOURCES

    def __init__(
        self,
        data_dir: str | Path | None = None,
        digits: tuple[int, ...] = (3, 4, 5),
        max_length: int = 30,
        batch_size: int = 64,
        batches_per_epoch: int | None = None,
    ) -> None:
        if not digits:
            raise UserError("a key has at least one digit")
        super().__init__(data_dir, 28, max_length, batch_size, batches_per_epoch)
        self.digits = tuple(digits)

    @property
    def settings(self) -> dict[str, Any]:
        return {"digits": list(self.digits), "max_length": self.max_length}

    def key_for(self, vocab_size: int) -> Key:
        return vigenere(self.digits, vocab_size)

    def fetch(self) -> None:
        fetch_brown(self.folder, self.SOURCES[ARCHIVE])

    def files(self) -> tuple[Path, ...]:
        if self.folder.is_file():
            return (self.folder,)
        return self.choose((SENTENCES,), (SENTENCES,))

    def read(self) -> Corpus:
        (path,) = self.files()
        vocabulary = Vocabulary((PAD_TOKEN, BLANK, *ascii_lowercase))
        parts: dict[Split, list[list[int]]] = {"train": [], "validation": [], "test": []}
        for line in read_lines(path):
            letters = re.sub("[^a-z]+", BLANK, line.lower()).strip(BLANK)[: self.max_length]
            if letters:
                parts[split_of(list(letters))].append(vocabulary.encode(letters))
        for split, sentences in parts.items():
            if len(sentences) < 2:
                raise UserError(f"{path} is too short: it leaves no sentences for {split}")
        train = parts["train"]
        held_out: dict[Split, Sequence[Sequence[int]]] = {
            "validation": parts["validation"],
            "test": parts["test"],
        }
        splits = self.encipher(vocabulary, train[0::2], train[1::2], held_out)
        sizes = ", ".join(f"{len(tokens.ids):,} {split}" for split, tokens in splits.items())
        key = "-".join(map(str, self.digits))
        return Corpus(vocabulary, splits, f"letters of {path.name}, key {key}: {sizes}")
