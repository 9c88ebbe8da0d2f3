"""Scores of generated text; each takes ``update(samples)`` with one list of words a sentence.

References, language models, encoders and oracles are given to the constructor, which does their
part of the work once; ``reset`` forgets the samples only. ``compute`` returns scores by key.
"""

from textgan_bench.metrics.bleu import BLEU, SelfBLEU
from textgan_bench.metrics.diversity import Diversity
from textgan_bench.metrics.fed import FED
from textgan_bench.metrics.lm_score import LMScore, ReverseLMScore
from textgan_bench.metrics.oracle_nll import OracleNLL

__all__ = ["BLEU", "FED", "Diversity", "LMScore", "OracleNLL", "ReverseLMScore", "SelfBLEU"]
