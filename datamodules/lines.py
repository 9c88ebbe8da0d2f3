"""Text files line by line, with errors that name the file and the line."""

from collections.abc import Callable, Iterable
from pathlib import Path

from textgan_bench import reading
from textgan_bench.errors import UserError
from textgan_bench.tokens import TokenBatch, pad_sequences


def read_lines(path: Path) -> list[str]:
    """Lines of a text file that holds a word at least.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it holds none, or is no text.
    """
    lines = list(reading.read_lines(path))
    if not any(map(str.strip, lines)):
        raise UserError(f"{path} is empty: it holds no word")
    return lines


def encode_lines(
    path: Path, lines: Iterable[str], encode: Callable[[list[str]], list[int]], max_length: int
) -> TokenBatch:
    """Indices of the sentences of a file, padded to ``max_length``.

    Raises:
        UserError: a line is empty, too long, or refused by ``encode``.
    """
    sequences = []
    for number, line in enumerate(lines, start=1):
        try:
            sequence = encode(line.split())
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}") from error
        if not sequence:
            raise UserError(f"{path}, line {number}: no words; remove the line")
        if len(sequence) > max_length:
            raise UserError(
                f"{path}, line {number}: {len(sequence)} words, more than max_length={max_length}; "
                "shorten or remove the line"
            )
        sequences.append(sequence)
    return pad_sequences(sequences, max_length)
