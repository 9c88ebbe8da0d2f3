"""The tree is the experiment matrix: which tables, rows and budgets ``benchmarks`` offers.

``benchmarks/<data>/data.yaml`` makes a table, whose ``tasks`` name the folders of
``benchmarks/rows`` that hold its rows: ``generation`` unless it says otherwise. ``<method>.yaml``
there is a row at the budget of its paper, ``<method>-<budget>.yaml`` what another budget changes,
and ``<method>.<variant>.yaml`` a row, too, laid over the method at each of its budgets. Variants of
a method combine: ``<method>.<one>.<other>`` is laid over by both, and by a file of this name, if
there is one. Files of these names in the folder of the table hold what differs there, or rows that
it alone has. A ``+`` joins the methods or the budgets that share a file. The recipes of ``text``
are those of every text of the user, whose table is called ``text-<name>``.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import chain, combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from textgan_bench.errors import MissingError, UserError, meant

if TYPE_CHECKING:
    from textgan_bench.interfaces import TextDataModule

ROOT = Path("benchmarks")
SHARED = Path("../shared/data")
"""A folder of data sets beside the checkout, which are read from there and not downloaded."""
DATA = "data.yaml"
PAPER = "paper"
SMOKE = "smoke"
TEXT = "text"
GENERATION = "generation"
"""The task of a table that names none: any text can be learnt to be written."""
ALL = "all"
"""What stands for each of the tables but own text."""
LARGEST_SEED = 2**32 - 1
"""NumPy takes no larger one."""
NEEDED = (("trainer", "max_epochs"), ("evaluate", "budget_label"))
"""Settings of every recipe: how long it trains, and what that is called in a table."""
CHANGEABLE = ("model.init_args.", "data.init_args.", "trainer.", "checkpoint.")
"""How the name of a setting begins that a run may have otherwise than its recipe."""
OWN_OPTIONS = {
    "data_dir": "--data_dir",
    "tokenised": "--tokenised",
    "devices": "--devices",
    "num_nodes": "--nodes",
    "default_root_dir": "what names the run",
    "logger": "the variables of W&B",
}
"""Settings that say where a run lies or what it runs on, and what says them."""
MANY = 10_000
"""Settings of a file at most, each alias counted as what it stands for."""


def layers(method: str, data: str, budget: str, root: Path = ROOT) -> list[Path]:
    """Configuration files of a run; each overrides the ones before it, key by key.

    Those that all tables share come before those of the table, those of all budgets before those of
    one. What a variant changes holds at every budget: its files are laid over those of the budget.

    Raises:
        MissingError: there are no recipes here.
        UserError: no such table, row or budget; the message lists those there are, and where else
            the row is. Or a file is no configuration, or they leave out what every run has.
    """
    folder = table(data, root)
    methods = rows(folder)
    if not is_row(method, folder):
        elsewhere = [name for name in tables(root) if is_row(method, root / name)]
        raise UserError(
            f"no method {method}{'' if elsewhere else meant(method, methods)}: {folder} has "
            f"{', '.join(methods) or 'no method yet'}"
            + (f"; {method} is in {', '.join(elsewhere)}" if elsewhere else "")
        )
    offered = budgets(method, folder)
    if budget not in offered:
        raise UserError(
            f"no budget {budget}{meant(budget, offered)}: {method} on {data} has "
            f"{', '.join(offered)}"
        )
    files = _files(folder)
    paths = [root / "trainer.yaml", folder / DATA]
    for parts in laid_over(method):
        for key in dict.fromkeys((PAPER, budget)):
            paths += [
                path
                for path, (names, keys) in files.items()
                if key in keys and parts in map(_parts, names)
            ]
    if budget == SMOKE:
        paths.append(root / "smoke.yaml")
    settings = merged((str(path), content(path)) for path in paths)
    for section, key in NEEDED:
        named = settings.get(section)
        if not isinstance(named, dict) or named.get(key, Setting(None, "")).value is None:
            raise UserError(f"{section}.{key} is not set: {paths[-1]} has to, or a layer below it")
    return paths


def section_of(change: str) -> dict[str, Any]:
    """The sections that ``model.init_args.lr=1`` stands for.

    Raises:
        UserError: it names no setting that a run may have otherwise, or gives it no value.
    """
    name, equals, text = change.partition("=")
    start = next((start for start in CHANGEABLE if name.startswith(start)), "")
    if not start or name == start:
        near = meant(name.rpartition(".")[0], CHANGEABLE)
        raise UserError(
            f"--set {change}{near}: a setting begins with {', '.join(CHANGEABLE)}, as in "
            "model.init_args.lr=1e-4"
        )
    if not equals:
        raise UserError(f"--set {change} has no value: write {name}=VALUE")
    *_, last = name.split(".")
    if last in OWN_OPTIONS:
        raise UserError(f"--set {change}: {OWN_OPTIONS[last]} says that")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UserError(f"--set {change}: {text} is no value of YAML") from None
    for key in reversed(name.split(".")):
        value = {key: value}
    return dict(value)


def layer_of(change: str) -> str:
    """``model.init_args.lr=1`` as a layer of YAML.

    It is no argument of its own, since jsonargparse takes no ``null`` there for a field of a data
    class.

    >>> print(layer_of("trainer.max_epochs=3"))
    trainer:
     max_epochs:
      3
    """
    name, _, text = change.partition("=")
    lines = [*(f"{key}:" for key in name.split(".")), text]
    return "\n".join(" " * depth + line for depth, line in enumerate(lines))


def ordered(changes: Iterable[str]) -> tuple[str, ...]:
    """The changes of a run, in the one order that its name has them in.

    Raises:
        UserError: as of ``section_of``, or one setting has two values.
    """
    found = sorted(set(changes))
    for change in found:
        section_of(change)
    names = [change.partition("=")[0] for change in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"--set has two values of {', '.join(twice)}")
    return tuple(found)


class Setting(NamedTuple):
    """A value of a recipe."""

    value: Any
    source: str
    """The layer that it comes from."""

    @property
    def text(self) -> str:
        """The value as YAML of one line."""
        style: dict[str, Any] = {"default_flow_style": True, "allow_unicode": True}
        text: str = yaml.safe_dump(self.value, sort_keys=False, width=10_000, **style)
        return text.removesuffix("\n").removesuffix("\n...")


def merged(layers: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """What layers, each named, come to: sections within sections of ``Setting``."""
    settings: dict[str, Any] = {}
    for source, layer in layers:
        _lay(layer, source, settings)
    return settings


def _lay(layer: Mapping[str, Any], source: str, settings: dict[str, Any]) -> None:
    for key, value in layer.items():
        if isinstance(value, dict):
            if not isinstance(settings.get(key), dict):
                settings[key] = {}
            _lay(value, source, settings[key])
        else:
            settings[key] = Setting(value, source)


def read(path: Path) -> str:
    """The text of a configuration file, which a parser may be given.

    Raises:
        UserError: it is no YAML in UTF-8, has no settings or one twice, or its aliases stand for
            more than any run has.
    """
    return _read(path)[0]


def content(path: Path) -> dict[str, Any]:
    """The sections of a configuration file, not to be changed.

    Raises:
        UserError: as of ``read``.
    """
    return _read(path)[1]


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
        return text, _parsed(text)
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text ({error.reason}); convert it") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is no YAML: {error}") from None
    except RecursionError:
        raise UserError(f"{path}: its settings lie too deep in each other") from None
    except UserError as error:
        raise UserError(f"{path} {error}") from None


@lru_cache  # many recipes share a layer
def _parsed(text: str) -> dict[str, Any]:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(node, yaml.MappingNode):
        raise UserError("has no settings: there is no 'name: value' in it")
    if _settings(node, {}) > MANY:
        raise UserError(
            f"is too large: its aliases repeat themselves, or more than {MANY:,} settings"
        )
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


def _settings(node: yaml.Node, counted: dict[yaml.Node, int]) -> int:
    """How many scalars a node stands for; an alias is the very node that it repeats."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if node not in counted:
        counted[node] = MANY + 1  # of what stands within itself
        parts = node.value
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in parts]
            if twice := sorted({str(key) for key in keys if keys.count(key) > 1}):
                raise UserError(f"has {', '.join(twice)} twice")
            parts = [value for _, value in parts]
        counted[node] = sum(_settings(part, counted) for part in parts)
    return counted[node]


