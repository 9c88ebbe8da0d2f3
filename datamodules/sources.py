"""Where the files of a data set come from: addresses of a fixed revision, with checksums."""

import hashlib
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from textgan_bench.errors import MissingError, UserError
from textgan_bench.files import replace_text, replaced

ROOT = Path(__file__).parents[1] / "data"
"""Folder that data are downloaded and encoded into, one folder a family of data sets."""
CHECKSUMS = "SHA256SUMS"
ATTEMPTS = 3
PAUSE = 2.0  # seconds before the second attempt, doubled before each further one
TIMEOUT = 60.0  # seconds without an answer

GITHUB = "https://raw.githubusercontent.com"
HUB = "hf://datasets"


@dataclass(frozen=True)
class Source:
    """An address whose content does not change, and the checksum of that."""

    url: str
    checksum: str | None = None
    """64 digits of SHA-256, or the 40 by which git names the content in the commit of the address.
    None where the content was never seen: the first download decides, see ``fetched``."""


def digest(content: bytes, digits: int = 64) -> str:
    """The checksum of a content that has so many digits, see ``Source``."""
    if digits == 64:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def download(source: Source, path: Path) -> None:
    """Fetch a file with a progress bar; it appears under its name only when complete and right.

    Raises:
        MissingError: the address cannot be reached, after several attempts.
        UserError: it holds another content.
    """
    keep(path, fetched(source, path))


def fetched(source: Source, path: Path) -> bytes:
    """The content of a source that is to be kept as ``path``, or of an archive that may lie there.

    One that the project has no checksum of is compared with the SHA-256 kept of the download before
    it; the first one is accepted, which is said.

    Raises:
        MissingError: the address cannot be reached, after several attempts.
        UserError: it holds another content.
    """
    remedy = f"place it in {path.parent} by hand or name another folder by data_dir"
    content = path.read_bytes() if path.is_file() else _attempted(source.url, path.name, remedy)
    kept = checksums(path.parent).get(path.name)
    if source.checksum is not None:
        found = digest(content, len(source.checksum))
        if found != source.checksum:
            raise UserError(
                f"{source.url} is not the published file: its hash is {found}, not "
                f"{source.checksum}; {remedy}"
            )
    elif kept is None:
        print(
            f"{path.name}: no checksum of it is known here; that of this download, "
            f"{digest(content)}, is kept in {path.parent / CHECKSUMS} and must be that of every "
            "later one"
        )
    elif kept != digest(content):
        raise UserError(
            f"{source.url} is not what was downloaded before: its SHA-256 is {digest(content)}, "
            f"not {kept} as {path.parent / CHECKSUMS} says; remove that line to trust it"
        )
    return content


def keep(path: Path, content: bytes) -> None:
    """Write what was downloaded, and before it its SHA-256 in the format of ``sha256sum``."""
    kept = checksums(path.parent) | {path.name: digest(content)}
    lines = [f"{checksum}  {name}\n" for name, checksum in sorted(kept.items())]
    replace_text(path.parent / CHECKSUMS, "".join(lines))
    with replaced(path) as file:
        file.write(content)


def _attempted(url: str, name: str, remedy: str) -> bytes:
    """Content of an address, after several attempts where another one may succeed."""
    for attempt in range(1, ATTEMPTS + 1):
        print(f"fetching {url}")
        try:
            return _content(url) if "://" in url.removeprefix(HUB) else _content_of_hub(url)
        except OSError as error:
            offline = _is_caused_by(error, socket.gaierror)
            refused = isinstance(error, HTTPError) and error.code < 500
            final = offline or refused or _is_caused_by(error, FileNotFoundError)
            if final or attempt == ATTEMPTS:
                reason = "there is no network" if offline else error
                raise MissingError(
                    f"{name} could not be fetched from {url}: {reason}; {remedy}"
                ) from error
        time.sleep(PAUSE * 2 ** (attempt - 1))
    raise AssertionError


def _is_caused_by(error: BaseException | None, kind: type[BaseException]) -> bool:
    return error is not None and (
        isinstance(error, kind) or _is_caused_by(error.__cause__ or error.__context__, kind)
    )


def _content(url: str) -> bytes:
    with urlopen(url, timeout=TIMEOUT) as answer:
        size = int(answer.headers.get("Content-Length", 0))
        with tqdm.wrapattr(answer, "read", total=size or None, miniters=1) as watched:
            content = b"".join(iter(partial(watched.read, 2**16), b""))
    if size and len(content) != size:
        raise OSError(f"the connection ended after {len(content):,} of {size:,} bytes")
    return content


def _content_of_hub(url: str) -> bytes:
    import datasets  # takes seconds, and only the first run on a machine needs it

    try:
        return Path(datasets.DownloadManager().download(url)).read_bytes()
    except Exception as error:  # it has a class for each way to fail, some of other libraries
        raise OSError(" ".join(str(error).split())) from error


def parquet_files(folder: Path, split: str) -> list[Path]:
    """Files of a split in a folder laid out as on the hub, at any depth."""
    names = (f"{split}.parquet", f"{split}-*.parquet")
    return sorted(path for name in names for path in folder.rglob(name))


def read_columns(path: Path, columns: Iterable[str]) -> list[list[str]]:
    """Strings of each column of a parquet file, in whatever layout Arrow has for them.

    A column of lists of strings is flattened, an empty cell left out.

    Raises:
        UserError: it is no sound parquet file, lacks a column, or a column holds something else.
    """
    wanted = list(columns)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            schema = file.schema_arrow
            if missing := [name for name in wanted if name not in schema.names]:
                raise UserError(
                    f"{path} lacks the column {', '.join(missing)}; it has "
                    f"{', '.join(schema.names)}"
                )
            for name in wanted:
                kind = schema.field(name).type
                if not _is_text(kind):
                    raise UserError(f"{path}: the column {name} holds {kind}, not text")
            table = file.read(columns=wanted)
            return [list(_strings(table.column(name).to_pylist())) for name in wanted]
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a parquet file, or damaged: {error}") from error


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


def checksums(folder: Path) -> dict[str, str]:
    """What is kept of the files downloaded into a folder, by their names."""
    path = folder / CHECKSUMS
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {line[66:]: line[:64] for line in lines}


def verify(files: Iterable[Path], sources: Mapping[str, Source]) -> None:
    """Compare downloaded files with the checksums of their sources, or else with those kept.

    Raises:
        UserError: a file has none, or another one.
    """
    for file in files:
        known = sources[file.name].checksum if file.name in sources else None
        checksum = known or checksums(file.parent).get(file.name)
        if checksum is None:
            raise UserError(
                f"{file} has no checksum in {file.parent / CHECKSUMS}; delete it to download it "
                "again"
            )
        if digest(file.read_bytes(), len(checksum)) != checksum:
            raise UserError(
                f"{file} is not what was downloaded: its checksum differs; delete it to download "
                "it again"
            )
