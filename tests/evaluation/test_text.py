"""Text is read back as it was written."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import WORDS, sentences
from textgan_bench.evaluation.text import parse, unparse, write_sentences
from textgan_bench.reading import read_sentences
from textgan_bench.tokens import Sentence


@given(sentences(WORDS))
def test_text_parses_to_the_sentences_it_was_made_of(text: list[Sentence]) -> None:
    assert parse(unparse(text)) == text


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("text") / "samples.txt"


# A zero byte is refused in a text file, and a byte-order mark at its start belongs to the file.
WRITTEN = WORDS.filter(lambda word: "\0" not in word and not word.startswith("\ufeff"))


@given(text=sentences(WRITTEN))
def test_a_file_that_we_write_is_read_as_its_sentences(path: Path, text: list[Sentence]) -> None:
    write_sentences(path, text)

    assert read_sentences(path) == text


def test_sentences_are_lines_of_utf_8(path: Path) -> None:
    write_sentences(path, [[], ["zwölf", "a"], [], ["man"], []])

    assert path.read_bytes() == "\nzwölf a\n\nman\n\n".encode()


@given(st.sampled_from("\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e\r"))
def test_a_line_ends_at_the_line_feed_only(separator: str) -> None:
    assert len(parse(f"a{separator}man\n")) == 1