def budgets(method: str, folder: Path) -> list[str]:
    """Budgets of a row of the table in ``folder``; a variant has those of its method."""
    return _budgets(method, _files(folder))


def rows(folder: Path) -> list[str]:
    """Methods of the table in ``folder``, and their variants."""
    return list(offers(folder))


def is_row(method: str, folder: Path) -> bool:
    """Whether the table in ``folder`` has a row, or each variant that a row combines."""
    known = rows(folder)
    base, *variants = method.split(".")
    combined = len(set(variants)) == len(variants) > 1
    parts = (f"{base}.{variant}" for variant in variants)
    return method in known or (combined and all(part in known for part in parts))


def laid_over(method: str) -> list[frozenset[str]]:
    """The rows that a row consists of, each a method and variants, later ones over earlier ones.

    >>> [sorted(parts) for parts in laid_over("nagan.started.cnn")]
    [['nagan'], ['nagan', 'started'], ['cnn', 'nagan'], ['cnn', 'nagan', 'started']]
    """
    base, *variants = method.split(".")
    chosen = (combinations(variants, n) for n in range(len(variants) + 1))
    return [frozenset((base, *some)) for some in chain.from_iterable(chosen)]


def _parts(row: str) -> frozenset[str]:
    return frozenset(row.split("."))


