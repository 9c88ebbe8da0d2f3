"""Text files of any system are read alike, on whichever side of a comparison they stand."""

import gzip
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from datamodules import Text, lines
from textgan_bench.reading import LONGEST_LINE, read_lines, read_sentences

READERS = [read_lines, lines.read_lines]
CAPTIONS = b"a man\n" * 9_999


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfa man\r\n\r\nrides\r\n",
        b"a man\n\nrides",
        b"a  man \n\nrides\n",
        b"a man\r\rrides\r",
        "a man\n\nrides\n".encode("utf-16"),
        "\ufeffa man\r\n\r\nrides\r\n".encode("utf-16-be"),
    ],
)
def test_files_of_other_systems_are_read(tmp_path: Path, content: bytes, zipped: bool) -> None:
    path = tmp_path / "text"  # a gzipped file shows in its content, whatever its name
    path.write_bytes(gzip.compress(content) if zipped else content)
    assert read_sentences(path) == [["a", "man"], [], ["rides"]]
    assert lines.read_lines(path) == list(read_lines(path))


def test_a_separator_within_a_line_ends_none(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("a\u2028man\x85rides\x0ba\n", encoding="utf-8")
    assert len(list(read_lines(tmp_path / "text"))) == 1


def test_words_are_those_of_the_data_set(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("a man\n\n", encoding="utf-8")
    assert read_sentences(tmp_path / "text", list) == [["a", " ", "m", "a", "n"], []]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("text", b"", "is empty"),
        ("text", b"\xef\xbb\xbf", "is empty"),
        ("text.gz", gzip.compress(b""), "is empty"),
        ("text", b"a\xff", "not UTF-8"),
        ("text", b"a\nzw\xf6lf\n", "not UTF-8 .* in line 2.*convert it"),  # Latin-1
        ("text.gz", gzip.compress(CAPTIONS + b"zw\xf6lf\n"), "UTF-8 .* in line 10000.*convert it"),
        ("text", "a man\n".encode("utf-16-le"), "zero bytes in line 1"),  # without its mark
        ("text", CAPTIONS + b"a\0", "zero bytes in line 10000"),
        ("text", "a man\n".encode("utf-16")[:-1], "not UTF-16"),
        ("text", "a\r\nman\r\nrides".encode("utf-16")[:-1], "not UTF-16 .* in line 3"),
        ("text", CAPTIONS + b"a" * LONGEST_LINE + b"man\n", "line 10000: more than 100,000"),
        ("text.gz", CAPTIONS, "not gzipped text, or damaged"),
        ("text.gz", gzip.compress(CAPTIONS)[:-12], "not gzipped text, or damaged"),
        ("text.gz", gzip.compress(CAPTIONS)[:-8] + bytes(8), "not gzipped text, or damaged"),
        ("text.gz", gzip.compress(CAPTIONS)[:10] + b"noise", "not gzipped text, or damaged"),
    ],
    # Gzipped text holds the time of day, and a test has one name in every process.
    ids=lambda value: "content" if isinstance(value, bytes) else value,
)
def test_unusable_files_are_named(
    tmp_path: Path,
    read: Callable[[Path], Iterable[object]],
    name: str,
    content: bytes,
    message: str,
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"text.*{message}") as caught:
        list(read(tmp_path / name))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_stream_is_read_once_and_held(zipped: bool) -> None:
    read, write = os.pipe()  # as of a shell's ``<(command)``
    os.write(write, gzip.compress(b"a man\nrides\n") if zipped else b"a man\nrides\n")
    os.close(write)
    for _ in range(2):
        assert list(read_lines(Path(f"/dev/fd/{read}"))) == ["a man", "rides"]
    os.close(read)


@pytest.mark.parametrize("read", [*READERS, lambda path: Text(path).files()])
def test_a_named_pipe_is_refused_and_not_waited_for(
    tmp_path: Path, read: Callable[[Path], Iterable[object]]
) -> None:
    os.mkfifo(tmp_path / "text.txt")
    with pytest.raises(ValueError, match=r"text.txt is no regular file"):
        list(read(tmp_path / "text.txt"))


def test_the_longest_line_is_read(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"a" * LONGEST_LINE + b"\r\nman")
    assert list(map(len, read_lines(tmp_path / "text"))) == [LONGEST_LINE, 3]
