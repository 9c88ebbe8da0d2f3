"""Words of own text: NLTK's, but the same wherever they stand."""

import gzip
import random
from itertools import chain, islice
from pathlib import Path

import pytest
from nltk.tokenize import NLTKWordTokenizer

from datamodules.words import split_words

SHARED = Path("../shared/data")
REAL = (
    "coco/captions_raw.txt.gz",
    "snli/dev_premise.txt",
    "emnlp_news/gfs_valid.txt.gz",
    "yahoo/tae_test.txt.gz",
    "brown/sentences.txt.gz",
    "yelp/tae_test.txt.gz",
)
CLITICS = ("n't", "'s", "'ll", "'d", "d'ye", "'tis", "more'n", "cannot", "wanna", "gimme")
QUOTATION = ("'", "''", '"', "`", "``", "’", "“")
STOPS = (".", "...", ",", ":", "Mr.", "U.S.", "--", "-", "/", "_", "%", "@")
BRACKETS = ("(", ")", "[", "]", "{", "<", ">", "<unk>", "[MASK]")
PIECES = (*CLITICS, *QUOTATION, *STOPS, *BRACKETS, "a", "é", "1", "\xa0")
MARKS = ("<unk>", "<UNK>", "</s>", "<|endoftext|>", "<extra_id_0>", "[MASK]", "{NAME}")
OTHER_MARKS = ("__num__", "_num_", "_UNK", "@-@", "@,@")
QUOTES = str.maketrans("", "", "\"'`")
"""NLTK writes a straight quote as its opening or closing one."""


def real_lines(name: str) -> list[str]:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    with gzip.open(path, "rt", encoding="utf-8") if name.endswith(".gz") else path.open() as file:
        return list(islice(file, 0, 8_000, 20))


@pytest.mark.parametrize("name", REAL)
def test_words_of_real_text_are_split_no_further_in_any_order(name: str) -> None:
    sentences = list(map(split_words, real_lines(name)))
    assert [split_words(" ".join(sentence)) for sentence in sentences] == sentences
    words = sorted(set(chain.from_iterable(sentences)))
    random.Random(0).shuffle(words)
    assert split_words(" ".join(words)) == words


def test_words_of_random_text_are_split_no_further() -> None:
    generator = random.Random(0)
    for _ in range(500):
        text = "".join(generator.choices(PIECES, k=generator.randint(1, 9)))
        words = split_words(text)
        assert split_words(" ".join(words)) == words, text
        kept, read = ("".join(part).translate(QUOTES) for part in (words, text.split()))
        assert kept == read, "no character is lost"


def test_captions_are_split_as_by_nltk() -> None:
    """But for a full stop within a line."""
    lines = real_lines("coco/captions_raw.txt.gz")
    split = NLTKWordTokenizer().tokenize
    assert sum(split_words(line) != split(line) for line in lines) <= 1


@pytest.mark.parametrize("mark", MARKS + OTHER_MARKS)
def test_a_mark_is_one_word(mark: str) -> None:
    assert split_words(f"{mark} a {mark}, ({mark})") == [mark, "a", mark, ",", "(", mark, ")"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('"I cannot," he said.', "`` I can not , '' he said ."),
        ("It's Mr. J. Smith's dog. It barks...", "It 's Mr. J. Smith 's dog . It barks ..."),
        ("In the U.S. at 5 p.m., etc.", "In the U.S. at 5 p.m. , etc."),
        ("3 < 5 [sic] (see a.b) 3.5.", "3 < 5 [ sic ] ( see a.b ) 3.5 ."),
        (" \u00a0a\u2028b\t", "a b"),
    ],
)
def test_text_is_split(line: str, words: str) -> None:
    assert split_words(line) == words.split()
