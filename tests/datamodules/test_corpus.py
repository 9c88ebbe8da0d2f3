"""Files that are not what they should be give one error that names the file and the line."""

import gzip
from pathlib import Path

import pytest

from datamodules.corpus import fingerprint
from datamodules.lines import encode_lines, read_lines
from textgan_bench.tokens import Vocabulary

VOCABULARY = Vocabulary(("<pad>", "a", "man", "é"))


def test_a_text_without_a_word_is_refused(tmp_path: Path) -> None:
    (tmp_path / "blank.gz").write_bytes(gzip.compress(b"\n \n"))
    with pytest.raises(ValueError, match=r"blank.gz is empty"):
        read_lines(tmp_path / "blank.gz")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.txt"):
        read_lines(tmp_path / "none.txt")


def test_encoded_lines_are_padded_to_the_maximum() -> None:
    batch = encode_lines(Path("t"), ["a  man a ", "é"], VOCABULARY.encode, max_length=4)
    assert batch.ids.tolist() == [[1, 2, 1, 0], [3, 0, 0, 0]]
    assert batch.lengths.tolist() == [3, 1]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a dog", "t.txt, line 2: 'dog' is not a word of this vocabulary of 3"),
        ("a <pad>", "t.txt, line 2: '<pad>' is not a word"),
        ("a a a a a", "t.txt, line 2: 5 words, more than max_length=4; shorten or remove"),
        (" ", "t.txt, line 2: no words; remove the line"),
    ],
)
def test_a_bad_line_is_named(line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode_lines(Path("t.txt"), ["a man", line], VOCABULARY.encode, max_length=4)


def test_a_fingerprint_depends_on_names_and_contents(tmp_path: Path) -> None:
    files = [tmp_path / "a", tmp_path / "b"]
    prints = []
    for contents in (("x", "yz"), ("xy", "z"), ("x", "yz")):
        for path, content in zip(files, contents, strict=True):
            path.write_text(content)
        prints.append(fingerprint(files))
    assert prints[0] == prints[2] != prints[1]
    assert fingerprint(files[::-1]) != prints[0]
