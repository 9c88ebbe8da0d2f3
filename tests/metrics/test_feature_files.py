"""Embeddings in files: taken again, made once by several processes, removable, never torn."""

import multiprocessing
import os
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor

from textgan_bench.metrics import feature_files
from textgan_bench.metrics.feature_files import KeptEncoder

TEXT = [["a", "cat"], [], ["a", "dog", "ran"]]


class Counted:
    """Lengths of texts, and how often they were asked for."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, texts: list[str]) -> Tensor:
        self.calls += 1
        return torch.tensor([[float(len(text)), 1.0] for text in texts]).view(-1, 2)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(feature_files, "root", lambda: tmp_path / "features")
    return tmp_path / "features"


def test_a_text_is_embedded_once(folder: Path) -> None:
    embed = Counted()
    first = KeptEncoder("lengths", embed, "1")(TEXT)
    again = KeptEncoder("lengths", embed, "1")([list(words) for words in TEXT])
    assert embed.calls == 1
    assert again.tolist() == first.tolist() == [[5, 1], [0, 1], [9, 1]]
    assert len(list((folder / "lengths-1").glob("*.npy"))) == 1


def test_another_text_order_or_model_is_embedded_anew(folder: Path) -> None:
    embed = Counted()
    KeptEncoder("lengths", embed, "1")(TEXT)
    for text in (TEXT[::-1], TEXT[:2], [["a"], ["cat"], [], ["a", "dog", "ran"]]):
        KeptEncoder("lengths", embed, "1")(text)
    KeptEncoder("lengths", embed, "2")(TEXT)
    KeptEncoder("other", embed, "1")(TEXT)
    assert embed.calls == 6
    assert KeptEncoder("lengths", embed, "1")([]).shape == (0, 2)


def test_the_folder_may_be_removed(folder: Path) -> None:
    embed = Counted()
    kept = KeptEncoder("lengths", embed, "1")
    kept(TEXT)
    for path in (folder / "lengths-1").glob("*.npy"):
        path.unlink()
    kept(TEXT)
    assert embed.calls == 2


def test_a_damaged_file_is_named(folder: Path) -> None:
    kept = KeptEncoder("lengths", Counted(), "1")
    kept(TEXT)
    (path,) = (folder / "lengths-1").glob("*.npy")
    whole = path.read_bytes()
    for content in (whole[:-4], b"", b"no array"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"is damaged: .*; delete it") as error:
            kept(TEXT)
        assert "\n" not in str(error.value)


def test_those_asked_for_the_longest_ago_make_room(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed = Counted()
    kept = KeptEncoder("lengths", embed, "1")
    texts = [[[word] * 100 for _ in range(10)] for word in "abc"]
    kept(texts[0])
    (path,) = (folder / "lengths-1").glob("*.npy")
    monkeypatch.setattr(feature_files, "KEPT_BYTES", 2 * path.stat().st_size)
    kept(texts[1])
    for age, file in enumerate(sorted((folder / "lengths-1").glob("*.npy"), key=os.path.getmtime)):
        os.utime(file, (age, age))
    kept(texts[0])  # asked for now
    kept(texts[2])
    assert embed.calls == 3
    kept(texts[0])
    kept(texts[2])
    assert embed.calls == 3
    kept(texts[1])
    assert embed.calls == 4


@pytest.mark.filterwarnings("error")
def test_where_nothing_can_be_written_it_says_so_and_embeds(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        (tmp_path / "file").touch()
        patch.setattr(feature_files, "root", lambda: tmp_path / "file")
        with pytest.warns(UserWarning, match="embeddings by lengths are not kept in .*file"):
            assert KeptEncoder("lengths", Counted(), "1")(TEXT).shape == (3, 2)


def slowly(root: str, log: str) -> None:
    feature_files.root = lambda: Path(root)

    def embed(texts: list[str]) -> Tensor:
        with Path(log).open("a", encoding="utf-8") as file:
            file.write("embedded\n")
        time.sleep(0.3)
        return torch.zeros(len(texts), 2)

    KeptEncoder("slow", embed, "1")(TEXT)


def test_processes_that_ask_at_once_embed_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    log = tmp_path / "log"
    workers = [
        context.Process(target=slowly, args=(str(tmp_path / "features"), str(log)))
        for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert log.read_text(encoding="utf-8") == "embedded\n"
