"""What a script of this folder measures, how, and on which text."""

import argparse
import gc
import resource
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from itertools import chain
from pathlib import Path
from types import ModuleType

import torch
from tqdm import tqdm

from datamodules import COCO, HMM, TextData
from textgan_bench.tokens import Sentence

ROUNDS = 5
CAPTIONS = 80_000
SEED = 7  # of synthetic text; not one the data set is sampled with


@dataclass(frozen=True)
class Claim:
    """A figure and its bar."""

    name: str
    bar: float
    figure: float | None
    """None if what it is compared with is absent."""
    unit: str = "×"
    at_least: bool = True
    """Whether the bar is a floor or a ceiling."""
    note: str = ""

    @property
    def holds(self) -> bool | None:
        if self.figure is None:
            return None
        return self.figure >= self.bar if self.at_least else self.figure <= self.bar

    def cells(self) -> tuple[str, str, str, str, str]:
        bar = f"{'≥' if self.at_least else '≤'} {self.bar:,g} {self.unit}"
        figure = "absent" if self.figure is None else f"{_three_digits(self.figure)} {self.unit}"
        verdict = {True: "yes", False: "**no**", None: "not measured"}[self.holds]
        return self.name, bar, figure, verdict, self.note


class Texts:
    """At least 80,000 sentences: captions of COCO, or samples of the HMM oracle."""

    def __init__(self, data_dir: Path | None) -> None:
        folder = None if data_dir is None else data_dir / "coco"
        self.is_real = folder is not None and folder.is_dir()
        self.data = TextData(COCO(folder) if self.is_real else HMM())
        self.data.setup()

    @property
    def name(self) -> str:
        return self.data.source

    @cached_property
    def sentences(self) -> list[Sentence]:
        if self.is_real:
            splits = (self.data.sentences(split) for split in ("train", "validation", "test"))
            return list(chain.from_iterable(splits))
        oracle = HMM().oracle
        words = self.data.encoded.decode(oracle.sample(CAPTIONS + 5_000, SEED))
        # Captions have no one length.
        return [sentence[: 5 + i % 16] for i, sentence in enumerate(words)]


def seconds() -> float:
    """Time of the processor that this process and those it has waited for have used so far.

    Unlike that of a clock, it does not grow while other programs have the processor.
    """
    usage = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in usage)


def medians(calls: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Median seconds of each call, all of them in turn in every round."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    gc.disable()  # as timeit does: what it finds depends on what else the process holds
    for _ in tqdm(range(rounds), desc=" / ".join(calls), leave=False, disable=None):
        for name, call in calls.items():
            before = seconds()
            call()
            times[name].append(seconds() - before)
    gc.enable()
    return {name: statistics.median(measured) for name, measured in times.items()}


def check(holds: bool, what: str) -> None:
    """Speed of a wrong result is none.

    Raises:
        SystemExit: it does not hold.
    """
    if not holds:
        raise SystemExit(f"{what}: the outputs differ, so their times are not compared")


def installed(name: str) -> ModuleType:
    """A module of the extra ``speed``; without it the script ends in a line that says so."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise  # it is there, and lacks something itself
        sys.exit(f"{name} is not installed: pip install -e '.[speed]', or make .venv/.speed")


def main(measure: Callable[[Texts], list[Claim]]) -> None:
    """Carry out one script; it fails if a bar is missed."""
    claims = measure(prepare(arguments()))
    print(table(claims))
    sys.exit(any(claim.holds is False for claim in claims))


def arguments() -> Path | None:
    parser = argparse.ArgumentParser(description="Measure claims on speed.")
    parser.add_argument(
        "--data_dir",
        type=Path,
        help="folder of data sets; samples of the HMM oracle are used if it has no coco",
    )
    folder: Path | None = parser.parse_args().data_dir
    return folder


def prepare(data_dir: Path | None) -> Texts:
    torch.set_num_threads(1)
    texts = Texts(data_dir)
    print(f"Text: {texts.name}", file=sys.stderr)
    return texts


def table(claims: list[Claim]) -> str:
    rows = [("claim", "bar", "measured", "holds", ""), ("---",) * 5]
    rows += [claim.cells() for claim in claims]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _three_digits(value: float) -> str:
    return f"{float(f'{value:.3g}'):,g}"
