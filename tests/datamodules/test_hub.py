"""Files with the columns and the layout of the hub, loaded as from there."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datamodules import COCO2014, COCO2017, SNLI, SNLIARAE, TextData, sources
from datamodules.sources import Source, digest
from tests.datamodules.ready import ready

PARTS = ("train", "validation", "test")
WORDS = ("man", "woman", "dog", "cat", "child")


def write_snli(folder: Path) -> Path:
    """As in ``stanfordnlp/snli``: a premise is repeated for each of its three hypotheses."""
    (folder / "plain_text").mkdir(parents=True)
    for number, part in enumerate(PARTS):
        pairs = [
            (f"{w} {number} rides, again.", f"{w.title()} {number} sees {v}.", i % 3)
            for w in WORDS
            for i, v in enumerate(WORDS[:3])
        ]
        long = " ".join(["very"] * 50)
        premises, hypotheses, labels = zip(*pairs, (f"{part} {long}", "A", -1), strict=True)
        table = pa.table(
            {"premise": list(premises), "hypothesis": list(hypotheses), "label": list(labels)}
        )
        pq.write_table(table, folder / "plain_text" / f"{part}-00000-of-00001.parquet")
    return folder


def write_coco(folder: Path, parts: tuple[str, ...], column: str) -> Path:
    (folder / "data").mkdir(parents=True)
    for number, part in enumerate(parts):
        captions = [f"A {a} {number} with a {b}." for a in WORDS for b in WORDS]
        content = (
            [captions[i : i + 5] for i in range(0, 25, 5)] if column == "captions" else captions
        )
        table = pa.table({"image_id": list(range(len(content))), column: content})
        pq.write_table(table, folder / "data" / f"{part}-00000-of-00001-abc.parquet")
    return folder


def test_snli_drops_the_links_of_pairs(tmp_path: Path) -> None:
    data = ready(SNLI(write_snli(tmp_path)), batch_size=2)
    # five premises, fifteen hypotheses, a long premise that is cut, and the "A" of all parts
    assert [len(data.encoded.splits[name].ids) for name in data.encoded.splits] == [21, 21, 22]
    assert ["man", "0", "rides", ",", "again", "."] in data.sentences("train")
    assert ["Man", "0", "sees", "woman", "."] in data.sentences("train")
    assert max(map(len, data.sentences("train"))) == 40
    assert "stand-in" not in data.source
    assert data.vocab_size == len(data.vocabulary) < 42_983


def test_arae_reads_it_in_lower_case_and_drops_long_sentences(tmp_path: Path) -> None:
    data = ready(SNLIARAE(write_snli(tmp_path)), batch_size=2)
    assert [len(data.encoded.splits[name].ids) for name in data.encoded.splits] == [20, 20, 21]
    words = {word for sentence in data.sentences("train") for word in sentence}
    assert all(word == word.lower() for word in words)


def test_captions_are_one_a_row_or_a_list_an_image(tmp_path: Path) -> None:
    rows = ready(COCO2014(write_coco(tmp_path / "2014", ("train", "val", "test"), "caption")))
    assert [len(rows.encoded.splits[name].ids) for name in rows.encoded.splits] == [25, 25, 25]
    assert ["A", "man", "0", "with", "a", "dog", "."] in rows.sentences("train")


def test_validation_gives_test_too_where_the_hub_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datamodules.hub.HELD_OUT", 10)
    corpus = COCO2017(write_coco(tmp_path / "2017", ("train", "validation"), "captions"))
    lists = ready(corpus)
    assert [len(lists.encoded.splits[name].ids) for name in lists.encoded.splits] == [25, 10, 10]
    held_out = lists.sentences("validation") + lists.sentences("test")
    assert len(set(map(tuple, held_out))) == 20


def from_hub(served: Path) -> dict[str, Source]:
    """The parts of SNLI, which ``datasets`` fetches from a folder as it does from the hub."""
    paths = {part: served / "plain_text" / f"{part}-00000-of-00001.parquet" for part in PARTS}
    return {
        f"{part}.parquet": Source(str(path), digest(path.read_bytes()))
        for part, path in paths.items()
    }


@pytest.mark.parametrize("kind", [SNLI, SNLIARAE])
def test_a_data_set_of_the_hub_is_fetched_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[SNLI]
) -> None:
    served = write_snli(tmp_path / "hub")
    monkeypatch.setattr(sources, "ROOT", tmp_path / "data")
    monkeypatch.setattr(kind, "SOURCES", from_hub(served))
    announced = TextData(kind())
    assert announced.vocab_size == kind().words + 2
    announced.prepare_data()
    with pytest.raises(ValueError, match="announced before; run the same command again"):
        announced.setup()
    shutil.move(served / "plain_text", tmp_path / "gone")
    data = ready(kind())
    assert data.sentences("train") == ready(kind(tmp_path / "gone")).sentences("train")
    folder = tmp_path / "data" / "snli"
    assert sorted(path.name for path in folder.iterdir()) == [
        "SHA256SUMS",
        "test.parquet",
        "train.parquet",
        "validation.parquet",
    ]
    (folder / "train.parquet").write_bytes((folder / "test.parquet").read_bytes())
    with pytest.raises(ValueError, match=r"train.parquet is not what was downloaded"):
        TextData(kind())


def test_a_file_that_the_hub_lacks_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    monkeypatch.setattr(SNLI, "SOURCES", {"train.parquet": Source(str(tmp_path / "none"))})
    with pytest.raises(FileNotFoundError, match=r"train.parquet could not be fetched") as caught:
        SNLI().prepare()
    assert "data_dir" in str(caught.value)


def test_wrong_columns_and_empty_splits_are_refused(tmp_path: Path) -> None:
    folder = write_snli(tmp_path)
    path = folder / "plain_text" / "test-00000-of-00001.parquet"
    pq.write_table(pa.table({"premise": ["a"], "conclusion": ["b"]}), path)
    with pytest.raises(ValueError, match="lacks the column hypothesis; it has premise, conclusion"):
        TextData(SNLI(folder))
    pq.write_table(pa.table({"premise": [""], "hypothesis": [""]}), path)
    with pytest.raises(ValueError, match="leaves no sentence for test"):
        TextData(SNLI(folder))
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks train.parquet, .*must hold"):
        TextData(SNLI(folder))
