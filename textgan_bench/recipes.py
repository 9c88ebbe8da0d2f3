"""The tree is the experiment matrix: which tables, rows and budgets ``benchmarks`` offers.

``benchmarks/<data>/data.yaml`` makes a table, ``<method>.yaml`` beside it a row at the budget of
its paper, and ``<method>-<budget>.yaml`` the same row at another one.
"""

from pathlib import Path

ROOT = Path("benchmarks")
PAPER = "paper"
SMOKE = "smoke"


def layers(method: str, data: str, budget: str, root: Path = ROOT) -> list[Path]:
    """Configuration files of a run; each overrides the ones before it, key by key.

    Raises:
        FileNotFoundError: there are no recipes here.
        ValueError: no such table, row or budget; the message lists those there are.
    """
    methods = rows(table(data, root))
    if method not in methods:
        offered = ", ".join(methods) or "no method yet"
        raise ValueError(f"METHOD={method}: {root / data} has {offered}")
    budgets = {
        PAPER: [],
        SMOKE: [root / "smoke.yaml"],
        **{
            path.stem.removeprefix(f"{method}-"): [path]
            for path in sorted((root / data).glob(f"{method}-*.yaml"))
        },
    }
    if budget not in budgets:
        raise ValueError(f"BUDGET={budget}: {method} on {data} has {', '.join(budgets)}")
    shared = [root / "trainer.yaml", root / data / "data.yaml", root / data / f"{method}.yaml"]
    return [*shared, *budgets[budget]]


def table(data: str, root: Path = ROOT) -> Path:
    """Folder of a table.

    Raises:
        FileNotFoundError: there are no recipes here.
        ValueError: no such table; the message lists those there are.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"{root.resolve()} is missing: run from the root of the checkout")
    names = sorted(path.parent.name for path in root.glob("*/data.yaml"))
    if data not in names:
        raise ValueError(f"DATA={data}: {root} has {', '.join(names)}")
    return root / data


def rows(folder: Path) -> list[str]:
    """Methods of a table."""
    stems = sorted(path.stem for path in folder.glob("*.yaml"))
    return [stem for stem in stems if stem != "data" and "-" not in stem]
