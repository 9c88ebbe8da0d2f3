"""Samples that a broken generator writes: each metric gives a sound and finite score."""

import math
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from torchmetrics import MetricCollection

from textgan_bench.evaluation.scores import score, score_chunks
from textgan_bench.metrics import (
    BLEU,
    FED,
    KID,
    DistinctNGrams,
    Diversity,
    EffectiveNumber,
    LengthDistance,
    LMScore,
    NearestEmbedding,
    NearestNGram,
    NeighbourCoverage,
    NeighbourPrecision,
    NovelSentences,
    ParseRate,
    Perplexity,
    ReverseLMScore,
    ReversePerplexity,
)
from textgan_bench.metrics.encoders import encoder

ANIMALS = Path(__file__).parents[1] / "golden/animals.txt"
TEXT = [line.split() for line in ANIMALS.read_text(encoding="utf-8").splitlines()]
REFERENCES, REAL, OTHERS, TRAIN = TEXT[:90], TEXT[90:180], TEXT[180:], TEXT[210:]


@pytest.fixture(scope="module")
def metrics() -> MetricCollection:
    hashed = encoder("hash8", OTHERS)
    return MetricCollection(
        [
            BLEU(REFERENCES),
            LMScore(REFERENCES),
            ReverseLMScore(REFERENCES),
            Perplexity(TRAIN),
            ReversePerplexity(REFERENCES),
            FED(REFERENCES, hashed),
            KID(REFERENCES, hashed),
            NeighbourCoverage(REFERENCES, hashed),
            NeighbourPrecision(REFERENCES, hashed),
            EffectiveNumber(hashed),
            Diversity(),
            DistinctNGrams(),
            NovelSentences(TRAIN),
            NearestNGram(TRAIN),
            NearestEmbedding(TRAIN, hashed),
            LengthDistance(REFERENCES),
            ParseRate(lambda words: words[:1] == ["the"]),
        ]
    )


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings(action="ignore"):
        yield


def test_a_collapse_is_seen(metrics: MetricCollection) -> None:
    """Fifty sentences again and again."""
    distinct = [list(words) for words in dict.fromkeys(map(tuple, TRAIN))][:50]
    assert len(distinct) == 50
    honest, collapsed = score(metrics, REAL), score(metrics, 20 * distinct)
    assert all(math.isfinite(value) for value in collapsed.values())
    assert collapsed["distinct_sentences"] == 50 / 1000
    assert collapsed["novel_sentences"] == 0
    assert collapsed["nearest_ngram"] == 1
    assert collapsed["nearest/hash8"] == pytest.approx(1)
    assert collapsed["distinct/4"] < honest["distinct/4"] / 4
    assert collapsed["knn_coverage/hash8"] < honest["knn_coverage/hash8"]
    for key in ("reverse_lm/kn4", "reverse_perplexity/kn5", "fed/hash8", "kid/hash8"):
        assert collapsed[key] > honest[key]


def test_unknown_words_match_nothing(metrics: MetricCollection) -> None:
    honest = score(metrics, REAL)
    scores = score(metrics, [[f"zyx{i}", f"qqq{i % 7}", "<unk>"] for i in range(90)])
    assert all(math.isfinite(value) for value in scores.values())
    for key in ("bleu_f/5", "bleu_b/5", "bleu_ha/5", "nearest_ngram", "parse_rate"):
        assert scores[key] == 0
    assert scores["oov_rate"] == scores["novel_sentences"] == 1
    for key in ("lm_score/kn4", "reverse_lm/kn4", "perplexity/kn5", "reverse_perplexity/kn5"):
        assert scores[key] > honest[key]


def test_empty_sentences_score_too(metrics: MetricCollection) -> None:
    scores, left_out = score_chunks(metrics, [[[], []]])
    assert left_out == dict.fromkeys(("lm_score/kn4", "perplexity/kn5"), "no word was written") | {
        "KID": "KID needs at least 3 samples, not 2",
        "NeighbourCoverage": "NeighbourCoverage needs at least 6 samples, not 2",
        "NeighbourPrecision": "NeighbourPrecision needs at least 6 samples, not 2",
    }
    assert scores["vendi/hash8"] == pytest.approx(1)
    assert scores["length_distance"] == pytest.approx(sum(map(len, REFERENCES)) / len(REFERENCES))
