"""The sets of definitions that published numbers follow, each one profile of metrics.

``nagan``
    The default: Huang et al. ("A text GAN for language generation with non-autoregressive
    generator", submitted to ICLR 2021, section 4.1). BLEU-F, BLEU-B and BLEU-HA of Shi et al.
    (2018), smoothed by method 1 of Chen & Cherry (2014), all samples against all references; LM
    scores of a 4-gram model; Fréchet distance. The paper does not state the smoothing: it follows
    from the row of IRL in its Table 2, which no other one reproduces. With them what a collapse
    cannot fake: the reverse LM score and the numbers of distinct words and sentences.

Scores of different profiles never compare, even under one key.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torchmetrics import Metric

from textgan_bench.interfaces import Sentence
from textgan_bench.metrics.bleu import BLEU
from textgan_bench.metrics.diversity import Diversity
from textgan_bench.metrics.fed import FED, Encoder
from textgan_bench.metrics.lm_score import LMScore, ReverseLMScore
from textgan_bench.tokens import Vocabulary


@dataclass(frozen=True)
class Profile:
    """What the fingerprint of a score says of its definitions."""

    orders: str
    """Longest n-grams of BLEU and of the language models."""
    uses: frozenset[str]
    """What scores depend on beside samples and references: vocabulary, train text, encoder."""
    max_references: int | None = None
    """The first so many references are used, all if None."""


PROFILES = {
    "nagan": Profile("BLEU 5, LM 4", frozenset({"vocabulary", "encoder"})),
}
DEFAULT = "nagan"


def profile(name: str) -> Profile:
    """The profile of a name.

    Raises:
        ValueError: there is none.
    """
    if name not in PROFILES:
        raise ValueError(f"there is no profile {name}; there are {', '.join(PROFILES)}")
    return PROFILES[name]


def build_profile(
    name: str,
    references: Sequence[Sentence],
    vocabulary: Vocabulary,
    *,
    encoder: Encoder | None = None,
) -> list[Metric]:
    """The metrics of a profile.

    Args:
        name: a key of ``PROFILES``.
        references: text to judge against.
        vocabulary: words that the language models know.
        encoder: of the Fréchet distance, which is left out without one.

    Raises:
        ValueError: there is no such profile.
    """
    references = references[: profile(name).max_references]
    metrics: list[Metric] = [
        LMScore(references, vocabulary),
        ReverseLMScore(references, vocabulary),
        BLEU(references),
        Diversity(),
    ]
    if encoder is not None:
        metrics.append(FED(references, encoder))
    return metrics
