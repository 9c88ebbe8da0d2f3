"""A corpus comes back from its Arrow tables as it was, mapped and not read."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from datamodules import COCO, TextData, sources
from datamodules.arrow import DESCRIPTION, Encoded, read_encoded, write_encoded
from tests.datamodules.test_coco import read, write_stand_in
from textgan_bench.files import UNFINISHED
from textgan_bench.tokens import CipherBatch, LabelledBatch, Vocabulary, pad_sequences

VOCABULARY = Vocabulary(("<pad>", "a", ', "', "é"))
ROOT = Path(__file__).parents[2]
TOKENS = pad_sequences([[1, 2], [3], [2, 2, 1]], 4)


def corpus() -> Encoded:
    return Encoded(
        VOCABULARY,
        {
            "train": CipherBatch(*TOKENS, *(column.flip(0) for column in TOKENS)),
            "validation": TOKENS,
            "test": LabelledBatch(*TOKENS, torch.tensor([1, 0, 1])),
        },
        "three sentences",
    )


def test_a_corpus_comes_back_as_it_was(tmp_path: Path) -> None:
    write_encoded(tmp_path / "corpus", corpus())
    found = read_encoded(tmp_path / "corpus")
    assert (found.vocabulary, found.source) == (VOCABULARY, "three sentences")
    for split, tokens in corpus().splits.items():
        assert type(found.splits[split]) is type(tokens)
        for ours, theirs in zip(found.splits[split], tokens, strict=True):
            assert ours.dtype == torch.int32
            assert ours.long().equal(theirs)
    write_encoded(tmp_path / "corpus", corpus())  # by another process: it is there already
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no list of mapped files here")
def test_tables_are_mapped_into_memory(tmp_path: Path) -> None:
    write_encoded(tmp_path / "corpus", corpus())
    found = read_encoded(tmp_path / "corpus")
    maps = Path("/proc/self/maps").read_text()
    assert str(tmp_path / "corpus" / "train.arrow") in maps
    assert len(found.splits["train"].ids) == 3


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    write_encoded(tmp_path / "corpus", corpus())
    path = tmp_path / "corpus" / "train.arrow"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"corpus is damaged: .*; delete it"):
        read_encoded(tmp_path / "corpus")


def test_a_corpus_is_encoded_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_stand_in(tmp_path)
    first = read(tmp_path)

    def refuse(_: COCO) -> Encoded:
        raise AssertionError("it was encoded again")

    monkeypatch.setattr(COCO, "read", refuse)
    assert read(tmp_path).sentences("test") == first.sentences("test")
    (tmp_path / "leakgan_test.txt").write_text("w1\n")
    with pytest.raises(AssertionError, match="encoded again"):
        read(tmp_path)


def test_two_that_begin_at_once_encode_once_and_read_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The second one looks, writes and reads wherever it could disturb the first one."""
    write_stand_in(tmp_path)
    monkeypatch.setattr(sources, "ROOT", tmp_path / "data")
    began, wrote, encoded = threading.Event(), threading.Event(), []
    read_files = COCO.read

    def read_late(data: COCO) -> Encoded:
        encoded.append(data)
        if threading.current_thread() is first:
            began.set()
            wrote.wait(0.3)  # the second one could have by now
        return read_files(data)

    def write_and_wait(folder: Path, corpus: Encoded) -> None:
        write_encoded(folder, corpus)
        if threading.current_thread() is second:
            wrote.set()
            first.join(0.3)  # it could have removed it by now

    monkeypatch.setattr(COCO, "read", read_late)
    monkeypatch.setattr("datamodules.corpus.write_encoded", write_and_wait)
    found: list[TextData] = []
    first, second = (
        threading.Thread(target=lambda: found.append(read(tmp_path))) for _ in range(2)
    )
    first.start()
    assert began.wait(10)
    second.start()
    first.join()
    second.join()
    one, other = found
    assert one.sentences("test") == other.sentences("test")
    assert len(encoded) == 1


def test_what_a_kill_left_of_a_corpus_is_encoded_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_stand_in(tmp_path)
    monkeypatch.setattr(sources, "ROOT", tmp_path / "data")
    first = read(tmp_path)
    (description,) = (tmp_path / "data").rglob(DESCRIPTION)
    description.unlink()
    (description.parent / f"{UNFINISHED}0123abcd").touch()
    (description.parent.parent / "of_other_code").mkdir()
    assert read(tmp_path).sentences("test") == first.sentences("test")
    assert [path.name for path in description.parent.parent.iterdir()] == [description.parent.name]
    assert not list((tmp_path / "data").rglob(f"{UNFINISHED}*"))


PREPARE = """
from pathlib import Path
from datamodules import COCO, sources
sources.ROOT = Path("data")
COCO(".").prepare()
"""


@pytest.mark.slow
def test_processes_that_begin_at_once_all_end_well(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_stand_in(tmp_path)
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        shutil.rmtree("data", ignore_errors=True)
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", PREPARE],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(4)
        ]
        errors = [process.communicate(timeout=240)[1] for process in processes]
        assert [process.returncode for process in processes] == [0] * 4, errors
