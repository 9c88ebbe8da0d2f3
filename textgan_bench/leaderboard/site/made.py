"""How each row was made, with links to its records, its recipe and its commit."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from textgan_bench.leaderboard.records import Record
from textgan_bench.leaderboard.rendering import training_note
from textgan_bench.leaderboard.site.meanings import TERMS
from textgan_bench.leaderboard.site.places import HOW, TO_ROOT, Place
from textgan_bench.leaderboard.site.text import address, element, link, text

PLAIN = re.compile(r"[A-Za-z0-9][\w.+-]*", re.ASCII)
"""Names that mean nothing to a shell."""

COMMIT = re.compile(r"([0-9a-f]{7,40})(-dirty)?")


class Origins:
    """What rows are made of.

    Args:
        project: folder of the recipes and of CITATION.cff, which names the repository.
    """

    def __init__(self, project: Path) -> None:
        self.recipes = _recipes(project / "benchmarks")
        self.repository = _repository(project / "CITATION.cff")

    def how(self, place: Place) -> str:
        """How each row of a place came about, with links to what says so in full."""
        items = []
        for index, row in enumerate(place.block.rows):
            if row.kind != "run":
                continue
            first = row.records[0]
            facts = [text(training_note(row.records)) + "."]
            records = [
                link(
                    address([*TO_ROOT, "records", each.data, f"{each.stem}.json"]),
                    f"seed {each.seed}",
                )
                for each in row.records
            ]
            facts.append(f"Record: {', '.join(records)}.")
            if layers := recipe_layers(self.recipes, first):
                linked = [
                    link(address([*TO_ROOT, "..", "benchmarks", *each]), text("/".join(each)))
                    for each in layers
                ]
                facts.append(f"Recipe: {', '.join(linked)}.")
            commits = dict.fromkeys(each.commit for each in row.records)
            facts.append(f"Commit: {', '.join(map(self._commit, commits))}.")
            if command := _command(row.records):
                facts.append(f"Again: {element('code', text(command))}.")
            name = place.rows[index]
            title = link(f"#{name}", text(f"{row.method}, {row.budget}"))
            items.append(element("li", f"<b>{title}</b> {' '.join(facts)}", id=f"{name}{HOW}"))
        labels = [record.budget_label for record in place.records]
        met = [said for term, said in TERMS.items() if any(term in each for each in labels)]
        notes = "".join(element("p", text(f"{said}."), class_="notes") for said in met)
        notes += element("p", text(place.block.notes[1] + "."), class_="notes")
        told = {training_note(row.records) for row in place.block.rows if row.records}
        others = [note for note in place.block.notes[2:] if note not in told]
        notes += "".join(element("p", text(note), class_="notes") for note in others)
        return element(
            "details",
            element("summary", "How each row was made: budgets, records, recipes, commits")
            + element("ul", "".join(items), class_="how")
            + notes,
        )

    def _commit(self, commit: str) -> str:
        found = COMMIT.fullmatch(commit)
        if found is None:
            return element("code", text(commit))
        shown = element("code", f"{found[1][:10]}{found[2] or ''}")
        if self.repository is None:
            return shown
        return element("a", shown, href=f"{self.repository}/commit/{found[1]}")


def recipe_layers(
    recipes: Mapping[str, Sequence[tuple[str, ...]]], record: Record
) -> list[tuple[str, ...]]:
    """Files of the recipe of a row: those of its method, its variants and its budget.

    Args:
        recipes: files below ``benchmarks`` by the folder that they are of.
        record: one of the row.
    """
    parts = record.method.split(".")
    variants = {".".join(parts[: count + 1]) for count in range(len(parts))}
    found = []
    for path in [*recipes.get("rows", ()), *recipes.get(record.data, ())]:
        methods, _, budgets = path[-1].removesuffix(".yaml").partition("-")
        if variants & set(methods.split("+")) and (
            not budgets or record.budget in budgets.split("+")
        ):
            found.append(path)
    return found


def _recipes(folder: Path) -> dict[str, list[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    for pattern in ("rows/*/*.yaml", "*/*.yaml"):
        for path in sorted(folder.glob(pattern)):
            parts = path.relative_to(folder).parts
            found.setdefault(parts[0], []).append(parts)
    return found


def _repository(citation: Path) -> str | None:
    """Address of the repository, as CITATION.cff names it."""
    if not citation.is_file():
        return None
    found = re.search(
        r"^repository-code: *[\"']?(https://[\w./~-]+?)/?[\"']? *$",
        citation.read_text(encoding="utf-8"),
        re.MULTILINE | re.ASCII,
    )
    return found[1] if found else None


def _command(records: Sequence[Record]) -> str | None:
    """What makes a row again; None where a name would mean something to a shell."""
    first = records[0]
    if not all(PLAIN.fullmatch(name) for name in (first.method, first.data, first.budget)):
        return None
    numbers = " ".join(str(record.seed) for record in records)
    seed = f"'{numbers}'" if len(records) > 1 else numbers
    return f"make bench METHOD={first.method} DATA={first.data} BUDGET={first.budget} SEED={seed}"
