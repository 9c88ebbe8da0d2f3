"""The user's own text: split by its sentences, reported in one line, refused in one line."""

from collections import Counter
from pathlib import Path

import pytest

from datamodules import Text, TextData
from datamodules.counted import frequent_words, split_of
from datamodules.words import split_words
from textgan_bench.evaluation.fingerprint import data_fingerprint

ANIMALS = ("cat", "dog", "cow", "hen", "pig", "fox", "owl", "bat", "ant", "bee")


def lines() -> list[str]:
    """A thousand sentences of 15 words, the first 300 of them twice."""
    once = [f"The {a} sees a {b} near a {c}." for a in ANIMALS for b in ANIMALS for c in ANIMALS]
    return once + once[:300]


def read(corpus: Text) -> TextData:
    data = TextData(corpus)
    data.setup()
    return data


def write(path: Path, text: list[str]) -> Path:
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return path


def test_copies_of_a_sentence_stay_in_one_split(tmp_path: Path) -> None:
    data = read(Text(write(tmp_path / "animals.txt", lines())))
    parts = {split: set(map(tuple, data.sentences(split))) for split in data.encoded.splits}
    assert sum(map(len, parts.values())) == 1_000 == len(set().union(*parts.values()))
    assert sum(len(tokens.ids) for tokens in data.encoded.splits.values()) == 1_300
    assert abs(len(parts["validation"]) - 100) < 4 * (1_000 * 0.1 * 0.9) ** 0.5
    assert abs(len(parts["test"]) - 100) < 4 * (1_000 * 0.1 * 0.9) ** 0.5
    shuffled = read(Text(write(tmp_path / "shuffled.txt", lines()[::-1])))
    assert {s: set(map(tuple, shuffled.sentences(s))) for s in shuffled.encoded.splits} == parts


def test_the_vocabulary_has_the_most_frequent_words(tmp_path: Path) -> None:
    data = read(Text(write(tmp_path / "animals.txt", lines()), words=11))
    words = Counter(
        word
        for line in lines()
        if split_of(split_words(line)) != "test"
        for word in split_words(line)
    )
    ranked = sorted(words, key=lambda word: (-words[word], word))
    assert data.vocabulary.tokens == ("<pad>", "<unk>", *ranked[:11])
    # with words unknown, sentences that look alike are left out of training
    test = set(map(tuple, data.sentences("test")))
    assert test.isdisjoint(map(tuple, data.sentences("train")))
    text = [s for s in map(split_words, lines()) if split_of(s) == "test"]
    known = [word in ranked[:11] for sentence in text for word in sentence]
    assert f"11 words, {sum(known) / len(known):.1%} of the test text" in data.source


def test_ties_are_broken_by_the_alphabet() -> None:
    text = [["b", "a", "c"], ["c", "<unk>", "<pad>"]]
    assert frequent_words(text, 2).tokens == ("<pad>", "<unk>", "c", "a")


def test_one_line_reports_sizes_coverage_and_what_was_dropped(tmp_path: Path) -> None:
    text = [*lines(), "", " ".join(["long"] * 41)]
    data = read(Text(write(tmp_path / "animals.txt", text)))
    sizes = [len(data.encoded.splits[s].ids) for s in ("train", "validation", "test")]
    assert sum(sizes) == 1_300
    assert data.source.startswith(f"own text animals.txt: {sizes[0]:,} train, {sizes[1]:,}")
    assert "1 dropped at 40 words, 1 empty and 0 held-out sentences dropped" in data.source
    assert "15 words, 100.0% of the test text" in data.source


def test_a_mark_stays_one_and_is_unknown(tmp_path: Path) -> None:
    text = [line.replace(" sees", " <unk>") for line in lines()]
    data = read(Text(write(tmp_path / "animals.txt", text)))
    assert {"<", "unk", ">"}.isdisjoint(data.vocabulary.tokens)
    assert "14 words, 88.9% of the test text" in data.source
    assert all(sentence[2] == "<unk>" for sentence in data.sentences("test"))


def test_tokenised_text_is_another_revision(tmp_path: Path) -> None:
    path = write(tmp_path / "animals.txt", [f'"{line}"' for line in lines()])
    data, tokenised = read(Text(path)), read(Text(path, tokenised=True))
    assert data.sentences("test")[0][:2] == ["``", "The"]
    assert tokenised.sentences("test")[0][0] == '"The'
    assert tokenised.source.startswith("own text animals.txt, tokenised: ")
    assert data.revision != tokenised.revision
    settings = [data_fingerprint(one, 9, "texygen")["tokenisation"] for one in (data, tokenised)]
    assert settings == ["nltk-by-piece", "blanks"]


def test_padding_is_no_word(tmp_path: Path) -> None:
    path = write(tmp_path / "animals.txt", [*lines(), "a cat <pad>"])
    with pytest.raises(ValueError, match=r"line 1301: <pad> stands for no word; remove it"):
        read(Text(path))


@pytest.mark.parametrize("end", ["", ".gz"])
def test_a_folder_of_three_files_is_taken_as_it_is(tmp_path: Path, end: str) -> None:
    import gzip

    for name, text in (("train", "a man"), ("valid", "a dog"), ("test", "a cat")):
        content = f"{text}\n{text} rides\n".encode()
        path = tmp_path / f"{name}.txt{end}"
        path.write_bytes(gzip.compress(content) if end else content)
    data = read(Text(tmp_path))
    assert data.sentences("train") == [["a", "man"], ["a", "man", "rides"]]
    assert data.sentences("test") == [["a", "<unk>"], ["a", "<unk>", "rides"]]
    (tmp_path / f"valid.txt{end}").unlink()
    with pytest.raises(FileNotFoundError, match=r"must hold train.txt, valid.txt and test.txt"):
        read(Text(tmp_path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "text.txt is empty"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "text.txt is not UTF-8 text"),
        (b"a man\n\0\0\0\n", "text.txt is not text: it holds zero bytes"),
        (b"one line\n", "leaves no sentence for .*; it holds 1 of 1 to 40 words"),
        (b"a man\n" * 99, "leaves no sentence for"),
        (b"a " * 5_000_000, "text.txt, line 1: more than 100,000 characters; .* one sentence"),
        (b"\xef\xbb\xbfbom\r\n", "it holds 1 of 1 to 40 words"),
    ],
)
def test_malformed_text_is_refused_in_one_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        read(Text(path))
    assert "\n" not in str(caught.value)


def test_text_must_be_named() -> None:
    with pytest.raises(ValueError, match="own text is named"):
        Text()
    with pytest.raises(FileNotFoundError, match=r"none.txt is not there"):
        Text("none.txt")
