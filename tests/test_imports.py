"""Who may import whom, checked from the syntax tree."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Beside the standard library and the package of the module itself. What is not listed is refused:
# nothing in textgan_bench imports datamodules, a method knows no metric, a metric no method, and
# tables can be rendered without torch.
ALLOWED = {
    # The parts a plug-in is made of.
    "textgan_bench.functional": "numpy torch",
    "textgan_bench.functional.neighbours": "numpy torch tqdm",
    "textgan_bench.functional.triton_attention": "torch triton",
    "textgan_bench.functional.triton_dropout": "triton",
    "textgan_bench.functional.triton_norm": "torch triton",
    "textgan_bench.tokens": "torch",
    "textgan_bench.interfaces": "tokens pytorch_lightning torch torchmetrics",
    "textgan_bench.networks": "functional tokens torch",
    "textgan_bench.graphed": "functional interfaces networks tokens pytorch_lightning torch",
    "textgan_bench.metrics": "functional interfaces tokens numpy torch torchmetrics",
    "textgan_bench.metrics.decipherment": "tokens sacrebleu torch torchmetrics",
    "textgan_bench.metrics.encoders": "functional numpy sentence_transformers tensorflow "
    "tensorflow_hub torch tqdm",
    "textgan_bench.metrics.transfer": "sklearn torch torchmetrics",
    "textgan_bench.metrics.neighbours": "functional torch torchmetrics tqdm",
    "textgan_bench.metrics.rnn_lm": "functional tokens torch tqdm",
    "textgan_bench.methods": "functional interfaces networks tokens pytorch_lightning torch",
    "datamodules": "files functional interfaces metrics reading tokens datasets hmmlearn nltk "
    "numpy pyarrow torch torchmetrics tqdm",
    # What runs and scores plug-ins, and knows none of them by name.
    "textgan_bench": "",
    "textgan_bench.columns": "",
    "textgan_bench.errors": "",
    "textgan_bench.openmp": "",
    "textgan_bench.tables": "columns errors",
    "textgan_bench.files": "",
    "textgan_bench.leaderboard": "errors files tables",
    "textgan_bench.reading": "files",
    "textgan_bench.recipes": "errors yaml",
    "textgan_bench.provenance": "torch",
    "textgan_bench.scoring": "files functional interfaces metrics tokens torchmetrics",
    "textgan_bench.bootstrap": "interfaces metrics torch torchmetrics tqdm",
    "textgan_bench.callbacks": "errors files interfaces pytorch_lightning torch tqdm",
    "textgan_bench.curves": "interfaces scoring torchmetrics tqdm",
    "textgan_bench.figures": "curves files interfaces matplotlib",
    "textgan_bench.neighbour_report": "files functional interfaces",
    "textgan_bench.evaluation": "callbacks files interfaces leaderboard provenance reading runs "
    "scoring tokens pytorch_lightning torch torchmetrics",
    "textgan_bench.runs": "callbacks files torch yaml",
    "textgan_bench.training": "callbacks errors evaluation files graphed interfaces recipes runs "
    "pytorch_lightning lightning_fabric torch tracking yaml",
    "textgan_bench.tracking": "errors wandb",
    "textgan_bench.bench": "callbacks errors interfaces leaderboard metrics provenance recipes "
    "runs scoring tracking training torch torchmetrics",
    "textgan_bench.judge": "interfaces metrics prepare reading scoring tokens torchmetrics",
    "textgan_bench.commands": "bootstrap columns figures interfaces judge metrics neighbour_report "
    "reading runs scoring training torch torchmetrics tqdm",
    "textgan_bench.latent": "interfaces scoring tokens training torch",
    "textgan_bench.comparison": "columns commands errors judge leaderboard metrics runs",
    "textgan_bench.prepare": "interfaces recipes jsonargparse yaml",
    "textgan_bench.sweep": "curves figures files interfaces leaderboard provenance runs scoring "
    "training torch tqdm",
    "textgan_bench.__main__": "bench commands comparison errors files latent openmp prepare "
    "recipes sweep training",
}


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


def part(name: str) -> str:
    """``textgan_bench.metrics`` of a module in it, otherwise the distribution's package."""
    names = name.split(".")
    return ".".join(names[:2]) if names[0] == "textgan_bench" else names[0]


def method(name: str) -> str | None:
    """``nagan`` of the module of a method or one in its package, otherwise None."""
    parts = name.split(".")
    return parts[2] if parts[:2] == ["textgan_bench", "methods"] and len(parts) > 2 else None


@pytest.mark.parametrize(
    ("module", "path"), [pytest.param(*pair, id=pair[0]) for pair in modules()]
)
def test_a_module_imports_only_what_its_part_may(module: str, path: Path) -> None:
    names = ALLOWED.get(module, ALLOWED.get(part(module)))
    assert names is not None, f"{part(module)} is missing in the table of this test"
    inside = {f"textgan_bench.{name}" for name in names.split()}
    # One method never builds on another; the package's __init__ gathers them.
    if part(module) != "textgan_bench.methods" or module == "textgan_bench.methods":
        inside.add(part(module))
    own = method(module)
    for name in imported(path):
        if own is not None and method(name) == own:
            continue
        target = part(name)
        assert target in inside or target in names.split() or target in sys.stdlib_module_names, (
            f"{module} may not import {target}"
        )


def test_every_entry_of_the_table_is_a_module() -> None:
    assert set(ALLOWED) <= {name for name, _ in modules()}
