"""Names that the source of a module defines, which is not imported.

So a misspelt setting is refused at once, and not after seconds of imports. Where the source does
not say what a class takes, as ``**`` does not, the parser of the run has the last word.
"""

import ast
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from textgan_bench.errors import UserError, meant
from textgan_bench.recipes import Setting

OWNERS = {
    "trainer": "pytorch_lightning.Trainer",
    "checkpoint": "textgan_bench.training.checkpoints.PeriodicCheckpoint",
}
"""Classes of the sections that do not name theirs."""


class Source(NamedTuple):
    """A class that was found and not imported."""

    module: str
    definition: ast.ClassDef

    @property
    def options(self) -> dict[str, ast.expr | None] | None:
        """Annotations of the constructor's arguments by name; None where they cannot be told."""
        fields: dict[str, ast.expr | None] = {}
        for node in self.definition.body:
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                given = node.args
                named = [*given.posonlyargs, *given.args, *given.kwonlyargs][1:]
                return None if given.kwarg else {each.arg: each.annotation for each in named}
            if isinstance(node, ast.AnnAssign) and "ClassVar" not in ast.unparse(node.annotation):
                fields[ast.unparse(node.target)] = node.annotation
        inherited: dict[str, ast.expr | None] = {}
        for base in reversed(self.definition.bases):
            source = self.named(base)
            options = None if source is None else source.options
            if options is None:
                return None
            inherited |= options
        is_dataclass = "dataclass" in map(_name, self.definition.decorator_list)
        return inherited | fields if is_dataclass else inherited

    def named(self, expression: ast.expr | None) -> "Source | None":
        """The class that an expression in the same file names."""
        return _find(self.module, expression.id) if isinstance(expression, ast.Name) else None


def keys(module: str, name: str) -> tuple[str, ...]:
    """The keys of a dictionary that a module writes out, each a string or the name of one."""
    values = {
        ast.unparse(node.targets[0]): node.value
        for node in _statements(module)
        if isinstance(node, ast.Assign)
    }
    written = values[name]
    assert isinstance(written, ast.Dict)
    found = (values.get(ast.unparse(key), key) for key in written.keys if key is not None)
    return tuple(map(ast.literal_eval, found))


def refuse_unknown(change: str, settings: Mapping[str, Any]) -> None:
    """End at a change to a setting that its class, named by ``settings``, does not have.

    Args:
        change: such as ``model.init_args.lr=1e-4``.
        settings: a recipe, as ``recipes.merged`` has it.

    Raises:
        UserError: there is no such setting.
    """
    section, *names = change.partition("=")[0].split(".")
    node = settings.get(section)
    path = OWNERS.get(section) or _class_path(node)
    source = _located(path)
    if section not in OWNERS:
        names, node = _within(names, node)
    while names and source is not None:
        options = source.options
        if options is None:
            return
        name, *names = names
        if name not in options:
            raise UserError(f"--set {change}: {path} has no option {name}{meant(name, options)}")
        path = f"{path}.{name}"
        node = node.get(name) if isinstance(node, dict) else None
        chosen = _class_path(node)
        if chosen is not None:
            path, source = chosen, _located(chosen)
            names, node = _within(names, node)
        elif names[:1] != ["init_args"]:
            source = source.named(options[name])
        else:
            return


def _class_path(node: Any) -> str | None:
    """The class of an object's settings, which may be no more than its path."""
    named = node.get("class_path") if isinstance(node, dict) else node
    return named.value if isinstance(named, Setting) and isinstance(named.value, str) else None


def _within(names: Sequence[str], node: Any) -> tuple[list[str], Any]:
    """What is left of a name below ``init_args``, nothing where it leads elsewhere."""
    inner = node.get("init_args") if isinstance(node, dict) else None
    return list(names[1:]) if names[:1] == ["init_args"] else [], inner


def _located(path: str | None) -> Source | None:
    module, _, name = (path or "").rpartition(".")
    return _find(module, name) if module else None


def _find(module: str, name: str) -> Source | None:
    """The class of a module, or that of another which the module imports it from."""
    for node in _statements(module):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return Source(module, node)
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    return _find(node.module, alias.name)
    return None


@cache
def _statements(module: str) -> list[ast.stmt]:
    """Those of a module's file, none where it has no source."""
    package, *within = module.split(".")
    # Of modules that Python has frozen, only the first finds the source; of an editable
    # installation, only the second.
    spec = PathFinder.find_spec(package) or find_spec(package)
    for name in within:  # the second would import the packages around them
        if spec is None:
            return []
        package = f"{package}.{name}"
        spec = PathFinder.find_spec(package, spec.submodule_search_locations)
    origin = None if spec is None else spec.origin
    if origin is None or not origin.endswith(".py"):
        return []
    return ast.parse(Path(origin).read_text(encoding="utf-8")).body


def _name(decorator: ast.expr) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return called.id if isinstance(called, ast.Name) else ""
