"""Scores of generated text; each takes ``update(samples)`` with one list of words a sentence.

References, language models, encoders and oracles are given to the constructor, which does their
part of the work once; ``reset`` forgets the samples only. ``compute`` returns scores by key.
Metrics of paired text take ``update(samples, references)``.
"""

from textgan_bench.metrics.bleu import BLEU, SelfBLEU
from textgan_bench.metrics.decipherment import CorpusBLEU, TokenAccuracy
from textgan_bench.metrics.diversity import (
    DistinctNGrams,
    Diversity,
    NovelByTwo,
    NovelSentences,
    WordEntropy,
)
from textgan_bench.metrics.embeddings import (
    KID,
    MAUVE,
    EffectiveNumber,
    NeighbourCoverage,
    NeighbourPrecision,
)
from textgan_bench.metrics.fed import FED
from textgan_bench.metrics.lengths import LengthDistance
from textgan_bench.metrics.lm_score import LMScore, ReverseLMScore
from textgan_bench.metrics.neighbours import NearestEmbedding, NearestNGram
from textgan_bench.metrics.oracle_nll import OracleNLL
from textgan_bench.metrics.parse_rate import ParseRate
from textgan_bench.metrics.perplexity import Perplexity, ReversePerplexity
from textgan_bench.metrics.transitions import TransitionError

__all__ = [
    "BLEU",
    "FED",
    "KID",
    "MAUVE",
    "CorpusBLEU",
    "DistinctNGrams",
    "Diversity",
    "EffectiveNumber",
    "LMScore",
    "LengthDistance",
    "NearestEmbedding",
    "NearestNGram",
    "NeighbourCoverage",
    "NeighbourPrecision",
    "NovelByTwo",
    "NovelSentences",
    "OracleNLL",
    "ParseRate",
    "Perplexity",
    "ReverseLMScore",
    "ReversePerplexity",
    "SelfBLEU",
    "TokenAccuracy",
    "TransitionError",
    "WordEntropy",
]
