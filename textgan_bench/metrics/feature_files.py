"""Embeddings kept in files, found again by a hash of the text that was embedded."""

import hashlib
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from textgan_bench.errors import UserError
from textgan_bench.files import locked, replaced

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = "features"
KEPT_BYTES = 2**31
"""Room of all files of embeddings; those that were not asked for the longest go first."""
LOCKS = 16
"""Texts that are embedded at once by different processes, at most."""


def root() -> Path:
    """Where embeddings are kept: beside the data of a checkout, else in the user's cache."""
    if (CHECKOUT / "datamodules").is_dir():
        return CHECKOUT / "data" / FOLDER
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "textgan_bench" / FOLDER


@dataclass(frozen=True)
class KeptEncoder:
    """A slow sentence encoder that embeds the same text once on a machine.

    A text is embedded by one process while others that ask for it wait. The folder may be removed
    at any time. Where it cannot be written, a warning says so and the embeddings are not kept.
    """

    name: str
    embed: Callable[[list[str]], Tensor]
    """From texts, words joined by blanks, to (n, D) float32 embeddings."""
    revision: str
    """Of the model: embeddings of another one are not taken."""

    def __call__(self, sentences: Sequence[Sequence[str]]) -> Tensor:
        """(n, D) float32 embeddings, on the CPU.

        Raises:
            UserError: a kept file is damaged.
        """
        texts = [" ".join(words) for words in sentences]
        digest = hashlib.sha256()
        for text in texts:
            digest.update(text.encode("utf-8", "surrogatepass") + b"\n")
        folder = root() / f"{self.name}-{self.revision}"
        path = folder / f"{digest.hexdigest()}.npy"
        embeddings: Tensor | None = None
        try:
            with locked(folder / f"lock{int(digest.hexdigest(), 16) % LOCKS}"):
                kept = _read(path, len(texts))
                if kept is not None:
                    return kept
                embeddings = self.embed(texts)
                _write(path, embeddings)
        except OSError as error:
            warnings.warn(
                f"embeddings by {self.name} are not kept in {folder}: {error.strerror or error}",
                stacklevel=2,
            )
        return self.embed(texts) if embeddings is None else embeddings


def _read(path: Path, sentences: int) -> Tensor | None:
    """What a file keeps; None where there is none, or another process just removed it."""
    try:
        embeddings = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        return None
    except (ValueError, EOFError) as error:
        raise UserError(f"{path} is damaged: {error}; delete it") from error
    if embeddings.ndim != 2 or len(embeddings) != sentences or embeddings.dtype != np.float32:
        raise UserError(f"{path} is damaged: it holds other numbers; delete it")
    with suppress(OSError):
        os.utime(path)  # it was asked for now
    return torch.from_numpy(embeddings)


def _write(path: Path, embeddings: Tensor) -> None:
    with replaced(path) as file:
        np.save(file, embeddings.numpy())
    files = []
    for each in root().glob("*/*.npy"):
        with suppress(OSError):  # another process removes files, too
            status = each.stat()
            files.append((status.st_mtime, status.st_size, each))
    room = KEPT_BYTES - sum(size for _, size, _ in files)
    for _, size, oldest in sorted(files):
        if room < 0 and oldest != path:
            oldest.unlink(missing_ok=True)
            room += size
