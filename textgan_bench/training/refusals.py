"""What no run can have: settings without effect, and misspelt ones, in one line."""

import inspect
import math
import re
from collections.abc import Collection, Iterator
from pydoc import locate
from typing import Any, get_type_hints

from textgan_bench.errors import UserError, meant

# How the parser complains of an option of a class or of a group of its options, among all else that
# it might be, and of others.
OF_CLASS = re.compile(
    r"class_path '(?P<path>[\w.]+)':\s*"
    r"(?:Group '(?P<group>[\w.]+)' does not accept option |Option |unrecognized arguments: --)"
    r"'?(?P<name>[\w.]+)"
)

OF_VALUE = re.compile(
    r"class_path '([\w.]+)':\s*(.*?)\s*- Expected a <class 'NoneType'>", re.DOTALL
)

OF_COMMAND = re.compile(r"unrecognized arguments: (--[\w.]+)")

OF_FILE = re.compile(r"does not accept option '([\w.]+)'")


def refuse(config: dict[str, Any]) -> None:
    """End at settings that no run can have, and at those that would be without effect.

    Raises:
        UserError: there is one.
    """
    for name, value in _numbers(config):
        if math.isnan(value):
            raise UserError(f"{name} is nan, which is no number")
    trainer = config["trainer"]
    if trainer["max_steps"] != -1:
        raise UserError(
            "trainer.max_steps counts a step of each player: use trainer.max_epochs, and "
            "trainer.limit_train_batches for a part of one"
        )
    if trainer["max_epochs"] is None:
        raise UserError("trainer.max_epochs is not set: Lightning would train for 1,000")
    needed = {"max_epochs", "limit_train_batches", "limit_test_batches"}
    if config["checkpoint"]["select"] is not None:
        needed.add("limit_val_batches")
    for name in sorted(needed):
        if trainer[name] == 0:
            raise UserError(f"trainer.{name} is 0: nothing would be trained, selected or scored")


def _numbers(setting: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """All numbers of a configuration, and where they stand in it."""
    if isinstance(setting, float):
        yield name, setting
    parts = dict(enumerate(setting)) if isinstance(setting, list) else setting
    for key, part in parts.items() if isinstance(parts, dict) else ():
        yield from _numbers(part, f"{name}.{key}" if name else str(key))


def misspelt(complaint: str, options: Collection[str]) -> str | None:
    """What the parser complains of, and which option was meant; None if it is of another kind."""
    of_class = OF_CLASS.search(complaint)
    if of_class:
        group = of_class["group"]
        name = f"{group}.{of_class['name']}" if group else of_class["name"]
        return _misspelt_of_class(of_class["path"], name.split("."))
    of_value = OF_VALUE.search(complaint)
    if of_value:
        return ": ".join(of_value.groups())
    of_command, of_file = OF_COMMAND.search(complaint), OF_FILE.search(complaint)
    name = of_command[1] if of_command else f"--{of_file[1]}" if of_file else None
    return name and f"there is no option {name}{meant(name, options)}"


def _misspelt_of_class(path: str, parts: list[str]) -> str:
    """Which part of an option's name, as in ``start.latent_gain``, is that of no parameter."""
    owner: Any = locate(path)
    for name in parts:
        known = inspect.signature(owner).parameters
        if name not in known:
            break
        path, owner = f"{path}.{name}", get_type_hints(owner.__init__)[name]
    return f"{path} has no option {name}{meant(name, known)}"
