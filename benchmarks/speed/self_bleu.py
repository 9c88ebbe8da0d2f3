"""Self-BLEU of 5,000 sentences, orders 2 to 5, against fast-bleu."""

from collections.abc import Sequence
from statistics import mean

from benchmarks.speed.claims import Claim, Texts, check, installed, main, medians
from textgan_bench.metrics import SelfBLEU
from textgan_bench.tokens import Sentence

fast_bleu = installed("fast_bleu")

SENTENCES = 5_000
ORDERS = 2, 3, 4, 5


def ours(samples: Sequence[Sentence]) -> list[float]:
    metric = SelfBLEU(ORDERS)
    metric.update(samples)
    scores = metric.compute()
    return [float(scores[f"self_bleu/{n}"]) for n in ORDERS]


def fast(samples: Sequence[Sentence]) -> list[float]:
    scores = fast_bleu.SelfBLEU(samples, {n: (1 / n,) * n for n in ORDERS}).get_score()
    return [mean(scores[n]) for n in ORDERS]


def measure(texts: Texts) -> list[Claim]:
    samples = texts.sentences[:SENTENCES]
    pairs = zip(ours(samples), fast(samples), strict=True)
    check(all(abs(a - b) < 1e-6 for a, b in pairs), "fast-bleu")
    time = medians({"ours": lambda: ours(samples), "fast-bleu": lambda: fast(samples)})
    note = f"{1e3 * time['ours']:.0f} ms"
    return [Claim("self-BLEU-2 to 5 / fast-bleu", 12, time["fast-bleu"] / time["ours"], note=note)]


if __name__ == "__main__":
    main(measure)
