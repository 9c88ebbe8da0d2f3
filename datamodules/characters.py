"""Ciphers on the letters of any text, for quick runs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase

from datamodules.arrow import Encoded
from datamodules.brown import ARCHIVE, BROWN, SENTENCES, BrownW200, fetch_brown
from datamodules.ciphers import encipher
from datamodules.corpus import FileCorpus
from datamodules.counted import split_of
from datamodules.judging import Judging, Paired
from datamodules.keys import Key, vigenere
from datamodules.lines import read_lines
from textgan_bench.errors import UserError
from textgan_bench.interfaces import Split
from textgan_bench.tokens import PAD_TOKEN, Vocabulary

BLANK = "_"


@dataclass(frozen=True)
class CharacterCipher(FileCorpus):
    """Vigenère, or with one digit a shift, over the letters of any text and the blanks in it.

    Lower case, all other characters blanks, 27 symbols; the blank is written ``_``. A text is split
    by a hash of the sentence, and training by its place: even sentences plain, odd ones enciphered.

    Args:
        data_dir: a text file of one sentence a line, or the folder of the Brown corpus; that is
            downloaded if None.
        digits: digits of the key, in turn from the start of each sentence.
        max_length: T; longer sentences are cut.

    Raises:
        MissingError: the file is missing, or cannot be downloaded.
        UserError: there is no digit; later, a file is damaged.
    """

    FOLDER = BrownW200.FOLDER
    SOURCES = BROWN
    vocab_size = 28
    digits: tuple[int, ...] = (3, 4, 5)
    max_length: int = 30

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.digits:
            raise UserError("a key has at least one digit")

    @property
    def judging(self) -> Judging:
        return Paired()

    def key_for(self, vocab_size: int) -> Key:
        """What turns plain text into cipher text: with it every score has its ceiling."""
        return vigenere(self.digits, vocab_size)

    def fetch(self) -> None:
        fetch_brown(self.folder, BROWN[ARCHIVE])

    def files(self) -> tuple[Path, ...]:
        if self.folder.is_file():
            return (self.folder,)
        return self.choose((SENTENCES,))

    def read(self) -> Encoded:
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
        key = self.key_for(len(vocabulary))
        splits = encipher(key, self.max_length, train[0::2], train[1::2], held_out)
        sizes = ", ".join(f"{len(tokens.ids):,} {split}" for split, tokens in splits.items())
        digits = "-".join(map(str, self.digits))
        return Encoded(vocabulary, splits, f"letters of {path.name}, key {digits}: {sizes}")
