"""Where the files of a data set come from: addresses with checksums, and tables of the hub."""

import hashlib
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pyarrow as pa
import pyarrow.parquet as pq
from torch.hub import download_url_to_file

from textgan_bench.files import replace_text

ROOT = Path(__file__).parents[1] / "data"
"""Folder that data are downloaded and encoded into, one folder a family of data sets."""
CHECKSUMS = "SHA256SUMS"
ATTEMPTS = 3
PAUSE = 2.0  # seconds before the second attempt, doubled before each further one

GITHUB = "https://raw.githubusercontent.com"


@dataclass(frozen=True)
class Source:
    """An address, and the sha256 of its content or the beginning of it.

    Without one the content has never been seen by this project: the checksum of the first download
    is kept beside it, and holds from then on.
    """

    url: str
    sha256: str | None = None


def sha256(path: Path) -> str:
    """Checksum of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(source: Source, path: Path) -> None:
    """Fetch a file with a progress bar; it appears under its name only when complete and right.

    Raises:
        FileNotFoundError: the address cannot be reached, after several attempts.
        ValueError: it holds another content.
    """
    remedy = f"place it in {path.parent} by hand or name another folder by data_dir"
    path.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, ATTEMPTS + 1):
        print(f"fetching {source.url}")
        try:
            download_url_to_file(source.url, str(path), source.sha256)
            return
        except RuntimeError as error:
            raise ValueError(
                f"{source.url} is not the published file: {error}; {remedy}"
            ) from error
        except OSError as error:
            final = isinstance(error, HTTPError) and error.code < 500
            if final or attempt == ATTEMPTS:
                raise FileNotFoundError(
                    f"{path.name} could not be fetched from {source.url}: {error}; {remedy}"
                ) from error
        time.sleep(PAUSE * 2 ** (attempt - 1))


def download_tables(identifier: str, revision: str | None, folder: Path) -> None:
    """Fetch a data set of the hub, each split as ``<split>.parquet``.

    Raises:
        FileNotFoundError: the hub cannot be reached, or has no such data set.
    """
    import datasets  # takes seconds, and only the first run on a machine needs it

    print(f"fetching {identifier} from the hub")
    try:
        tables = datasets.load_dataset(
            identifier,
            revision=revision,
            cache_dir=str(folder / "cache"),
            download_config=datasets.DownloadConfig(max_retries=ATTEMPTS),
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise FileNotFoundError(
            f"the data set {identifier} could not be fetched from the hub: {error}; place its "
            f"parquet files in {folder} by hand, or name a folder that holds them by data_dir"
        ) from error
    for split, table in tables.items():
        unfinished = folder / f"{split}.parquet.tmp"
        table.to_parquet(str(unfinished))
        unfinished.replace(folder / f"{split}.parquet")
    shutil.rmtree(folder / "cache", ignore_errors=True)


def parquet_files(folder: Path, split: str) -> list[Path]:
    """Files of a split in a folder laid out as on the hub, at any depth."""
    names = (f"{split}.parquet", f"{split}-*.parquet")
    return sorted(path for name in names for path in folder.rglob(name))


def read_columns(path: Path, columns: Iterable[str]) -> list[list[str]]:
    """Strings of each column of a parquet file, in whatever layout Arrow has for them.

    A column of lists of strings is flattened, an empty cell left out.

    Raises:
        ValueError: it is no sound parquet file, lacks a column, or a column holds something else.
    """
    wanted = list(columns)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            schema = file.schema_arrow
            if missing := [name for name in wanted if name not in schema.names]:
                raise ValueError(
                    f"{path} lacks the column {', '.join(missing)}; it has "
                    f"{', '.join(schema.names)}"
                )
            for name in wanted:
                kind = schema.field(name).type
                if not _is_text(kind):
                    raise ValueError(f"{path}: the column {name} holds {kind}, not text")
            table = file.read(columns=wanted)
            return [list(_strings(table.column(name).to_pylist())) for name in wanted]
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a parquet file, or damaged: {error}") from error


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    lists = (types.is_list, types.is_large_list, types.is_fixed_size_list)
    views = (types.is_list_view, types.is_large_list_view)
    if types.is_dictionary(kind) or any(holds(kind) for holds in lists + views):
        return _is_text(kind.value_type)
    strings = (types.is_string, types.is_large_string, types.is_string_view)
    return any(holds(kind) for holds in strings)


def _strings(cells: Iterable[Any]) -> Iterator[str]:
    for cell in cells:
        if isinstance(cell, str):
            yield cell
        elif cell is not None:
            yield from _strings(cell)


def write_checksums(folder: Path, files: Iterable[Path]) -> None:
    """Keep the checksums of what was downloaded, in the format of ``sha256sum``."""
    lines = [f"{sha256(path)}  {path.relative_to(folder)}\n" for path in files]
    replace_text(folder / CHECKSUMS, "".join(lines))


def verify(folder: Path, files: Iterable[Path], remedy: str) -> None:
    """Compare downloaded files with the checksums kept beside them.

    Raises:
        ValueError: a file has none, or another one.
    """
    path = folder / CHECKSUMS
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    kept = {line[66:]: line[:64] for line in text.splitlines()}
    for file in files:
        name = str(file.relative_to(folder))
        if name not in kept:
            raise ValueError(f"{file} has no checksum in {path}; {remedy}")
        if sha256(file) != kept[name]:
            raise ValueError(f"{file} is not what was downloaded: its checksum differs; {remedy}")
