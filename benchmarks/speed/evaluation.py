"""Every default score of 5,000 sentences against 5,000 references, all preparation included."""

import statistics

from torchmetrics import MetricCollection

from benchmarks.speed.bleu import nltk
from benchmarks.speed.claims import ROUNDS, Claim, Texts, main, medians, seconds
from textgan_bench.evaluation.scores import score
from textgan_bench.functional.hashed_ngrams import HashedNGrams
from textgan_bench.metrics.profiles import Basis, build

SENTENCES = 5_000
NLTK_SENTENCES = 10


def measure(texts: Texts) -> list[Claim]:
    data = texts.data
    samples, references = texts.sentences[:SENTENCES], data.sentences("test")
    parts: list[tuple[float, float, float]] = []
    for _ in range(ROUNDS):
        start = seconds()
        encoder = HashedNGrams.fit(data.sentences("validation"))
        fitted = seconds()
        basis = Basis(references, data.vocabulary, data.sentences("train"), encoder)
        metrics = MetricCollection(build(data.corpus.judging.entries, basis)[0])
        built = seconds()
        scores = score(metrics, samples)
        parts.append((fitted - start, built - fitted, seconds() - built))
    fit, reference, sample = map(statistics.median, zip(*parts, strict=True))
    total = statistics.median(map(sum, parts))

    few = samples[:NLTK_SENTENCES]
    time = medians({"NLTK": lambda: nltk(few, references)}, rounds=1)
    both = time["NLTK"] / len(few) * (len(samples) + len(references))  # both directions
    note = (
        f"{len(scores)} scores; {fit:.2f} s fit the encoder, {reference:.2f} s are the "
        f"references', {sample:.2f} s the samples'"
    )
    return [
        Claim("all default scores of 5,000 sentences", 1.5, total, "s", at_least=False, note=note),
        Claim("NLTK's BLEU-5 alone / all of them", 500, both / total, note="NLTK extrapolated"),
    ]


if __name__ == "__main__":
    main(measure)
