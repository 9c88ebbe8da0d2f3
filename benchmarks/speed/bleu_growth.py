"""What 80,000 references cost beside 5,000, in time and in memory."""

import tracemalloc

from benchmarks.speed.bleu import ORDER, ours
from benchmarks.speed.claims import CAPTIONS, Claim, Texts, main, medians

SAMPLES = 5_000


def measure(texts: Texts) -> list[Claim]:
    samples, references = texts.sentences[-SAMPLES:], texts.sentences[:CAPTIONS]
    time = medians(
        {
            "5k references": lambda: ours(samples, references[:SAMPLES]),
            "80k references": lambda: ours(samples, references),
        }
    )
    tracemalloc.start()
    ours(samples, references)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    tokens = sum(map(len, references)) + sum(map(len, samples))
    return [
        Claim(
            "BLEU-5, 80k references / 5k",
            20,
            time["80k references"] / time["5k references"],
            at_least=False,
            note=f"{len(references):,} references, {SAMPLES:,} samples",
        ),
        Claim(
            "its peak of extra memory a token",
            250,
            peak / tokens,
            unit="bytes",
            at_least=False,
            note=f"{tokens:,} tokens, {ORDER} orders",
        ),
    ]


if __name__ == "__main__":
    main(measure)
