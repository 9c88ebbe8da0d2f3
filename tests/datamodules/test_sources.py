"""Downloads against a server that fails, and files laid out as on the hub."""

import gzip
import inspect
import random
import re
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import datamodules
from datamodules import sources
from datamodules.corpus import FileCorpus
from datamodules.sources import (
    CHECKSUMS,
    HUB,
    Source,
    digest,
    download,
    keep,
    parquet_files,
    read_columns,
    verify,
)

CONTENT = b"a man\n" * 99
SHA256 = digest(CONTENT)


class Server(BaseHTTPRequestHandler):
    """Answers with the statuses of a list, then with the content."""

    statuses: ClassVar[list[int]] = []
    asked: ClassVar[int] = 0
    cut: int = 0
    """Answers that end before their content does."""

    def do_GET(self) -> None:
        type(self).asked += 1
        status = self.statuses.pop(0) if self.statuses else 200
        self.send_response(status)
        self.send_header("Content-Length", str(len(CONTENT) if status == 200 else 0))
        self.end_headers()
        if status == 200:
            self.wfile.write(CONTENT[:9] if self.asked <= self.cut else CONTENT)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(sources, "PAUSE", 0.0)
    Server.statuses, Server.asked = [], 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/text.txt"
    server.shutdown()
    server.server_close()


