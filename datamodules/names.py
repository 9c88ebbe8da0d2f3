"""English first names, letter by letter, as Toth reads them.

Mark Kantrowitz's list of 1991 with additions by Bill Ross, and Toth, "GAN training for discrete
generators", section 4.3: names of at most 9 letters without any other character.
"""

import io
import zipfile
from pathlib import Path
from string import ascii_lowercase
from typing import ClassVar

from datamodules.lines import read_lines
from datamodules.sources import GITHUB, Source, download, sha256
from datamodules.text import TextCorpus, chosen
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
        ValueError: a size is not positive, or a file is damaged.
    """

    FOLDER: ClassVar[str] = "names"
    SOURCES: ClassVar[dict[str, Source]] = {
        "female.txt": Source(
            f"{NLTK_DATA}/names.zip",
            "27aba6e427e906725302efc68a72d74d2fa3b9863700ed29664416cbd0ca508e",
        ),
        "male.txt": Source(
            f"{NLTK_DATA}/names.zip",
            "a574c9661396136cebebd64cb514c50b09358c793614a39680ce82962c32519f",
        ),
    }
    TITLE: ClassVar[str] = "first names of Kantrowitz in letters"

    def __init__(
        self,
        data_dir: str | Path | None = None,
        max_length: int = 9,
        batch_size: int = 128,
        batches_per_epoch: int | None = None,
    ) -> None:
        super().__init__(data_dir, 26, max_length, batch_size, batches_per_epoch, bucketing=1)

    def fetch(self) -> None:
        extract(self.folder, self.SOURCES)

    def files(self) -> tuple[Path, ...]:
        return self.choose(tuple(self.SOURCES), tuple(self.SOURCES))

    def texts(self) -> dict[Split, list[Sentence]]:
        lines = (line.strip().lower() for path in self.files() for line in read_lines(path))
        names = sorted({name for name in lines if name.isascii() and name.isalpha()})
        test, others = chosen(list(map(list, names)), TEST, self.fits)
        validation, train = chosen(others, VALIDATION, self.fits)
        return {"train": train, "validation": validation, "test": test}

    def build_vocabulary(self, texts: dict[Split, list[Sentence]]) -> Vocabulary:
        return Vocabulary((PAD_TOKEN, START, *ascii_lowercase))


def extract(folder: Path, members: dict[str, Source]) -> None:
    """Fetch an archive and keep some of its files, of known checksums.

    Raises:
        FileNotFoundError: the archive cannot be fetched.
        ValueError: it lacks a file, or holds another content.
    """
    (address,) = {source.url for source in members.values()}
    archive = folder / address.rpartition("/")[2]
    download(Source(address), archive)
    try:
        with zipfile.ZipFile(io.BytesIO(archive.read_bytes())) as opened:
            stored = {Path(name).name: name for name in opened.namelist()}
            for name, source in members.items():
                (folder / name).write_bytes(opened.read(stored[name]))
                if sha256(folder / name) != source.sha256:
                    (folder / name).unlink()
                    raise ValueError(f"{name} in it has another content")
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ValueError(f"{address} is not the published archive: {error}") from error
    finally:
        archive.unlink()
