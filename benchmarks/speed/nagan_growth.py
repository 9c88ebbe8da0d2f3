"""How a step of NAGAN grows: exponents fitted to operations and time along one size at a time.

From 32 sentences of 20 words, V 4,839 and width 128. A least-squares line through the logarithms.
Operations carry the bars, since no other program changes them.
"""

import math
from collections.abc import Sequence

import torch

from benchmarks.speed.bare import Bare
from benchmarks.speed.claims import SEED, Claim, Texts, main, medians
from benchmarks.speed.nagan import random_batch
from benchmarks.speed.work import work
from textgan_bench.methods import NAGAN

START = {"sentences": 32, "words": 20, "vocabulary": 4_839, "width": 128}
GROWTH = {  # sizes and bar
    "sentences": ((16, 32, 64), 1.0),
    "words": ((10, 20, 40), 1.1),
    "vocabulary": ((500, 5_000, 20_000), 0.5),
    "width": ((64, 128, 256), 1.8),
}


def step(sentences: int, words: int, vocabulary: int, width: int) -> Bare:
    method = NAGAN(vocabulary, words, width=width, feed_forward=2 * width)
    return Bare(method, random_batch(torch.full((sentences,), words), vocabulary, words))


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    x, y = (torch.tensor([math.log(v) for v in values]) for values in (sizes, costs))
    return float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())


def measure(texts: Texts) -> list[Claim]:
    torch.manual_seed(SEED)
    claims = []
    for name, (sizes, bar) in GROWTH.items():
        steps = {f"{name} {size}": step(**{**START, name: size}) for size in sizes}
        for each in steps.values():
            each()  # makes the states of the optimizers
        operations = exponent(sizes, [work(each).flops for each in steps.values()])
        time = exponent(sizes, list(medians(dict(steps)).values()))
        claims.append(
            Claim(
                f"operations of a step of NAGAN grow with its {name} to the power",
                bar,
                operations,
                "",
                at_least=False,
                note=f"{', '.join(f'{size:,}' for size in sizes)}; time to the power {time:.2f}",
            )
        )
    return claims


if __name__ == "__main__":
    main(measure)