def test_a_download_is_tried_again(
    tmp_path: Path, address: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Server.statuses = [503, 502]
    download(Source(address, SHA256), tmp_path / "new" / "text.txt")
    assert (tmp_path / "new" / "text.txt").read_bytes() == CONTENT
    assert Server.asked == 3
    out, err = capfd.readouterr()
    assert out.count(f"fetching {address}") == 3
    assert "100%" in err, "progress is shown"


@pytest.mark.parametrize(("status", "attempts"), [(404, 1), (500, sources.ATTEMPTS)])
def test_a_source_that_does_not_answer_is_named(
    tmp_path: Path, address: str, status: int, attempts: int
) -> None:
    Server.statuses = [status] * 9
    with pytest.raises(FileNotFoundError, match=r"text.txt could not be fetched.*by data_dir"):
        download(Source(address), tmp_path / "text.txt")
    assert Server.asked == attempts
    assert not list(tmp_path.iterdir())


def test_a_machine_without_a_network_is_told_so_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", fail)
    monkeypatch.setattr(socket, "getaddrinfo", fail)
    for url in ("https://example.org/text.txt", "hf://datasets/a/b@0123456/text.txt"):
        with pytest.raises(FileNotFoundError, match=r"text.txt: there is no network; place it in"):
            download(Source(url), tmp_path / "text.txt")
        assert capsys.readouterr().out == f"fetching {url}\n"


@pytest.mark.parametrize("digits", [40, 64])
def test_another_content_is_refused(tmp_path: Path, address: str, digits: int) -> None:
    with pytest.raises(ValueError, match="is not the published file: its hash is"):
        download(Source(address, "0" * digits), tmp_path / "text.txt")
    assert not list(tmp_path.iterdir())
    download(Source(address, digest(CONTENT, digits)), tmp_path / "text.txt")
    assert (tmp_path / "text.txt").read_bytes() == CONTENT


def test_git_names_a_content_so() -> None:
    assert digest(b"", 40) == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert digest(b"hello\n", 40) == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_a_content_without_a_known_checksum_must_stay_the_same(
    tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "text.txt"
    said = f"no checksum of it is known here; that of this download, {SHA256}, is kept in"
    download(Source(address), path)
    assert said in capsys.readouterr().out
    path.unlink()
    download(Source(address), path)
    assert said not in capsys.readouterr().out
    path.unlink()
    (tmp_path / CHECKSUMS).write_text(f"{'0' * 64}  text.txt\n")
    with pytest.raises(ValueError, match=r"is not what was downloaded before: .*remove that line"):
        download(Source(address), path)
    assert not path.exists()


def test_a_connection_that_breaks_is_tried_again(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Server, "cut", 2)
    download(Source(address), tmp_path / "text.txt")
    assert (tmp_path / "text.txt").read_bytes() == CONTENT
    assert Server.asked == 3


def test_a_downloaded_file_needs_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(CONTENT)
    with pytest.raises(ValueError, match=r"text.txt has no checksum in .*SHA256SUMS; delete it"):
        verify([path], {})
    verify([path], {"text.txt": Source("", digest(CONTENT, 40))})  # as when placed by hand
    with pytest.raises(ValueError, match="not what was downloaded: its checksum differs; delete"):
        verify([path], {"text.txt": Source("", "0" * 40)})
    keep(path, CONTENT)
    assert (tmp_path / CHECKSUMS).read_text() == f"{SHA256}  text.txt\n"
    verify([path], {"text.txt": Source("")})
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(ValueError, match="not what was downloaded: its checksum differs; delete"):
        verify([path], {})


def published() -> Iterator[tuple[str, Source]]:
    for module in vars(datamodules).values():
        if inspect.isclass(module) and issubclass(module, FileCorpus):
            yield from module.SOURCES.items()


def test_every_address_has_a_fixed_revision_and_a_checksum() -> None:
    """But for one file of the hub, whose checksum is nowhere to be had."""
    sources = {source for _, source in published()}
    assert len(sources) > 20
    assert all(re.search("[/@][0-9a-f]{40}/", source.url) for source in sources)
    unknown = [source.url for source in sources if source.checksum is None]
    assert [url.partition("@")[0] for url in unknown] == [f"{HUB}/justram/COCO2014-Captions"]
    checksums = [source.checksum for source in sources if source.checksum]
    assert all(re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", checksum) for checksum in checksums)


@pytest.mark.parametrize(
    ("name", "copy"),
    [
        ("sentiment.dev.0", "yelp/shen_dev_neg.txt.gz"),
        ("sentiment.dev.1", "yelp/shen_dev_pos.txt.gz"),
        ("sentiment.test.0", "yelp/shen_test_neg.txt.gz"),
        ("sentiment.test.1", "yelp/shen_test_pos.txt.gz"),
        ("valid.txt", "emnlp_news/gfs_valid.txt.gz"),
    ],
)
def test_files_at_hand_have_the_checksums_of_their_sources(name: str, copy: str) -> None:
    path = Path("../shared/data") / copy
    if not path.exists():
        pytest.skip(f"{path} is not here")
    assert digest(gzip.decompress(path.read_bytes())) == dict(published())[name].checksum


def test_columns_of_text_and_of_lists_of_text(tmp_path: Path) -> None:
    path = tmp_path / "data" / "train-00000-of-00001.parquet"
    path.parent.mkdir()
    table = pa.table({"id": [1, 2], "caption": ["a man", None], "all": [["x", "y"], ["z"]]})
    pq.write_table(table, path)
    assert parquet_files(tmp_path, "train") == [path]
    assert parquet_files(tmp_path, "test") == []
    assert read_columns(path, ("all", "caption")) == [["x", "y", "z"], ["a man"]]


STRINGS = (pa.string(), pa.large_string(), pa.string_view())
CATEGORICAL = pa.dictionary(pa.int8(), pa.string())


@pytest.mark.parametrize("kind", [*STRINGS, CATEGORICAL], ids=str)
def test_every_layout_of_strings_is_read(tmp_path: Path, kind: pa.DataType) -> None:
    words = pa.array(["a man", None, "rides", "a man"], kind)
    pq.write_table(pa.table({"text": words}), tmp_path / "x.parquet", row_group_size=2)
    assert read_columns(tmp_path / "x.parquet", ["text"]) == [["a man", "rides", "a man"]]


@pytest.mark.parametrize("of", [*STRINGS, CATEGORICAL], ids=str)
@pytest.mark.parametrize(
    "lists", [pa.list_, pa.large_list, pa.list_view, lambda kind: pa.list_(kind, 2)]
)
def test_every_layout_of_lists_is_read(
    tmp_path: Path, of: pa.DataType, lists: Callable[[pa.DataType], pa.DataType]
) -> None:
    words = pa.array([["a man", "rides"], None, ["a", None]], lists(of))
    pq.write_table(pa.table({"text": words}), tmp_path / "x.parquet")
    assert read_columns(tmp_path / "x.parquet", ["text"]) == [["a man", "rides", "a"]]


@pytest.mark.parametrize(
    "words",
    [
        pa.array([b"a man"]),
        pa.array([{"a": "man"}]),
        pa.array([[("a", "man")]], pa.map_(pa.string(), pa.string())),
        pa.array(["{}"], pa.json_()),
        pa.nulls(2),
        pa.array([[1], [2]]),
        pa.array([], pa.int64()),
    ],
    ids=lambda words: str(words.type),
)
def test_a_column_of_something_else_is_named(tmp_path: Path, words: pa.Array) -> None:
    pq.write_table(pa.table({"text": words}), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"x.parquet: the column text holds .*, not text"):
        read_columns(tmp_path / "x.parquet", ["text"])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (("premise",), "train.parquet lacks the column premise; it has label, text"),
        (("label",), "train.parquet: the column label holds int64, not text"),
    ],
)
def test_wrong_columns_are_named(tmp_path: Path, columns: tuple[str], message: str) -> None:
    pq.write_table(pa.table({"label": [1], "text": ["a"]}), tmp_path / "train.parquet")
    with pytest.raises(ValueError, match=message):
        read_columns(tmp_path / "train.parquet", columns)


def test_a_file_that_is_not_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes(CONTENT)
    with pytest.raises(ValueError, match=r"train.parquet is not a parquet file"):
        read_columns(tmp_path / "train.parquet", ("text",))


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_a_damaged_parquet_is_read_or_named(tmp_path: Path, compression: str) -> None:
    path, generator = tmp_path / "train.parquet", random.Random(0)
    text = [f"a man rides {number} é" for number in range(500)]
    pq.write_table(pa.table({"text": text}), path, compression=compression)
    content = path.read_bytes()
    errors = []
    for trial in range(100):
        damaged = bytearray(content[: generator.randrange(len(content))] if trial % 3 else content)
        for _ in range(20 * (trial % 2)):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        path.write_bytes(damaged)
        try:
            read_columns(path, ["text"])
        except ValueError as error:
            errors.append(str(error))
    assert len(errors) > 60
    assert all(error.startswith(f"{path} is not a parquet file, or damaged") for error in errors)
