"""Files that are not what they should be give one error that names the file and the line."""

import gzip
from pathlib import Path

import pytest

from datamodules.corpus import fingerprint
from datamodules.lines import encode_lines, read_lines
from textgan_bench.tokens import Vocabulary

VOCABULARY = Vocabulary(("<pad>", "a", "man", "é"))


@pytest.mark.parametrize("name", ["text.txt", "text.txt.gz"])
@pytest.mark.parametrize("text", ["a man\né a\n", "a man\né a"])
def test_lines_of_plain_and_gzipped_text(tmp_path: Path, name: str, text: str) -> None:
    content = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert read_lines(tmp_path / name) == ["a man", "é a"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("latin.txt", "é".encode("latin-1"), "latin.txt is not UTF-8 text"),
        ("plain.gz", b"a man\n", "plain.gz is not gzipped UTF-8 text"),
        ("cut.gz", gzip.compress(b"a man\n" * 99)[:-12], "cut.gz is not gzipped UTF-8 text"),
        ("noise.gz", gzip.compress(b"a man\n" * 99)[:10] + b"noise", "noise.gz is not gzipped"),
        ("empty.txt", b"", "empty.txt is empty"),
        ("blank.gz", gzip.compress(b"\n \n"), "blank.gz is empty"),
    ],
)
def test_damaged_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_lines(tmp_path / name)


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
