"""Words of lines, against ``str.split`` and a dictionary."""

import sys
from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textgan_bench.functional import line_words as module
from textgan_bench.functional.line_words import SharedLines, line_words
from textgan_bench.functional.word_numbers import WordNumbers, word_numbers

BLANKS = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()]
LETTERS = st.sampled_from(["a", "b", "\u00e9", "\u4e2d", "\U0001d11e", "\u00c2", " "])
"""Letters of one to four bytes, some of which begin as a blank does."""
LINES = st.lists(
    st.text(LETTERS, max_size=60)
    | st.text(st.sampled_from([*"aab ", *(each for each in BLANKS if each != "\n")]), max_size=20)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\0"), max_size=30),
    max_size=8,
)


def same(one: WordNumbers, other: WordNumbers) -> bool:
    equal = np.array_equal(one.words, other.words) and np.array_equal(one.lengths, other.lengths)
    kinds = one.words.dtype == other.words.dtype and one.lengths.dtype == other.lengths.dtype
    return equal and kinds and one.types == other.types


@given(LINES)
def test_words_are_those_of_split(lines: list[str]) -> None:
    assert same(line_words(lines), word_numbers([line.split() for line in lines]))


def test_every_blank_splits() -> None:
    for blank in BLANKS:
        if blank != "\n":
            assert line_words([f"a{blank}b"]).types == ["a", "b"]


def test_long_words_that_begin_alike_are_told_apart() -> None:
    words = [f"{'x' * size}{end}" for size in (7, 8, 15, 16, 40) for end in ("", "a", "b")]

    assert line_words([" ".join(words * 2)]).types == list(dict.fromkeys(words))


def test_words_that_share_a_hash_are_told_apart() -> None:
    """By their sizes, their first eight bytes, and those behind."""
    with patch.object(module, "GOLDEN_RATIO", np.uint64(0)):  # all words share it
        for words in (["a", "cat"], ["aaaaaaaaa", "bbbbbbbba"], ["aaaaaaaab", "aaaaaaaac"]):
            assert line_words([" ".join(words)]).types == words


def test_lines_are_split_only_if_a_sentence_is_asked_for() -> None:
    text = SharedLines(["a cat", ""])

    assert len(text) == 2
    assert text.numbers.types == ["a", "cat"]
    assert "sentences" not in vars(text)
    assert list(text) == [["a", "cat"], []]
