"""``docs/api.md`` is what the code says."""

from pathlib import Path

import pytest

from benchmarks.figures.api import PAGE, page

ROOT = Path(__file__).parents[2]


@pytest.fixture
def current(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(ROOT)
    return page()


def test_the_page_is_current(current: str) -> None:
    assert PAGE.read_text(encoding="utf-8") == current, "make tables writes it"


def test_every_name_has_a_description(current: str) -> None:
    for part in current.split("\n### ")[1:]:
        name, *lines = (line for line in part.splitlines() if line)
        if lines[0] == "```python":
            lines = lines[lines.index("```") + 1 :]
        assert lines, f"{name} has no docstring"
        assert not lines[0].startswith(("- ", "Arguments:", "## ")), f"{name} has no docstring"


def test_a_name_shows_its_signature_arguments_errors_and_example(current: str) -> None:
    _, _, rest = current.partition("### textgan_bench.evaluate\n")
    part = rest.partition("\n### ")[0]
    for expected in (
        "evaluate(\n    samples: Iterable[Sequence[str]],\n",
        ") -> Evaluation\n```\n",
        "\nArguments:\n\n- `samples`: ",
        "\nRaises:\n\n- `TypeError`: ",
        "\n```python\n>>> cats",
    ):
        assert expected in part
    assert "``x``" not in current
    assert "\n- `ids: Tensor`: (B, T) int64" in current
