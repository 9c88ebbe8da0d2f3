"""Both forms of the COCO captions: the published ids and the stand-in text."""

import gzip
import pickle
import subprocess
from pathlib import Path

import pytest

from datamodules import TextData, coco, sources
from datamodules.coco import COCO
from datamodules.sources import Source
from tests.datamodules.ready import ready
from textgan_bench.tokens import Sentence

SHARED = Path("../shared/data/coco")
needs_stand_in = pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not here")
PADDING = coco.PADDING_ID


def published_entries() -> list[str]:
    entries = [f"w{index}" for index in range(coco.ENTRIES)]
    entries[PADDING] = " "
    entries[7] = ', "'
    entries[8], entries[9] = ",", '"'
    return entries


def id_line(*ids: int) -> str:
    return " ".join(map(str, ids + (PADDING,) * (32 - len(ids))))


def write_published(folder: Path, protocol: int = 0) -> Path:
    """Files of the published form, of sentences "w(line mod 1000) w2 w4838"."""
    entries = published_entries()
    inverse = {word: index for index, word in enumerate(entries)}
    (folder / coco.VOCABULARY).write_bytes(pickle.dumps([entries, inverse], protocol))
    lines = [id_line(100 + index % 1_000, 2, 4_838) for index in range(5_010)]
    (folder / coco.TRAIN).write_text("\n".join(lines) + "\n")
    (folder / coco.TEST).write_text("\n".join([id_line(7, PADDING + 1), id_line(*range(32))]))
    return folder


def read(folder: Path) -> TextData:
    return ready(COCO(folder), batch_size=2)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_published_ids_are_decoded(tmp_path: Path, protocol: int) -> None:
    data = read(write_published(tmp_path, protocol))
    first, second = data.sentences("test")
    assert first == [",", '"', f"w{PADDING + 1}"]
    assert data.encoded.splits["test"].lengths.tolist() == [2, 32]
    assert second == " ".join(published_entries()[:32]).split()
    words = {sentence[0] for sentence in data.sentences("train") + data.sentences("validation")}
    assert words == {f"w{100 + index}" for index in range(1_000)}
    assert all(sentence[1:] == ["w2", "w4838"] for sentence in data.sentences("train"))
    assert len(data.vocabulary) == data.vocab_size == 4_839
    assert "5,010 for training and validation, 2 for test" in data.source
    assert "stand-in" not in data.source


def test_published_files_win_over_the_stand_in(tmp_path: Path) -> None:
    write_published(tmp_path)
    write_stand_in(tmp_path)
    assert "stand-in" not in read(tmp_path).source


def write_stand_in(folder: Path) -> Path:
    entries = published_entries()
    entries[PADDING] = "<pad>"
    (folder / coco.STAND_IN_VOCABULARY).write_text("\n".join(entries) + "\n")
    train = "".join(f"w{100 + index % 1_000} w2 w4838\n" for index in range(5_010))
    (folder / coco.STAND_IN_TRAIN).write_bytes(gzip.compress(train.encode()))
    (folder / coco.STAND_IN_TEST).write_text(f', " w{PADDING + 1}\n')
    return folder


def test_both_forms_give_the_same_indices(tmp_path: Path) -> None:
    (tmp_path / "ids").mkdir()
    (tmp_path / "text").mkdir()
    ids = read(write_published(tmp_path / "ids"))
    text = read(write_stand_in(tmp_path / "text"))
    assert ids.vocabulary == text.vocabulary
    assert ids.encoded.splits["train"].ids.equal(text.encoded.splits["train"].ids)
    assert ids.sentences("validation") == text.sentences("validation")
    assert text.sentences("test")[0] == ids.sentences("test")[0]
    assert text.source.startswith("stand-in for the COCO captions")
    assert ids.revision != text.revision


class Attack:
    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return subprocess.getoutput, ("touch attacked",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps([Attack(), {}]), "it asks for subprocess.getoutput"),
        (pickle.dumps([published_entries(), {}])[:-5], "is not the published vocabulary"),
        (b"words", "is not the published vocabulary"),
        (b"", "is not the published vocabulary"),
        (pickle.dumps(published_entries()), "is not the published vocabulary"),
        (pickle.dumps([[1, 2], {}]), "its first part is not a list of strings"),
        (pickle.dumps([["a"], ["a"]]), "its second part is not a dictionary"),
        (pickle.dumps([["a", "b"], {}]), "has 2 entries, not 4839"),
        (b"(S'a'\np4000000000\nl.", "it numbers more objects than it has bytes"),
        (b"\x8b\xff\xff\xff\x7f1.", "is not the published vocabulary"),
        (pickle.dumps([sorted(published_entries()), {}]), "entry 1814 is 'w2628', not padding"),
        (pickle.dumps([[*published_entries()[:-1], "w0"], {}]), "lists each word once"),
    ],
)
def test_a_pickle_that_is_not_the_vocabulary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_published(tmp_path)
    (tmp_path / coco.VOCABULARY).write_bytes(content)
    with pytest.raises(ValueError, match=f"vocab_cotra.pkl.*{message}"):
        read(tmp_path)
    assert not (tmp_path / "attacked").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (id_line(4_839), "'4839' is not an id below 4839"),
        (id_line(-1), "'-1' is not an id"),
        ("A man .", "'A' is not an id below 4839; is this the published file"),
        (id_line(), "no words"),
        (" ".join(["5"] * 33), "33 words, more than max_length=32"),
    ],
)
def test_a_bad_line_of_ids_is_named(tmp_path: Path, line: str, message: str) -> None:
    write_published(tmp_path)
    (tmp_path / coco.TEST).write_text(f"{id_line(1)}\n{line}\n")
    with pytest.raises(ValueError, match=f"realtest_coco.txt, line 2: {message}"):
        read(tmp_path)


