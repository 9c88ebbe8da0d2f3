"""A page to look at: ``python -m textgan_bench.leaderboard.site [leaderboard]``.

``site/index.html`` is one file, which needs no server, no network and, but for sorting, filtering
and comparing, no JavaScript. It is a pure function of the leaderboard's folder, of the names of the
recipes beside it and of the repository that CITATION.cff names. Standard library only.
"""

from pathlib import Path

from textgan_bench.files import locked, replace_text
from textgan_bench.leaderboard.records import ROOT
from textgan_bench.leaderboard.site.gathered import gather
from textgan_bench.leaderboard.site.page import Page

__all__ = ["write"]


def write(root: Path = ROOT) -> tuple[Path, list[tuple[str, str]]]:
    """Write the page of a leaderboard.

    Args:
        root: folder of the leaderboard.

    Returns:
        The file, and what was left out with the reason, which the page names, too.
    """
    with locked(root / "records"):  # no record is written meanwhile
        found = gather(root)
        path = root / "site" / "index.html"
        replace_text(path, Page(found, root).html())
    return path, list(found.left_out)
