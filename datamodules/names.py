"""English first names, letter by letter, as Toth reads them.

Mark Kantrowitz's list of 1991 with additions by Bill Ross, and Toth, "GAN training for discrete
generators", section 4.3: names of at most 9 letters without any other character.
"""

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path
from string import ascii_lowercase
from typing import ClassVar

from datamodules.lines import read_lines
from datamodules.sources import GITHUB, Source, fetched, keep
from datamodules.text import TextCorpus, chosen
from textgan_bench.errors import UserError
from textgan_bench.interfaces import Sentence, Split
from textgan_bench.tokens import PAD_TOKEN, Vocabulary

NLTK_DATA = f"{GITHUB}/nltk/nltk_data/5db857e6f7df11eabb5e5665836db9ec8df07e28/packages/corpora"
VALIDATION, TEST = 500, 1_000
START = ":"  # Toth's (section 4.2); generators here start from padding


class Names(TextCorpus):
    """Distinct names in lower case, each a sequence of letters.

    The 28 symbols are Toth's: 26 letters, his start mark, which no name contains, and his end mark,
    which is padding. Real and generated names end the same way and are equally long, so that a
    discriminator cannot tell them by that, as it could in his code.

    Args:
        data_dir: folder of the two lists; if None they are downloaded.
        max_length: T; 9 in Toth, longer names are left out.
        batch_size: 128 in Toth (section 5).
        batches_per_epoch: one pass over the data if None, as in Toth.

    Raises:
        FileNotFoundError: the folder or a file is missing, or cannot be downloaded.
        UserError: a size is not positive, or a file is damaged.
    """

    FOLDER: ClassVar[str] = "names"
    SOURCES: ClassVar[dict[str, Source]] = {
        "names.zip": Source(
            f"{NLTK_DATA}/names.zip",
            "0eec7e958b34982662b8f05824ae64642dea097b08057ade65c252191c5fe7ca",
        )
    }
    LISTS: ClassVar[tuple[str, ...]] = ("female.txt", "male.txt")
    TITLE: ClassVar[str] = "first names of Kantrowitz in letters"

    def __init__(
        self,
        data_dir: str | Path | None = None,
        max_length: int = 9,
        batch_size: int = 128,
        batches_per_epoch: int | None = None,
    ) -> None:
        super().__init__(data_dir, 26, max_length, batch_size, batches_per_epoch)

    def fetch(self) -> None:
        for name, source in self.SOURCES.items():
            extract(source, self.folder / name, self.LISTS)

    def files(self) -> tuple[Path, ...]:
        return self.choose(self.LISTS, self.LISTS)

    def texts(self) -> dict[Split, list[Sentence]]:
        lines = (line.strip().lower() for path in self.files() for line in read_lines(path))
        names = sorted({name for name in lines if name.isascii() and name.isalpha()})
        test, others = chosen(list(map(list, names)), TEST, self.fits)
        validation, train = chosen(others, VALIDATION, self.fits)
        return {"train": train, "validation": validation, "test": test}

    def build_vocabulary(self, texts: dict[Split, list[Sentence]]) -> Vocabulary:
        return Vocabulary((PAD_TOKEN, START, *ascii_lowercase))


def extract(source: Source, archive: Path, members: Iterable[str]) -> None:
    """Fetch an archive and keep some of its files where it would lie.

    Raises:
        FileNotFoundError: the archive cannot be fetched.
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
