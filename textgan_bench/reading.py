"""The one way a text file is read, whichever side of a comparison it is.

A text file holds one sentence a line; an empty line is an empty sentence.
"""

import gzip
import sys
import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from io import BufferedReader, BytesIO, TextIOWrapper
from itertools import islice
from pathlib import Path

from textgan_bench.errors import UserError
from textgan_bench.files import is_stream

LONGEST_LINE = 100_000  # characters
BLOCK = 2**16
"""Characters that are split into lines at once."""
DAMAGES = UnicodeDecodeError, gzip.BadGzipFile, zlib.error, EOFError
GZIPPED = b"\x1f\x8b"
"""The first bytes of a gzipped file, and of no text."""


def read_lines(path: Path) -> Iterator[str]:
    """Lines of a UTF-8 file, or of a UTF-16 one that begins with a byte-order mark; gzipped or not.

    They end in a line feed, a carriage return or both; a byte-order mark is left out.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is no regular file, empty, damaged, of another encoding, or has a line no
            sentence can be.
    """
    number, rest = 0, ""
    with _opened(path) as stored, suppress(*DAMAGES):
        text, _ = _decoded(path, stored)
        while block := text.read(BLOCK):
            *lines, rest = (rest + block).split("\n")
            if "\0" in block or max(map(len, (*lines, rest))) > LONGEST_LINE:
                break
            yield from lines
            number += len(lines)
        else:
            if rest:
                yield rest
            if rest or number:
                return
    # Something is wrong with what comes now: one by one the lines tell where, and what.
    yield from islice(_lines_one_by_one(path), number, None)


def _decoded(path: Path, stored: BufferedReader) -> tuple[TextIOWrapper, str]:
    """The text of a file and the name of its encoding, as its first bytes tell."""
    zipped = path.suffix == ".gz" or stored.peek().startswith(GZIPPED)
    file = gzip.GzipFile(fileobj=stored) if zipped else stored
    two_bytes = file.peek(2).startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    encoding = "utf-16" if two_bytes else "utf-8-sig"
    return TextIOWrapper(file, encoding=encoding, newline=None), "UTF-16" if two_bytes else "UTF-8"


def _lines_one_by_one(path: Path) -> Iterator[str]:
    """The lines of a file up to what is wrong with it, and the error that names that."""
    number = 0
    with _opened(path) as stored:
        try:
            text, name = _decoded(path, stored)
            while line := text.readline(LONGEST_LINE + 2):
                number += 1
                line = line.removesuffix("\n")
                if "\0" in line:
                    raise UserError(
                        f"{path} is not text: it holds zero bytes in line {number}; "
                        "convert it to UTF-8"
                    )
                if len(line) > LONGEST_LINE:
                    raise UserError(
                        f"{path}, line {number}: more than {LONGEST_LINE:,} characters; a text has "
                        "one sentence a line"
                    )
                yield line
        except UnicodeDecodeError as error:
            # What was not handed out yet begins with the line after the last one.
            before = error.object[: error.start].decode(error.encoding, "replace")
            lines = before.replace("\r\n", "\n").replace("\r", "\n").count("\n")
            raise UserError(
                f"{path} is not {name} text ({error.reason} in line {number + 1 + lines}); "
                "convert it to UTF-8"
            ) from None
        except DAMAGES[1:] as error:
            raise UserError(f"{path} is not gzipped text, or damaged: {error}") from None
    if not number:  # nothing, or nothing but a byte-order mark
        raise UserError(f"{path} is empty: there is nothing to read")


def _opened(path: Path) -> BufferedReader:
    """A file, or what a stream held when it was first read.

    Raises:
        UserError: it is neither; to open a named pipe would wait for who writes to it.
    """
    if is_stream(path):
        stream = path.stat()
        return BufferedReader(BytesIO(_held(path, stream.st_dev, stream.st_ino)))
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is no regular file; text can be piped in under the name -")
    return path.open("rb")


@cache
def _held(path: Path, device: int, inode: int) -> bytes:
    """All that comes of a stream, which can be read once, by its identity."""
    return path.read_bytes()


def read_sentences(path: Path, words: Callable[[str], list[str]] = str.split) -> list[list[str]]:
    """Sentences of a text file; equal words are one string, which saves most of their memory.

    Args:
        path: one sentence a line.
        words: those of a line, which blanks separate unless the text's data set says otherwise.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: the file is none that ``read_lines`` can read.
    """
    return [list(map(sys.intern, words(line))) for line in read_lines(path)]
