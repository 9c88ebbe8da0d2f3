"""English first names, letter by letter, as Toth reads them.

Mark Kantrowitz's list of 1991 with additions by Bill Ross, and Toth, "GAN training for discrete
generators", section 4.3: names of at most 9 letters without any other character.
"""

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase
from typing import Any, ClassVar

from datamodules.arrow import Encoded
from datamodules.corpus import FileCorpus
from datamodules.counted import chosen, encode_splits
from datamodules.lines import read_lines
from datamodules.sources import GITHUB, Source, fetched, keep
from textgan_bench.errors import UserError
from textgan_bench.interfaces import Split
from textgan_bench.tokens import PAD_TOKEN, Sentence, Vocabulary

NLTK_DATA = f"{GITHUB}/nltk/nltk_data/5db857e6f7df11eabb5e5665836db9ec8df07e28/packages/corpora"
VALIDATION, TEST = 500, 1_000
LISTS = ("female.txt", "male.txt")
START = ":"  # Toth's (section 4.2); generators here start from padding


@dataclass(frozen=True)
class Names(FileCorpus):
    """Distinct names in lower case, each a sequence of letters.

    The 28 symbols are Toth's: 26 letters, his start mark, which no name contains, and his end mark,
    which is padding. Real and generated names end the same way and are equally long, so that a
    discriminator cannot tell them by that, as it could in his code.
    """

    FOLDER = "names"
    TITLE = "first names of Kantrowitz in letters"
    SOURCES: ClassVar[dict[str, Source]] = {
        "names.zip": Source(
            f"{NLTK_DATA}/names.zip",
            "0eec7e958b34982662b8f05824ae64642dea097b08057ade65c252191c5fe7ca",
        )
    }
    vocab_size = 28
    max_length: int = 9
    """That of Toth; longer names are left out."""

    @property
    def settings(self) -> dict[str, Any]:
        return {**super().settings, "words": len(ascii_lowercase)}

    def fetch(self) -> None:
        for name, source in self.SOURCES.items():
            extract(source, self.folder / name, LISTS)

    def files(self) -> tuple[Path, ...]:
        return self.choose(LISTS)

    def read(self) -> Encoded:
        lines = (line.strip().lower() for path in self.files() for line in read_lines(path))
        names = sorted({name for name in lines if name.isascii() and name.isalpha()})
        test, others = chosen(list(map(list, names)), TEST, self.fits)
        validation, train = chosen(others, VALIDATION, self.fits)
        texts: dict[Split, list[Sentence]] = {
            "train": train,
            "validation": validation,
            "test": test,
        }
        letters = Vocabulary((PAD_TOKEN, START, *ascii_lowercase))
        return encode_splits(self, texts, lambda _: letters)


def extract(source: Source, archive: Path, members: Iterable[str]) -> None:
    """Fetch an archive and keep some of its files where it would lie.

    Raises:
        MissingError: the archive cannot be fetched.
        UserError: it lacks a file, or is another one.
    """
    content = io.BytesIO(fetched(source, archive))
    try:
        with zipfile.ZipFile(content) as opened:
            stored = {Path(name).name: name for name in opened.namelist()}
            for name in members:
                keep(archive.with_name(name), opened.read(stored[name]))
    except (zipfile.BadZipFile, KeyError) as error:
        raise UserError(f"{source.url} is not the published archive: {error}") from error