def offers(folder: Path) -> dict[str, list[str]]:
    """Budgets of each row of the table in ``folder``."""
    files = _files(folder)
    found = (names for names, keys in files.values() if PAPER in keys)
    return {row: _budgets(row, files) for row in sorted(set(chain.from_iterable(found)))}


def _budgets(method: str, files: Mapping[Path, tuple[list[str], list[str]]]) -> list[str]:
    rows_below = laid_over(method)
    found = (keys for names, keys in files.values() if any(_parts(n) in rows_below for n in names))
    return list(dict.fromkeys([PAPER, SMOKE, *sorted(chain.from_iterable(found))]))


def _files(folder: Path) -> dict[Path, tuple[list[str], list[str]]]:
    """Layers of the rows of a table, and the methods and budgets that each is one of.

    Those that tables share come first, of one folder those that rows or budgets share.

    Raises:
        UserError: it has a task that there is not.
    """
    shared = folder.parent / "rows"
    tasks = content(folder / DATA).get("tasks", [GENERATION])
    known = [GENERATION, *(path.name for path in sorted(shared.glob("*")))]
    for task in tasks:
        if task not in known:
            raise UserError(f"{folder / DATA} has the task {task}, {shared} no such folder")
    places = [*(shared / task for task in tasks), folder]
    files: dict[Path, tuple[list[str], list[str]]] = {}
    for place in places:
        found = {path: _names(path) for path in sorted(place.glob("*.yaml")) if path.name != DATA}
        files |= dict(sorted(found.items(), key=lambda item: -sum(map(len, item[1]))))
    return files


def _names(path: Path) -> tuple[list[str], list[str]]:
    methods, _, keys = path.stem.partition("-")
    return methods.split("+"), (keys or PAPER).split("+")


def table(data: str, root: Path = ROOT) -> Path:
    """Folder of a table.

    Raises:
        MissingError: there are no recipes here.
        UserError: no such table; the message lists those there are.
    """
    names = tables(root)
    name = TEXT if is_own_text(data) else data
    if name not in names:
        raise UserError(
            f"no data set {data}{meant(data, names)}: {root} has {', '.join(names)}; own text is "
            "named by an existing path"
        )
    return root / name


