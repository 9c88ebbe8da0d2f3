"""Text of sentences, as it is stored: one a line, words separated by blanks."""

from collections.abc import Iterable
from pathlib import Path

from textgan_bench.files import replace_text
from textgan_bench.tokens import Sentence


def write_sentences(path: Path, sentences: Iterable[Sentence]) -> None:
    """Write one sentence a line; the file is complete or not there at all."""
    replace_text(path, unparse(sentences))


def parse(text: str) -> list[Sentence]:
    r"""Sentences of a text; the inverse of ``unparse`` for words without blanks.

    >>> parse("a man\n\nrides\n")
    [['a', 'man'], [], ['rides']]
    """
    # str.splitlines would also break at separators that may stand inside a sentence.
    lines = text.removesuffix("\n").split("\n")
    return [line.split() for line in lines]


def unparse(sentences: Iterable[Sentence]) -> str:
    r"""Text of sentences, each closed by a line end.

    >>> unparse([["a", "man"], [], ["rides"]])
    'a man\n\nrides\n'
    """
    return "".join(f"{' '.join(sentence)}\n" for sentence in sentences)
