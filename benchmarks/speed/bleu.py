"""Forward and backward BLEU-5 of 5,000 sentences against 5,000, from words, against three rivals.

Each builds what it needs of the references once per direction; NLTK has no way to, and is timed on
40 sentences.
"""

import math
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import mean

from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from benchmarks.speed.claims import Claim, Texts, check, installed, main, medians
from textgan_bench.metrics import BLEU
from textgan_bench.tokens import Sentence

fast_bleu = installed("fast_bleu")

SENTENCES = 5_000
ORDER = 5
WEIGHTS = (1 / ORDER,) * ORDER
NLTK_SENTENCES = 40

Rival = Callable[[Sequence[Sentence], Sequence[Sentence]], float]


def ours(samples: Sequence[Sentence], references: Sequence[Sentence]) -> tuple[float, float]:
    metric = BLEU(references, [ORDER])
    metric.update(samples)
    scores = metric.compute()
    return float(scores[f"bleu_f/{ORDER}"]), float(scores[f"bleu_b/{ORDER}"])


def dictionaries(samples: Sequence[Sentence], references: Sequence[Sentence]) -> float:
    """The largest counts of the references in dictionaries, once, in plain Python."""
    largest: list[dict[tuple[str, ...], int]] = [{} for _ in range(ORDER)]
    for words in references:
        for n, most in enumerate(largest, start=1):
            for ngram, count in _counts(words, n).items():
                if count > most.get(ngram, 0):
                    most[ngram] = count
    lengths = sorted(set(map(len, references)))
    return mean(_score(words, largest, lengths) for words in samples)


def _counts(words: Sentence, n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[i:] for i in range(n)), strict=False))


def _score(words: Sentence, largest: list[dict[tuple[str, ...], int]], lengths: list[int]) -> float:
    log_score = 0.0
    for n, most in enumerate(largest, start=1):
        matches = sum(min(k, most.get(ngram, 0)) for ngram, k in _counts(words, n).items())
        if n == 1 and not matches:
            return 0.0
        log_score += math.log((matches or 0.1) / max(1, len(words) - n + 1)) / ORDER
    closest = min(lengths, key=lambda length: (abs(length - len(words)), length))
    return math.exp(log_score + min(0.0, 1 - closest / len(words)))


def fast(samples: Sequence[Sentence], references: Sequence[Sentence]) -> float:
    return mean(fast_bleu.BLEU(references, {ORDER: WEIGHTS}).get_score(samples)[ORDER])


def nltk(samples: Sequence[Sentence], references: Sequence[Sentence]) -> list[float]:
    method1 = SmoothingFunction().method1
    with warnings.catch_warnings(action="ignore"):
        return [sentence_bleu(references, words, WEIGHTS, method1) for words in samples]


def measure(texts: Texts) -> list[Claim]:
    samples = texts.sentences[:SENTENCES]
    references = texts.sentences[SENTENCES : 2 * SENTENCES]
    few = samples[:: SENTENCES // NLTK_SENTENCES]
    exact = ours(samples, references)
    of_nltk: list[float] = []
    nltk_time = medians({"NLTK": lambda: of_nltk.extend(nltk(few, references))}, rounds=1)
    check(abs(ours(few, references)[0] - mean(of_nltk)) < 1e-12, "NLTK")
    for rival, tolerance in ((dictionaries, 1e-12), (fast, 1e-6)):
        both = rival(samples, references), rival(references, samples)
        check(all(abs(a - b) < tolerance for a, b in zip(exact, both, strict=True)), str(rival))

    def both_ways(rival: Rival) -> Callable[[], object]:
        return lambda: (rival(samples, references), rival(references, samples))

    time = medians(
        {
            "ours": lambda: ours(samples, references),
            "dictionaries": both_ways(dictionaries),
            "fast-bleu": both_ways(fast),
        }
    )
    per_sentence = time["ours"] / (2 * SENTENCES)
    note = f"5,000 × 5,000 in {1e3 * time['ours']:.0f} ms"
    return [
        Claim(
            "BLEU-5, both directions / dict in Python",
            12,
            time["dictionaries"] / time["ours"],
            note=note,
        ),
        Claim("BLEU-5, both directions / fast-bleu", 20, time["fast-bleu"] / time["ours"]),
        Claim(
            "BLEU-5 of a sentence / NLTK",
            10_000,
            nltk_time["NLTK"] / len(few) / per_sentence,
            note=f"NLTK on {len(few)} sentences",
        ),
    ]


if __name__ == "__main__":
    main(measure)