def tables(root: Path = ROOT) -> list[str]:
    """Names of all tables.

    Raises:
        MissingError: there are no recipes here.
    """
    if not root.is_dir():
        raise MissingError(f"{root.resolve()} is missing: run from the root of the checkout")
    return sorted(path.parent.name for path in root.glob(f"*/{DATA}"))


def folder_beside(data: str) -> str | None:
    """The folder that holds the files of a table's text beside the checkout, None without one.

    Variants of a data set, as in coco-texygen, are read from the same folder; the parameters of an
    oracle lie in one that says so, as in lstm_oracle.
    """
    folders = (SHARED / name for name in (data, f"{data}_oracle", data.partition("-")[0]))
    return next((str(folder) for folder in folders if folder.is_dir()), None)


def data_arguments(
    data: str, data_dir: str | None, *, tokenised: bool = False, root: Path = ROOT
) -> tuple[str, dict[str, Any]]:
    """The table that ``--data`` means, and the arguments of its data module that are asked for.

    Own text is named by its path, or is ``text`` with its path as ``data_dir``. The files of other
    data sets are those of a folder beside the checkout, if there is one and no other is named.

    Raises:
        MissingError: there are no recipes here.
        UserError: ``tokenised`` is asked for, which only own text may be or not be.
    """
    if data == TEXT and data_dir is not None:
        data = _table_of(Path(data_dir))
    elif data not in tables(root) and Path(data).exists():
        data, data_dir = _table_of(Path(data)), data
    else:
        data_dir = data_dir or folder_beside(data)
    if tokenised and not is_own_text(data):
        raise UserError(f"--tokenised is said of own text; how {data} is split is its own matter")
    # A path of this form is no other value of YAML, as [x] and null are.
    if data_dir is not None and not Path(data_dir).is_absolute():
        data_dir = f"./{data_dir}"
    arguments: dict[str, Any] = {} if data_dir is None else {"data_dir": data_dir}
    return data, arguments | ({"tokenised": True} if tokenised else {})


def _table_of(text: Path) -> str:
    """A name for each text: that of its file, and a hash of what of its path that leaves out."""
    place = os.path.relpath(text.resolve(), Path.cwd().resolve())
    stem = text.resolve().name.removesuffix(".gz").removesuffix(".txt")
    name = re.sub(r"[^\w.-]+", "_", stem)[:60]
    digest = hashlib.sha256(place.encode()).hexdigest()[:6]
    return f"{TEXT}-{name}" if place == f"{name}.txt" else f"{TEXT}-{name}-{digest}"


def is_own_text(name: str) -> bool:
    """Whether a table is of the user's text, and no record of it belongs to the suite's."""
    return name.startswith(f"{TEXT}-")


def data_module(
    name: str, data_dir: str | None, *, tokenised: bool = False
) -> "tuple[str, TextDataModule]":
    """A table and its data module, as its runs make it; not set up.

    Its files are those of ``data_dir``, of a folder beside the checkout, or downloaded.

    Raises:
        UserError: there is no such data set, or its file is no configuration.
    """
    # Seconds to import, and whoever mistypes a name does not wait for them.
    from jsonargparse import ArgumentParser

    from textgan_bench.interfaces import TextDataModule

    name, arguments = data_arguments(name, data_dir, tokenised=tokenised)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(TextDataModule, "data")
    settings = parser.parse_object({"data": _data_of(name)})
    if arguments:
        settings = parser.parse_object({"data": data_layer(name, arguments)}, namespace=settings)
    data: TextDataModule = parser.instantiate(settings).data
    return name, data


def data_layer(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a table's corpus, or of a data module without one, as settings of ``data``."""
    own = {"init_args": arguments}
    has_corpus = "corpus" in (_data_of(name).get("init_args") or {})
    return {"init_args": {"corpus": own}} if has_corpus else own


def _data_of(name: str) -> dict[str, Any]:
    settings: dict[str, Any] = yaml.safe_load(read(table(name) / DATA))["data"]
    return settings