def test_a_bad_line_of_text_is_named(tmp_path: Path) -> None:
    write_stand_in(tmp_path)
    (tmp_path / coco.STAND_IN_TEST).write_text("w1\nw2 dog\n")
    with pytest.raises(ValueError, match=r"leakgan_test.txt, line 2: 'dog' is not a word"):
        read(tmp_path)


def test_missing_folders_and_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"data_dir .*none is not there; .* into .*/coco$"):
        COCO(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=f"{tmp_path} lacks realtrain_cotra.txt, realtest"):
        read(tmp_path)
    (write_stand_in(tmp_path) / coco.STAND_IN_TEST).unlink()
    with pytest.raises(FileNotFoundError, match=f"{tmp_path} lacks leakgan_test.txt; it must hold"):
        read(tmp_path)


def test_too_few_lines_leave_nothing_for_training(tmp_path: Path) -> None:
    write_published(tmp_path)
    (tmp_path / coco.TRAIN).write_text((id_line(1) + "\n") * 5_000)
    with pytest.raises(ValueError, match=r"realtrain_cotra.txt has 5000 lines: 5000 are taken"):
        read(tmp_path)


@pytest.fixture
def published_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the published one, and an empty one for downloads."""
    served = tmp_path / "served"
    served.mkdir()
    write_published(served)
    monkeypatch.setattr(sources, "ROOT", tmp_path / "data")
    monkeypatch.setattr(
        COCO, "SOURCES", {name: Source((served / name).as_uri()) for name in COCO.SOURCES}
    )
    return served


@pytest.mark.usefixtures("published_server")
def test_files_are_downloaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = ready(COCO())
    assert len(data.sentences("test")) == 2
    monkeypatch.setattr(COCO, "SOURCES", dict.fromkeys(COCO.SOURCES, Source("file:///none")))
    COCO().prepare()


def test_a_download_that_fails_leaves_no_file(
    published_server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "PAUSE", 0.0)
    (published_server / coco.TEST).unlink()
    with pytest.raises(
        FileNotFoundError, match=r"realtest_coco.txt could not be fetched from file"
    ):
        COCO().prepare()
    write_published(published_server)
    wrong = Source((published_server / coco.TEST).as_uri(), "5ee12f621faf0a50")
    monkeypatch.setitem(COCO.SOURCES, coco.TEST, wrong)
    with pytest.raises(ValueError, match=r"realtest_coco.txt is not the published file: .*hash"):
        COCO().prepare()
    names = sorted(path.name for path in (sources.ROOT / "coco").iterdir())
    assert names == [sources.CHECKSUMS, coco.TRAIN]


@needs_stand_in
def test_the_stand_in_has_its_published_sizes() -> None:
    data = read(SHARED)
    sizes = [len(data.encoded.splits[name].ids) for name in ("train", "validation", "test")]
    assert sizes == [72_758, 5_000, 5_000]
    text = (SHARED / coco.STAND_IN_TEST).read_text(encoding="utf-8").splitlines()
    assert [" ".join(sentence) for sentence in data.sentences("test")] == text
    train = {tuple(sentence) for sentence in data.sentences("train")}
    assert train.isdisjoint(map(tuple, data.sentences("validation")))
    assert train.isdisjoint(map(tuple, data.sentences("test")))


@needs_stand_in
def test_halves_of_the_ordered_test_file_are_drawn() -> None:
    """Kitchens stand in its first half, and in both of the halves that are scored."""
    data = ready(COCO(SHARED))
    sentences = data.sentences("test")

    def kitchens(text: list[Sentence]) -> int:
        return sum("kitchen" in words for words in text)

    half = len(sentences) // 2
    assert kitchens(sentences[:half]) > 300
    assert kitchens(sentences[half:]) < 5
    halves = data.corpus.judging.halves(data.encoded)
    assert halves is not None
    counts = [kitchens(text) for text in halves]
    assert abs(counts[0] - counts[1]) < 4 * sum(counts) ** 0.5
