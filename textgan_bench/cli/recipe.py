"""``recipe``: what the layers of a row come to, and which of them each value comes from."""

from collections.abc import Iterator, Sequence
from typing import Any

from textgan_bench.recipes import (
    Setting,
    content,
    data_arguments,
    data_layer,
    layers,
    merged,
    section_of,
)

WIDEST = 60
"""Columns of a setting at most, for which the comments of all stand aside."""


def recipe(
    method: str,
    *,
    data: str,
    budget: str,
    data_dir: str | None = None,
    changes: Sequence[str] = (),
    tokenised: bool = False,
) -> None:
    """Print the recipe as YAML that ``fit`` takes, the file of each value as a comment behind it.

    Raises:
        MissingError: there are no recipes here.
        UserError: there is no such recipe.
    """
    data, arguments = data_arguments(data, data_dir, tokenised=tokenised)
    stack = [(str(path), content(path)) for path in layers(method, data, budget)]
    if arguments:
        stack.append(("--data", {"data": data_layer(data, arguments)}))
    stack += [(f"--set {change}", section_of(change)) for change in changes]
    lines = list(_lines(merged(stack)))
    widths = [len(text) for text, _ in lines if len(text) <= WIDEST]
    for text, source in lines:
        print(f"{text.ljust(max(widths))}  # {source}" if source else text)


def _lines(settings: dict[str, Any], indent: str = "") -> Iterator[tuple[str, str]]:
    """Lines of YAML and the source of each; the name of a section has none."""
    for key, setting in settings.items():
        if isinstance(setting, Setting):
            yield f"{indent}{key}: {setting.text}", setting.source
        else:
            yield f"{indent}{key}:", ""
            yield from _lines(setting, f"{indent}  ")
