"""Names as Toth filters them, from the archive or from its two lists."""

import zipfile
from pathlib import Path
from string import ascii_lowercase

import pytest

from datamodules import Names, sources
from datamodules.sources import Source, digest
from tests.datamodules.ready import ready

SHARED = Path("../shared/data/names")
needs_names = pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not here")


@needs_names
def test_names_are_distinct_letters_and_end_in_padding() -> None:
    data = ready(Names(SHARED))
    names = ["".join(name) for split in data.encoded.splits for name in data.sentences(split)]
    lines = [
        line.strip().lower()
        for name in ("female.txt", "male.txt")
        for line in (SHARED / name).read_text().splitlines()
    ]
    assert len(lines) == 5_001 + 2_943  # as Toth counts them
    assert sorted(names) == sorted({s for s in lines if s.isalpha() and len(s) <= 9})
    assert data.vocabulary.tokens == ("<pad>", ":", *ascii_lowercase)
    assert data.vocab_size == 28
    for tokens in data.encoded.splits.values():
        ended = tokens.ids == 0
        assert (ended.int().diff(dim=1) >= 0).all(), "nothing follows the end"
        assert (ended.sum(1) == data.max_length - tokens.lengths).all()


def test_the_archive_is_checked_and_kept_as_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "ROOT", tmp_path / "data")
    lists = {}
    for number, name in enumerate(("female.txt", "male.txt")):
        letters = [f"{a}{b}{'xyz'[number]}" for a in ascii_lowercase for b in ascii_lowercase]
        (tmp_path / name).write_text("\n".join([*letters, "Jo Ann", "Anne-Marie"] * 2) + "\n")
        lists[name] = tmp_path / name
    archive = tmp_path / "names.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name, path in lists.items():
            file.write(path, f"names/{name}")
        file.writestr("names/README", "credit")

    def published() -> Source:
        return Source(archive.as_uri(), digest(archive.read_bytes()))

    monkeypatch.setattr(Names, "SOURCES", {"names.zip": published()})
    monkeypatch.setattr("datamodules.names.TEST", 100)
    data = ready(Names())
    assert sum(len(tokens.ids) for tokens in data.encoded.splits.values()) == 2 * 26 * 26
    folder = tmp_path / "data" / "names"
    assert sorted(p.name for p in folder.iterdir()) == ["SHA256SUMS", "female.txt", "male.txt"]
    monkeypatch.setattr(sources, "ROOT", tmp_path / "other")
    archive.write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"names.zip is not the published file: its hash is"):
        Names().prepare()
    monkeypatch.setattr(Names, "SOURCES", {"names.zip": published()})
    with pytest.raises(ValueError, match="is not the published archive: File is not a zip file"):
        Names().prepare()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("names/male.txt", "Adam")
    monkeypatch.setattr(Names, "SOURCES", {"names.zip": published()})
    with pytest.raises(ValueError, match=r"is not the published archive: .*female.txt"):
        Names().prepare()
