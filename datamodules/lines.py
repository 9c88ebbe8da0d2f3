"""Text files line by line, with errors that name the file and the line."""

import gzip
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

from textgan_bench.tokens import TokenBatch, pad_sequences

LONGEST_LINE = 100_000  # characters


def read_lines(path: Path) -> list[str]:
    """Lines of a UTF-8 text file, gzipped if its name ends in ``.gz``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty, not UTF-8, or has a line no sentence can be.
    """
    content = path.read_bytes()
    try:
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except (UnicodeDecodeError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        encoding = "gzipped UTF-8" if path.suffix == ".gz" else "UTF-8"
        raise ValueError(f"{path} is not {encoding} text: {error}; convert it") from error
    if not text.strip():
        raise ValueError(f"{path} is empty")
    if "\0" in text:
        raise ValueError(f"{path} is not text: it holds zero bytes")
    lines = text.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST_LINE:
            raise ValueError(
                f"{path}, line {number}: {len(line):,} characters; a text has one sentence a line"
            )
    return lines


def encode_lines(
    path: Path, lines: Iterable[str], encode: Callable[[list[str]], list[int]], max_length: int
) -> TokenBatch:
    """Indices of the sentences of a file, padded to ``max_length``.

    Raises:
        ValueError: a line is empty, too long, or refused by ``encode``.
    """
    sequences = []
    for number, line in enumerate(lines, start=1):
        try:
            sequence = encode(line.split())
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
        if not sequence:
            raise ValueError(f"{path}, line {number}: no words; remove the line")
        if len(sequence) > max_length:
            raise ValueError(
                f"{path}, line {number}: {len(sequence)} words, more than max_length={max_length}; "
                "shorten or remove the line"
            )
        sequences.append(sequence)
    return pad_sequences(sequences, max_length)
