"""Table 14: the first texts that a run deciphered, right words grey."""

import re
from html import unescape
from pathlib import Path

import pytest

from benchmarks.figures import cases
from benchmarks.figures.__main__ import main
from tests.benchmarks.test_latents import written
from tests.boring import BoringData
from textgan_bench.interfaces import Split
from textgan_bench.methods import MLE
from textgan_bench.tokens import Sentence
from textgan_bench.training.run import Run

pytest.importorskip("matplotlib", reason="needs the extra [plot]")


class Enciphered(BoringData):
    """Boring data whose samples are made of a sentence each."""

    def aligned(self, split: Split) -> list[Sentence]:
        return self.sentences(split)


def a_run(folder: Path) -> Run:
    data = BoringData()
    model = MLE(data.vocab_size, data.max_length, embedding=2, hidden=2)
    return written(folder, model, f"{__name__}.Enciphered")


def shades(path: Path) -> dict[bool, list[str]]:
    """The lines of a picture, by whether they are grey."""
    lines: dict[bool, list[str]] = {True: [], False: []}
    for text, drawing in re.findall(r"<!-- (.*) -->\n *<g ([^>]*)>", path.read_text("utf-8")):
        lines["#999999" in drawing].append(unescape(text))
    return lines


def test_right_words_are_grey_and_errors_black(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    texts = Enciphered().aligned("test")
    first, *others = texts
    wrong = [*first[:-1], "zebra"]
    deciphered = [wrong, *others]
    run.samples.write_text("".join(f"{' '.join(words)}\n" for words in deciphered), "utf-8")
    main("quick", 0, run.folder)
    path = run.folder / "figures/decipherment_cases.svg"
    drawn = shades(path)
    assert len([line for line in drawn[False] if line.endswith("zebra")]) == 1
    assert not [line for line in drawn[True] if "zebra" in line]
    assert any(first[0] in line.split() for line in drawn[True])
    assert f"Case {cases.SHOWN}" in path.read_text("utf-8")
    share = (len(texts) - sum(not text for text in texts) - 1 / len(first)) / sum(map(bool, texts))
    assert f"{share:.3f}" in path.read_text("utf-8")


def test_a_run_that_was_not_tested_is_refused_in_one_line(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    with pytest.raises(SystemExit, match=r"^figures: .*samples\.txt is missing: train and test"):
        main("quick", 0, run.folder)


def test_words_are_compared_place_by_place() -> None:
    assert cases.right(["a", "b", "c"], ["a", "x"]) == [True, False, False]
    assert cases.right(["a", "x"], ["a", "b", "c"]) == [True, False]
