"""The pages of the repository: generated parts are current, links lead somewhere."""

import re
from pathlib import Path

import pytest

from benchmarks.figures.pages import PAGES, filled
from textgan_bench import methods

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)\s]*)?\)")
"""Of a file of the repository: no address, no heading of the page itself."""


def pages() -> list[Path]:
    folders = ("docs", "benchmarks", "leaderboard", "datamodules")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), *found])


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_generated_parts_are_current(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    page = path.read_text(encoding="utf-8")
    assert filled(page, PAGES[path]) == page, "make tables writes them"


def test_a_part_has_one_place_in_its_page() -> None:
    place = "<!-- scores: make tables -->\nold\n<!-- /scores -->"
    parts = {"scores": lambda: r"new \1"}
    page = filled(f"before\n{place}\nafter", parts)
    assert re.sub(r"<.*?>", "", page).split() == ["before", "new", "\\1", "after"]
    assert filled(page, parts) == page
    for broken in ("no place", place * 2):
        with pytest.raises(ValueError, match=r"^[02] places for scores"):
            filled(broken, parts)


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(path: Path) -> None:
    targets = LINK.findall(path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_every_method_has_a_line_in_the_index_of_papers() -> None:
    page = (ROOT / "docs/papers.md").read_text(encoding="utf-8")
    indexed = re.findall(r"^\|.*?\| `(\w+)`, ", page, re.MULTILINE)
    assert sorted(indexed) == sorted(methods.__all__)


@pytest.mark.parametrize(("page", "most"), [("docs/nagan.md", 2000), ("README.md", 700)])
def test_a_page_is_short(page: str, most: int) -> None:
    """Without its generated tables."""
    text = (ROOT / page).read_text(encoding="utf-8")
    own = re.sub(r"<!-- (\w+): make tables -->.*?<!-- /\1 -->", "", text, flags=re.DOTALL)
    assert len(own.split()) <= most
