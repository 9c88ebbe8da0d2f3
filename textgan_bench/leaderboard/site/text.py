"""Text of records as HTML prints it: whatever they hold, the browser sees no mark in it."""

import html
import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import quote

from textgan_bench.errors import one_line

LONGEST = 600
"""Characters of a text that are shown; a data source takes some 200."""


def text(content: object) -> str:
    r"""Text as HTML has it, in elements and in quoted attributes.

    >>> text("<b onclick='x'>two\nlines</b>")
    '&lt;b onclick=&#x27;x&#x27;&gt;two lines&lt;/b&gt;'
    """
    line = one_line(str(content))
    return html.escape(line if len(line) <= LONGEST else f"{line[:LONGEST]}…")


def broken(name: str) -> str:
    """A name that a narrow cell breaks between its parts.

    >>> broken("nagan.started")
    'nagan.<wbr>started'
    """
    return re.sub(r"(?<=[._])(?=.)", "<wbr>", text(name))


def element(name: str, inner: str = "", **attributes: object) -> str:
    """An element with inner HTML; ``None`` and ``False`` leave an attribute out, ``True`` names it.

    An underscore in the name of an attribute stands for a dash; one at its end is dropped.

    >>> element("td", "3.5", data_v=3.5, class_="best", hidden=False)
    '<td data-v="3.5" class="best">3.5</td>'
    """
    parts = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        written = key.rstrip("_").replace("_", "-")
        parts.append(written if value is True else f'{written}="{text(value)}"')
    return f"<{' '.join(parts)}>{inner}</{name}>"


def link(target: str, inner: str, **attributes: object) -> str:
    """A link; ``target`` is an anchor or made by ``address``."""
    return element("a", inner, href=target, **attributes)


def address(parts: Iterable[str]) -> str:
    """A relative address; no part of it is taken for a scheme, a query or a way up.

    >>> address(["..", "records", "a b", "x:y?.json"])
    '../records/a%20b/x%3Ay%3F.json'
    """
    return str(PurePosixPath(*(quote(part, safe="") for part in parts)))


def scroll(table: str, label: str) -> str:
    """A table in a region of its own, which a keyboard can scroll where it is too wide."""
    return element("div", table, class_="scroll", role="region", aria_label=label, tabindex=0)


def caption(inner: str) -> str:
    """A caption that stays in sight where its table is scrolled."""
    return element("caption", element("span", inner))


def anchor(name: str) -> str:
    """The link of a section to itself."""
    return link(f"#{name}", "#", class_="anchor", aria_label="Link to this section")


class Names:
    """Names of places on the page, each given once.

    >>> names = Names()
    >>> names.of("hmm", "mle (T 1)"), names.of("hmm", "mle/T/1"), names.of("…")
    ('hmm-mle-T-1', 'hmm-mle-T-1-2', 'x')
    """

    def __init__(self) -> None:
        self._given: set[str] = set()

    def of(self, *parts: str) -> str:
        """A name made of texts, of letters, digits, dots and dashes alone."""
        joined = "-".join(parts)
        plain = re.sub(r"[^A-Za-z0-9.]+", "-", joined).strip("-")[:80] or "x"
        name, number = plain, 1
        while name in self._given:
            number += 1
            name = f"{plain}-{number}"
        self._given.add(name)
        return name
