"""The memory of ``score`` grows with the words of a file by no more than docs/metrics.md says."""

import itertools
import random
import subprocess
import sys
from pathlib import Path

import pytest

BYTES_A_WORD = 100
"""As docs/metrics.md says, over what a short file needs."""
LINES = 40_000, 240_000

SCORE = """
import resource, sys
from textgan_bench.cli.main import main
assert main() == 0
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print("peak", peak * (1 if sys.platform == "darwin" else 1024))
"""


def write_text(path: Path, lines: int) -> int:
    """Sentences of phrases, which share n-grams as captions do; returns the number of words."""
    generator = random.Random(0)
    phrases = [
        generator.choices([f"w{i}" for i in range(3_000)], k=3, weights=zipf(3_000))
        for _ in range(2_000)
    ]
    sentences = [
        list(itertools.chain.from_iterable(generator.choices(phrases, k=4, weights=zipf(2_000))))
        for _ in range(lines)
    ]
    path.write_text("".join(f"{' '.join(words)}\n" for words in sentences), encoding="utf-8")
    return sum(map(len, sentences))


def zipf(types: int) -> list[float]:
    return [1 / rank for rank in range(1, types + 1)]


@pytest.mark.slow
def test_a_longer_file_needs_few_bytes_a_word(tmp_path: Path) -> None:
    write_text(tmp_path / "references", 1_000)
    words, peaks = [], []
    for lines in LINES:
        words.append(write_text(tmp_path / "text", lines))
        command = ["score", str(tmp_path / "text"), "--references", str(tmp_path / "references")]
        done = subprocess.run(
            [sys.executable, "-c", SCORE, *command, "--train", str(tmp_path / "references")],
            capture_output=True,
            text=True,
            check=True,
        )
        *scores, last = done.stdout.splitlines()
        assert any(line.startswith("self_bleu/5") for line in scores)
        peaks.append(int(last.split()[1]))
    growth = (peaks[1] - peaks[0]) / (words[1] - words[0])
    assert growth < BYTES_A_WORD, f"{growth:.0f} bytes a word"
