"""The sets of definitions that published numbers follow, each one profile of metrics.

``nagan``
    The default: Huang et al. ("A text GAN for language generation with non-autoregressive
    generator", submitted to ICLR 2021, section 4.1). BLEU-F, BLEU-B and BLEU-HA of Shi et al.
    (2018), smoothed by method 1 of Chen & Cherry (2014), all samples against all references; LM
    scores of a 4-gram model; Fréchet distance. The paper does not state the smoothing: it follows
    from the row of IRL in its Table 2, which no other one reproduces. With them what a collapse
    cannot fake, reverse LM score and diversity, and the share of sentences that are not copies of
    training text. The nearest of all training sentences are too slow to look up each time.
``texygen``
    Zhu et al. (2018), "Texygen: a benchmarking platform for text generation models", and its code:
    BLEU-2..5 of all samples against the first 500 references, self-BLEU-2..5 of the first 500
    samples, smoothed by method 1. Texygen also lower-cases both texts and splits punctuation off:
    do so before, since nothing is changed here.
``irl-legacy``
    BLEU as NLTK computed it before version 3.3, an order without a match left out of the product:
    only to reproduce the tables made that way, as those of LeakGAN (Guo et al., 2018) and IRL (Shi
    et al., 2018). A sentence that shares no 4-gram with the references loses nothing by it: a model
    of random words can win. IRL takes 1,000 samples for BLEU-F, which changes its noise alone, and
    1,000 chosen references for BLEU-B, which are easier than all; here both are all there are.
``arae``
    Zhao et al. (2018), "Adversarially regularized autoencoders", section 6: forward perplexity of
    the samples under a 5-gram model of the training text, reverse perplexity of the references
    under a 5-gram model and under a recurrent network trained on the samples, 100,000 there.

Scores of different profiles never compare, even under one key.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from torch import Tensor
from torchmetrics import Metric

from textgan_bench.errors import UserError
from textgan_bench.interfaces import Sentence
from textgan_bench.metrics.bleu import BLEU, SelfBLEU
from textgan_bench.metrics.diversity import DistinctNGrams, Diversity, NovelSentences
from textgan_bench.metrics.fed import FED, Encoder
from textgan_bench.metrics.language_models import RNN
from textgan_bench.metrics.lengths import LengthDistance
from textgan_bench.metrics.lm_score import LMScore, ReverseLMScore
from textgan_bench.metrics.neighbours import NearestEmbedding, NearestNGram
from textgan_bench.metrics.perplexity import Perplexity, ReversePerplexity
from textgan_bench.tokens import Vocabulary


@dataclass(frozen=True)
class Profile:
    """What the fingerprint of a score says of its definitions."""

    orders: str
    """N-grams of BLEU and of the language models."""
    uses: frozenset[str]
    """What scores depend on beside samples and references: vocabulary, train text, encoder."""
    max_references: int | None = None
    """The first so many references are used, all if None."""


DEFAULT = "nagan"
PROFILES = {
    DEFAULT: Profile("BLEU 2-5, LM 4", frozenset({"vocabulary", "train", "encoder"})),
    # Texygen, utils/metrics/Bleu.py: is_first reads 500 lines of the references
    "texygen": Profile("BLEU 2-5", frozenset(), max_references=500),
    "irl-legacy": Profile("BLEU 2-5", frozenset()),
    "arae": Profile("LM 5", frozenset({"vocabulary", "train"})),
}
EXTRAS = {
    "nearest": "nearest_ngram",
    "perplexity": "reverse_perplexity/kn5",
    "rnn": "reverse_perplexity/rnn",
}
"""Scores beside the default ones, too slow to compute each time: their names, and a key of each."""
SELF_BLEU_SAMPLES = 500  # Texygen, utils/metrics/SelfBleu.py


class ForwardBLEU(BLEU):
    """BLEU of the samples alone, as it was before Shi et al. (2018)."""

    def compute(self) -> dict[str, Tensor]:
        scores = super().compute()
        return {key: value for key, value in scores.items() if key.startswith("bleu_f/")}


class SelfBLEUOfFirst(SelfBLEU):
    """Self-BLEU of the first ``SELF_BLEU_SAMPLES`` samples.

    >>> metric = SelfBLEUOfFirst(orders=[1])
    >>> metric.update([["a"]] * SELF_BLEU_SAMPLES)
    >>> metric.update([["b"]])
    >>> {key: float(value) for key, value in metric.compute().items()}
    {'self_bleu/1': 1.0}
    """

    def update(self, samples: Sequence[Sequence[str]]) -> None:
        missing = SELF_BLEU_SAMPLES - sum(map(len, self.self_bleu_lengths))
        if missing > 0:
            super().update(samples[:missing])


class ReverseRNNPerplexity(ReversePerplexity):
    """Reverse perplexity by a recurrent network, under a name of its own."""

    def __init__(self, references: Sequence[Sentence], vocabulary: Vocabulary) -> None:
        super().__init__(references, vocabulary, RNN())


def profile(name: str) -> Profile:
    """The profile of a name.

    Raises:
        UserError: there is none.
    """
    if name not in PROFILES:
        raise UserError(f"there is no profile {name}; there are {', '.join(PROFILES)}")
    return PROFILES[name]


def build_profile(
    name: str,
    references: Sequence[Sentence],
    vocabulary: Vocabulary,
    *,
    train: Sequence[Sentence] | None = None,
    encoder: Encoder | None = None,
) -> list[Metric]:
    """The metrics of a profile; those that need what is not given are left out.

    Args:
        name: a key of ``PROFILES``.
        references: text to judge against.
        vocabulary: words that the language models know.
        train: text that samples should not copy, and that forward perplexity is of.
        encoder: of the scores that embed sentences.

    Raises:
        UserError: there is no such profile.
    """
    references = references[: profile(name).max_references]
    if name == "texygen":
        return [ForwardBLEU(references), SelfBLEUOfFirst()]
    if name == "irl-legacy":
        return [BLEU(references, smoothing="skip")]
    if name == "arae":
        forward = [] if train is None else [Perplexity(train, vocabulary)]
        return [
            *forward,
            ReversePerplexity(references, vocabulary),
            ReverseRNNPerplexity(references, vocabulary),
        ]
    metrics: list[Metric] = [
        LMScore(references, vocabulary),
        ReverseLMScore(references, vocabulary),
        BLEU(references),
        SelfBLEU(),
        Diversity(),
        DistinctNGrams(),
        LengthDistance(references),
    ]
    if encoder is not None:
        metrics.append(FED(references, encoder))
    if train is not None:
        metrics.append(NovelSentences(train))
    return metrics


def build_extras(
    names: Collection[str],
    references: Sequence[Sentence],
    vocabulary: Vocabulary,
    *,
    train: Sequence[Sentence] | None,
    encoder: Encoder | None,
) -> list[Metric]:
    """The metrics of some ``EXTRAS``; those that need what is not given are left out.

    Raises:
        UserError: a name is none of them.
    """
    for name in names:
        if name not in EXTRAS:
            raise UserError(f"there is no extra score {name}; there are {', '.join(EXTRAS)}")
    metrics: list[Metric] = []
    if "nearest" in names and train is not None:
        metrics.append(NearestNGram(train))
        if encoder is not None:
            metrics.append(NearestEmbedding(train, encoder))
    if "perplexity" in names:
        metrics += [] if train is None else [Perplexity(train, vocabulary)]
        metrics.append(ReversePerplexity(references, vocabulary))
    if "rnn" in names:
        metrics.append(ReverseRNNPerplexity(references, vocabulary))
    return metrics


def lacking(
    name: str, *, train: bool, encoder: bool, extras: Collection[str] = ()
) -> dict[str, str]:
    """Scores of a profile and extra ones that are left out without these, and what they need."""
    uses = profile(name).uses
    reasons = {}
    if "encoder" in uses and not encoder:
        reasons["FED"] = "it needs --validation, text to fit hash128 on, or another --encoder"
    if "train" in uses and not train:
        score = "Perplexity" if name == "arae" else "NovelSentences"
        reasons[score] = "it needs --train, the training text"
        if "nearest" in extras:
            reasons["NearestNGram"] = reasons["NearestEmbedding"] = reasons[score]
        if "perplexity" in extras:
            reasons["Perplexity"] = reasons[score]
    elif "nearest" in extras and not encoder:
        reasons["NearestEmbedding"] = reasons["FED"]
    return reasons
