"""A corpus comes back from its Arrow tables as it was, mapped and not read."""

from pathlib import Path

import pytest
import torch

from datamodules import COCO
from datamodules.arrow import Corpus, read_corpus, write_corpus
from textgan_bench.tokens import CipherBatch, LabelledBatch, Vocabulary, pad_sequences

VOCABULARY = Vocabulary(("<pad>", "a", ', "', "é"))
TOKENS = pad_sequences([[1, 2], [3], [2, 2, 1]], 4)


def corpus() -> Corpus:
    return Corpus(
        VOCABULARY,
        {
            "train": CipherBatch(*TOKENS, *(column.flip(0) for column in TOKENS)),
            "validation": TOKENS,
            "test": LabelledBatch(*TOKENS, torch.tensor([1, 0, 1])),
        },
        "three sentences",
    )


def test_a_corpus_comes_back_as_it_was(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", corpus())
    found = read_corpus(tmp_path / "corpus")
    assert (found.vocabulary, found.source) == (VOCABULARY, "three sentences")
    for split, tokens in corpus().splits.items():
        assert type(found.splits[split]) is type(tokens)
        for ours, theirs in zip(found.splits[split], tokens, strict=True):
            assert ours.dtype == torch.int32
            assert ours.long().equal(theirs)
    write_corpus(tmp_path / "corpus", corpus())  # by another process: it is there already
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no list of mapped files here")
def test_tables_are_mapped_into_memory(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", corpus())
    found = read_corpus(tmp_path / "corpus")
    maps = Path("/proc/self/maps").read_text()
    assert str(tmp_path / "corpus" / "train.arrow") in maps
    assert len(found.splits["train"].ids) == 3


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", corpus())
    path = tmp_path / "corpus" / "train.arrow"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"corpus is damaged: .*; delete it"):
        read_corpus(tmp_path / "corpus")


def test_a_corpus_is_encoded_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from tests.datamodules.test_coco import ready, write_stand_in

    write_stand_in(tmp_path)
    first = ready(tmp_path)

    def refuse(_: COCO) -> Corpus:
        raise AssertionError("it was encoded again")

    monkeypatch.setattr(COCO, "read", refuse)
    assert ready(tmp_path).sentences("test") == first.sentences("test")
    (tmp_path / "leakgan_test.txt").write_text("w1\n")
    with pytest.raises(AssertionError, match="encoded again"):
        ready(tmp_path)
