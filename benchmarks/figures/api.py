"""Write ``docs/api.md`` from the signatures and docstrings of the code: ``make tables``.

griffe reads them from the source, so that nothing is imported.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import griffe

from textgan_bench.files import replace_text

PAGE = Path("docs/api.md")
SECTIONS = {
    "Evaluate text": ["evaluate", "Evaluation"],
    "Errors": ["errors.UserError", "errors.MissingError"],
    "Sentences as numbers": ["tokens.TokenBatch", "tokens.Vocabulary", "tokens.pad_sequences"],
    "What a plug-in implements": [
        "interfaces.Method",
        "interfaces.TextGenerator",
        "interfaces.TextDataModule",
        "interfaces.Halves",
        "interfaces.Oracle",
        "interfaces.SentenceCoder",
    ],
    "Metrics": ["metrics"],
    "Losses": [
        "losses.adversarial",
        "losses.relaxation",
        "losses.likelihood",
        "losses.policy_gradient",
        "losses.importance",
    ],
    "Mathematics of metrics": [
        "functional.bleu",
        "functional.kneser_ney.estimate",
        "functional.kneser_ney.NGramModel",
        "functional.ngram_scores.NGramScorer",
        "functional.frechet",
        "functional.lengths",
        "functional.hmm",
        "functional.neighbours.nearest_by_cosine",
    ],
}
"""Names below ``textgan_bench``; a module stands for all that is public in it."""
INTRODUCTION = """# API

`make tables` writes this page from the docstrings; do not edit it.
[CONTRIBUTING](../CONTRIBUTING.md) shows a method, a data set and a metric as whole files, and
[metrics](metrics.md) says what each score means.
"""
WIDTH = 100
DOCTEST = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)


def page() -> str:
    """The page as the code is."""
    package = griffe.load("textgan_bench", search_paths=["."])
    parts = [INTRODUCTION]
    for title, names in SECTIONS.items():
        parts.append(f"## {title}\n")
        for name in names:
            for path, item in _items(f"textgan_bench.{name}", _target(package[name])):
                parts += [f"### {path}\n", *_described(item)]
    return "\n".join(parts)


def _items(path: str, item: griffe.Object) -> Iterator[tuple[str, griffe.Class | griffe.Function]]:
    """A class or function itself, or those that a module exports or defines, by their paths."""
    if isinstance(item, griffe.Class | griffe.Function):
        yield path, item
        return
    exported = item.exports or [
        name
        for name, member in item.members.items()
        if not name.startswith("_") and not member.is_alias
    ]
    for name in map(str, exported):
        member = _target(item.members[name])
        if isinstance(member, griffe.Class | griffe.Function):
            yield f"{path}.{name}", member


def _target(item: griffe.Object | griffe.Alias) -> griffe.Object:
    return item.final_target if isinstance(item, griffe.Alias) else item


def _described(item: griffe.Class | griffe.Function) -> Iterator[str]:
    if signature := item.signature():
        yield f"```python\n{_wrapped(signature)}\n```\n"
    for section in item.docstring.parse("google", warnings=False) if item.docstring else ():
        yield from _section(section)
    members = item.members.items() if isinstance(item, griffe.Class) else ()
    for name, member in ((name, _target(each)) for name, each in members):
        if name.startswith("_") or member.docstring is None:
            continue
        label = member.signature() if isinstance(member, griffe.Function) else name
        if isinstance(member, griffe.Attribute) and member.annotation:
            label = f"{name}: {member.annotation}"
        yield f"- `{label}`: {_line(member.docstring.value)}"
    yield ""


def _wrapped(signature: str) -> str:
    """A long signature with a line for each parameter."""
    if len(signature) <= WIDTH:
        return signature
    name, _, rest = signature.partition("(")
    parameters, _, returned = rest.rpartition(")")
    lines = re.split(r", (?=\*{0,2}\w+: |\*, )", parameters)
    return "\n".join([f"{name}(", *(f"    {line}," for line in lines), f"){returned}"])


def _section(section: griffe.DocstringSection) -> Iterator[str]:
    match section:
        case griffe.DocstringSectionText():
            yield DOCTEST.sub(r"```python\n\g<0>\n```", _code(section.value)) + "\n"
        case griffe.DocstringSectionParameters():
            yield from ("Arguments:\n", *(_item(x.name, x.description) for x in section.value), "")
        case griffe.DocstringSectionRaises():
            errors = (_item(str(x.annotation), x.description) for x in section.value)
            yield from ("Raises:\n", *errors, "")
        case griffe.DocstringSectionReturns():
            yield f"Returns: {' '.join(_line(x.description) for x in section.value)}\n"
        case _:
            raise TypeError(f"no way to write a section of the kind {section.kind.value}")


def _item(name: str, text: str) -> str:
    return f"- `{name}`: {_line(text)}"


def _line(text: str) -> str:
    """All of a text in one line."""
    return " ".join(_code(text).split())


def _code(text: str) -> str:
    """Text whose names stand between single backticks, as Markdown has them."""
    return text.replace("``", "`")


if __name__ == "__main__":
    replace_text(PAGE, page())
