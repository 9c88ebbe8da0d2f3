"""Kneser-Ney fit, BLEU and ``score`` of long files, against our own code of before.

The code of ``BEFORE`` comes from git; both run in turn, each in a process of its own on the same
files, and their scores have to agree to the last digit where both have one. The long files are
captions that were cut and joined, so that they share n-grams as captions do.

The time of 100,000 captions is the processor's, of one thread, beyond a file of ``SHORT`` lines: so
imports, references and training text do not count. The million is scored on two threads and by the
clock, all included, once; beside other programs that row says less than on a quiet machine. One
of its threads alone has to give the same digits.

    python -m benchmarks.speed.before --data_dir ../shared/data
"""

import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.speed.claims import CAPTIONS, Claim, Texts, check, main
from textgan_bench.tokens import Sentence

BEFORE = "4cc0a09a1d70428fb6ad588ec2d151ac5998b663"
ROOT = Path(__file__).parents[2]
ROUNDS = 3
FITS = 11
"""Rounds of the fit and BLEU, which take a fraction of a second and are disturbed the more."""
SHORT, LINES, MILLION = 10_000, 100_000, 1_000_000
SEED = 0
ABSENT = f"git has no commit {BEFORE[:7]} here"

FIT_AND_BLEU = """
import json, sys, time
from itertools import chain
from textgan_bench.functional.kneser_ney import estimate
from textgan_bench.metrics import BLEU
texts = (open(path, encoding="utf-8") for path in sys.argv[1:])
captions, samples = ([line.split() for line in text] for text in texts)
vocabulary = dict.fromkeys(chain.from_iterable(captions))
estimate(captions[:5000], vocabulary, 4)
start = time.process_time()
model = estimate(captions, vocabulary, 4)
fitted = time.process_time()
metric = BLEU(captions, [5])
metric.update(samples)
scores = {key: float(value) for key, value in metric.compute().items()}
ended = time.process_time()
scores["log10_prob"] = float(sum(table.log10_prob.sum() for table in model.tables))
print(json.dumps({"fit": fitted - start, "bleu": ended - fitted, "scores": scores}))
"""
SCORE = """
import contextlib, io, json, resource, sys, time
from textgan_bench.__main__ import main
written = io.StringIO()
start, began = time.process_time(), time.perf_counter()
with contextlib.redirect_stdout(written):
    assert main() == 0
spent = {"seconds": time.process_time() - start, "clock": time.perf_counter() - began}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({**spent, "peak": peak, "scores": json.loads(written.getvalue())["scores"]}))
"""


def spliced(captions: list[Sentence], n: int) -> Iterator[Sentence]:
    generator = random.Random(SEED)
    for _ in range(n):
        first, second = generator.choice(captions), generator.choice(captions)
        begin, end = generator.randrange(len(first)) + 1, generator.randrange(len(second))
        yield first[:begin] + second[end:]


def write(path: Path, sentences: Iterator[Sentence]) -> None:
    path.write_text("".join(f"{' '.join(words)}\n" for words in sentences), encoding="utf-8")


def run(tree: Path, code: str, *arguments: object, threads: int = 1) -> dict[str, Any]:
    """What a program prints as JSON, with the code of a tree."""
    place = {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=tree,
        env=os.environ | place,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def agree(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    shared = one.keys() & other.keys()
    return bool(shared) and all(one[key] == other[key] for key in shared)


def of_million(before: Path, command: list[object]) -> tuple[dict[str, Any], dict[str, Any]]:
    """``score`` with the code of before and ours, each on two threads."""
    old, ours = (run(tree, SCORE, *command, threads=2) for tree in (before, ROOT))
    alone = run(ROOT, SCORE, *command)
    check(ours["scores"] == alone["scores"], "one thread")
    # FED of before has other last digits on other numbers of threads.
    fed = [key for key in old["scores"] if key.startswith("fed/")]
    close = all(math.isclose(old["scores"].pop(key), ours["scores"][key]) for key in fed)
    check(close and agree(old["scores"], ours["scores"]), "score of a million captions")
    return old, ours


def measure(texts: Texts) -> list[Claim]:
    names = (
        "Kneser-Ney fit of 80k captions: code of before / ours",
        "BLEU-5, 80k references: code of before / ours",
        "score of 100k captions more: code of before / ours",
        "its memory: ours / code of before",
        "score of a million captions on two threads, by the clock: code of before / ours",
        "its memory on two threads: ours / code of before",
    )
    with tempfile.TemporaryDirectory() as name:
        folder, before = Path(name), Path(name) / "before"
        before.mkdir()
        tar = ["git", "-C", str(ROOT), "archive", BEFORE]
        archive = subprocess.run(tar, capture_output=True, check=False)
        if archive.returncode:
            return [Claim(each, 1, None, note=ABSENT) for each in names]
        subprocess.run(["tar", "-x", "-C", str(before)], input=archive.stdout, check=True)
        captions = texts.sentences[:CAPTIONS]
        write(folder / "captions", iter(captions))
        write(folder / "references", iter(texts.data.sentences("test")))
        write(folder / "validation", iter(texts.data.sentences("validation")))
        write(folder / "long", spliced(captions, LINES))
        write(folder / "short", spliced(captions, SHORT))
        write(folder / "million", spliced(captions, MILLION))
        beside = ("--references", "--validation", "--train")
        files = (folder / "references", folder / "validation", folder / "captions")
        options = [each for pair in zip(beside, files, strict=True) for each in pair]
        fits: list[tuple[float, float]] = []
        for _ in tqdm(
            range(FITS), "fit and BLEU, code of before / ours", leave=False, disable=None
        ):
            old, ours = (run(tree, FIT_AND_BLEU, *files[2::-2]) for tree in (before, ROOT))
            check(agree(old["scores"], ours["scores"]), "the code of before")
            fits.append((old["fit"] / ours["fit"], old["bleu"] / ours["bleu"]))
        ratios: list[tuple[float, float]] = []
        for _ in tqdm(range(ROUNDS), "score, code of before / ours", leave=False, disable=None):
            runs = [
                [run(t, SCORE, "score", folder / size, *options, "--json") for t in (before, ROOT)]
                for size in ("long", "short")
            ]
            check(all(agree(*(each["scores"] for each in pair)) for pair in runs), "score")
            (old_long, new_long), (old_short, new_short) = runs
            ratios.append(
                (
                    (old_long["seconds"] - old_short["seconds"])
                    / (new_long["seconds"] - new_short["seconds"]),
                    new_long["peak"] / old_long["peak"],
                )
            )
        old, ours = of_million(before, ["score", folder / "million", *options, "--json"])
    fit, bleu = map(statistics.median, zip(*fits, strict=True))
    score, memory = map(statistics.median, zip(*ratios, strict=True))
    clocks = f"{old['clock']:.0f} s and {ours['clock']:.0f} s"
    spent = f"{old['seconds']:.0f} s and {ours['seconds']:.0f} s of the processor"
    return [
        Claim(names[0], 1.3, fit),
        Claim(names[1], 1.3, bleu),
        Claim(names[2], 1.6, score, note="with three scores that the code of before has not"),
        Claim(names[3], 1, memory, at_least=False, note=f"{LINES:,} captions"),
        Claim(names[4], 3, old["clock"] / ours["clock"], note=f"{clocks}; {spent}"),
        Claim(names[5], 1, ours["peak"] / old["peak"], at_least=False),
    ]


if __name__ == "__main__":
    main(measure)
