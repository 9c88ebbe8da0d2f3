"""Kneser-Ney models of 10,000 and 80,000 captions, from a file, against lmplz of kenlm.

Ours ends with a model in memory, lmplz with one in a file that nobody reads. Its memory is tuned:
the best of four settings counts, since a buffer that is too large costs it time.
"""

import os
import subprocess
import tempfile
from itertools import chain
from pathlib import Path

import numpy as np

from benchmarks.speed.claims import CAPTIONS, Claim, Texts, check, main, medians, seconds
from textgan_bench.functional.kneser_ney import NGramModel, estimate

ORDER = 4
SIZES = 10_000, CAPTIONS
MEMORY = "32M", "64M", "256M", "1G"
LMPLZ = Path(os.environ.get("LMPLZ", "build/kenlm/bin/lmplz"))
ABSENT = "lmplz is absent: it needs Boost to be compiled; name one by LMPLZ=/path/to/lmplz"


def ours(text: Path) -> NGramModel:
    with text.open(encoding="utf-8") as file:
        sentences = [line.split() for line in file]
    return estimate(sentences, dict.fromkeys(chain.from_iterable(sentences)), ORDER)


def lmplz(text: Path, arpa: Path, memory: str) -> None:
    options = ["-o", str(ORDER), "-S", memory, "--vocab_estimate", "10000"]
    files = ["--text", str(text), "--arpa", str(arpa)]
    subprocess.run([str(LMPLZ), *options, *files], check=True, stderr=subprocess.DEVNULL)


def same(model: NGramModel, arpa: Path) -> bool:
    """Whether an ARPA file has the n-grams of a model, and log10 values within 2e-6 of its own."""
    theirs = {}
    for line in arpa.read_text(encoding="utf-8").splitlines():
        if "\t" in line:
            prob, ngram, *backoff = line.split("\t")
            theirs[ngram] = float(prob), float(backoff[0]) if backoff else 0.0
    ours = {
        " ".join(model.words[index] for index in ngram): (prob, backoff)
        for n, table in enumerate(model.tables, start=1)
        for ngram, prob, backoff in zip(
            model.ngrams(n).tolist(), table.log10_prob, table.log10_backoff, strict=True
        )
    }
    # <s> is never predicted: its probability is a convention.
    difference = (
        np.subtract(ours[ngram], value) * ([0, 1] if ngram == "<s>" else 1)
        for ngram, value in theirs.items()
    )
    return ours.keys() == theirs.keys() and max(np.abs(d).max() for d in difference) < 2e-6


def measure(texts: Texts) -> list[Claim]:
    names = {size: f"Kneser-Ney fit of {size // 1000}k captions / lmplz" for size in SIZES}
    if not os.access(LMPLZ, os.X_OK):
        return [Claim(name, 1, None, note=ABSENT) for name in names.values()]
    claims = []
    with tempfile.TemporaryDirectory() as folder:
        text, arpa = Path(folder) / "text.txt", Path(folder) / "model.arpa"
        for size, name in names.items():
            lines = (" ".join(words) + "\n" for words in texts.sentences[:size])
            text.write_text("".join(lines), encoding="utf-8")
            lmplz(text, arpa, MEMORY[0])
            check(same(ours(text), arpa), "lmplz")
            tried = {}
            for memory in MEMORY:
                before = seconds()
                lmplz(text, Path(os.devnull), memory)
                tried[memory] = seconds() - before
            tuned = min(tried, key=tried.__getitem__)

            def theirs(tuned: str = tuned) -> None:
                lmplz(text, Path(os.devnull), tuned)

            time = medians({"ours": lambda: ours(text), "lmplz": theirs})
            note = f"{1e3 * time['ours']:.0f} ms, lmplz with -S {tuned}"
            claims.append(Claim(name, 1, time["lmplz"] / time["ours"], note=note))
    return claims


if __name__ == "__main__":
    main(measure)
