"""``textgan_bench.evaluate``: the numbers of ``score``, in a script."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.checkout import Command
from textgan_bench import evaluate
from textgan_bench.errors import UserError
from textgan_bench.metrics.encoders import encoder

REAL = [
    f"a {size} {who} {does} the {what} ."
    for size in ("small", "tall", "young", "old")
    for who in ("man", "woman", "dog", "cat", "child")
    for does in ("sees", "hears", "likes")
    for what in ("house", "train", "horse", "sea")
]
TEXTS = {
    "samples": [*REAL[::3], "a zebra", "", "a <pad> man"],
    "references": REAL[::2],
    "train": REAL[1::2],
    "validation": REAL,
}
WORDS = ["a", "man", "the", "zebra"]


def words_of(name: str) -> list[list[str]]:
    return [line.split() for line in TEXTS[name]]


@pytest.mark.parametrize(
    ("texts", "options", "arguments"),
    [
        ((), {}, ()),
        (("train", "validation"), {}, ()),
        (("train",), {"vocabulary": WORDS}, ("--vocabulary", "vocabulary")),
        (("validation",), {"encoder": "hash16"}, ("--encoder", "hash16")),
        (("train", "validation"), {"extras": ["nearest"]}, ("--extras", "nearest")),
        ((), {"profile": "texygen"}, ("--profile", "texygen")),
    ],
)
def test_a_script_gets_the_numbers_of_the_command(
    command: Command, texts: tuple[str, ...], options: dict[str, Any], arguments: tuple[str, ...]
) -> None:
    for name, lines in TEXTS.items():
        Path(name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    Path("vocabulary").write_text("\n".join(WORDS), encoding="utf-8")
    given = [part for name in texts for part in (f"--{name}", name)]
    result = command("score", "samples", "--references", "references", *given, *arguments, "--json")
    content = json.loads(result.out)
    options |= {name: words_of(name) for name in ("samples", "references", *texts)}
    found = evaluate(**options)
    assert found.values == content["scores"]
    assert found.fingerprint == content["fingerprint"]
    assert found.left_out == {
        name: reason.replace("--", "") for name, reason in content["left_out"].items()
    }


def test_an_encoder_of_ones_own_is_taken_as_it_is() -> None:
    texts: dict[str, Any] = {name: words_of(name) for name in TEXTS}
    own = encoder("hash16", texts["validation"])
    found = evaluate(texts["samples"], texts["references"], encoder=own)
    named = evaluate(**texts, encoder="hash16")
    assert found.values["fed/hash16"] == named.values["fed/hash16"]
    assert found.fingerprint["encoder"] == "hash16"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"samples": "a man"}, TypeError, r"samples is a string; .*samples.splitlines\(\)\]$"),
        (
            {"samples": ["a man"]},
            TypeError,
            r"samples\[0\] is the string 'a man'; .* samples\]$",
        ),
        ({"references": [["a"], "man"]}, TypeError, r"references\[1\] is the string 'man'"),
        ({"train": ["a man"]}, TypeError, r"train\[0\] is the string"),
        ({"validation": "a man"}, TypeError, "validation is a string"),
        ({"vocabulary": "a man"}, TypeError, r"vocabulary is a string; .*vocabulary.split\(\)$"),
        ({"extras": "nearest"}, TypeError, "extras is a string"),
        ({"samples": [[1, 2]]}, TypeError, r"samples\[0\] has 1 for a word"),
        ({"samples": [["a man"]]}, UserError, r"samples\[0\] has the word 'a man'"),
        ({"samples": [["a", ""]]}, UserError, r"samples\[0\] has the word ''"),
        ({"samples": []}, UserError, "samples has no sentence"),
        ({"references": []}, UserError, "references has no sentence"),
        ({"profile": "nagen"}, UserError, "there is no profile nagen"),
        ({"profile": "texygen", "encoder": "hash2"}, UserError, "depends on encoder"),
        ({"profile": "texygen", "train": [["a"]]}, UserError, "depends on train"),
        ({"encoder": "hush"}, UserError, "'hush' is no sentence encoder"),
        ({"extras": ["nearer"]}, UserError, "there is no extra score nearer"),
    ],
)
def test_an_argument_that_is_none_is_refused_with_what_to_do(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments: dict[str, Any] = {"samples": [["a", "man"]], "references": [["a", "dog"]]}
    with pytest.raises(error, match=message):
        evaluate(**arguments | change)


def test_the_package_imports_nothing_until_it_evaluates() -> None:
    code = "import sys, textgan_bench; sys.exit(bool({'torch', 'numpy'} & sys.modules.keys()))"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
