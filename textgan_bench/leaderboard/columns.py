"""What each score is called, how it is read, and how many of its digits mean anything.

Standard library only.
"""

import math
from dataclasses import dataclass
from typing import Literal

MEASURED_ON = 5_000
"""Sentences of the sets whose spread is known."""


@dataclass(frozen=True)
class Column:
    """How one score is shown."""

    key: str
    title: str
    better: Literal["↓", "↑", "≈", "→0", ""]
    """Lower, higher, nearest to the data's own value, nearest to zero, or no order at all."""
    digits: int
    """Decimals at most; a spread or an error may support fewer."""
    spread: float | None = None
    """Standard deviation over disjoint sets of ``MEASURED_ON`` sentences of one model."""


# Spreads are the larger of those over samples of the HMM oracle and over sets of COCO training
# captions, 8 to 12 of each, of the LM scores also over 3 sets of samples of IRL; digits are those
# they support.
COLUMNS = (
    Column("oracle_nll", "Oracle NLL", "≈", 3, 0.008),
    Column("oracle_gap", "Gap", "→0", 3, 0.008),
    Column("bigram_tv", "Bigram TV", "↓", 3),
    Column("transition_tv", "Transition TV", "↓", 4),
    # Of the test text, under methods that know it: not one of samples.
    Column("nll", "NLL of text", "↓", 3),
    # Under methods that know the likelihood of their samples.
    Column("kl", "KL", "↓", 3),
    Column("kl_forward", "KL forward", "↓", 3),
    Column("model_entropy", "Entropy", "≈", 3),
    Column("word_entropy", "Word entropy", "≈", 3),
    Column("lm_score/kn4", "LM score", "≈", 2, 0.02),
    Column("lm_score_event/kn4", "LM score by event", "≈", 2, 0.02),
    Column("reverse_lm/kn4", "Reverse LM", "↓", 2, 0.01),
    Column("parse_rate", "Parsed", "↑", 3),
    Column("prefix_parse_rate", "Parsed to blank", "↑", 3),
    Column("token_accuracy", "Token accuracy", "↑", 3),
    Column("corpus_bleu/4", "Corpus BLEU-4", "↑", 3),
    # Real text of the other style has less than 1, a repeated sentence may have it.
    Column("transfer_accuracy", "Transferred", "≈", 3),
    # No order: a copy of the source has 1.
    Column("source_bleu/4", "BLEU to source", "", 3),
    Column("source_g2/4", "G2", "↑", 3),
    Column("source_h2/4", "H2", "↑", 3),
    Column("perplexity/kn5", "PPL", "≈", 1),
    Column("reverse_perplexity/kn5", "Reverse PPL", "↓", 1),
    Column("perplexity/rnn", "PPL RNN", "≈", 1),
    Column("reverse_perplexity/rnn", "Reverse PPL RNN", "↓", 1),
    Column("distinct_words", "Words", "≈", 0, 19),
    Column("distinct_sentences", "Sentences", "≈", 3),
    Column("novel_sentences", "Novel", "≈", 3),
    Column("novel_by_two", "Novel by 2", "≈", 3),
    Column("distinct/1", "Distinct-1", "≈", 4, 0.0005),
    Column("distinct/2", "Distinct-2", "≈", 3, 0.003),
    Column("distinct/3", "Distinct-3", "≈", 3, 0.004),
    Column("distinct/4", "Distinct-4", "≈", 3, 0.004),
    Column("self_bleu/2", "Self-BLEU-2", "≈", 3, 0.001),
    Column("self_bleu/3", "Self-BLEU-3", "≈", 3, 0.003),
    Column("self_bleu/4", "Self-BLEU-4", "≈", 3, 0.004),
    Column("self_bleu/5", "Self-BLEU", "≈", 3, 0.004),
    Column("bleu_f/2", "BLEU-F-2", "≈", 3, 0.002),
    Column("bleu_f/3", "BLEU-F-3", "≈", 3, 0.003),
    Column("bleu_f/4", "BLEU-F-4", "≈", 3, 0.003),
    Column("bleu_f/5", "BLEU-F", "≈", 3, 0.003),
    Column("bleu_b/2", "BLEU-B-2", "↑", 3, 0.001),
    Column("bleu_b/3", "BLEU-B-3", "↑", 3, 0.002),
    Column("bleu_b/4", "BLEU-B-4", "↑", 3, 0.002),
    Column("bleu_b/5", "BLEU-B", "↑", 3, 0.002),
    Column("bleu_ha/2", "BLEU-HA-2", "↑", 3, 0.001),
    Column("bleu_ha/3", "BLEU-HA-3", "↑", 3, 0.002),
    Column("bleu_ha/4", "BLEU-HA-4", "↑", 3, 0.002),
    Column("bleu_ha/5", "BLEU-HA", "↑", 3, 0.002),
    Column("fed/hash128", "FED hash128", "↓", 4, 0.0006),
    Column("fed/use3", "FED USE", "↓", 3),
    Column("fed/usem3", "FED USE-m3", "↓", 3, 0.003),
    Column("kid/hash128", "KID hash128", "↓", 4, 0.003),
    Column("kid/usem3", "KID USE-m3", "↓", 4, 0.003),
    Column("kid_se/hash128", "SE of KID hash128", "", 4, 0.0001),
    Column("kid_se/usem3", "SE of KID USE-m3", "", 4, 0.0001),
    Column("knn_precision/hash128", "Precision hash128", "≈", 3, 0.005),
    Column("knn_precision/usem3", "Precision USE-m3", "≈", 3, 0.003),
    Column("knn_recall/hash128", "Recall hash128", "≈", 3, 0.005),
    Column("knn_recall/usem3", "Recall USE-m3", "≈", 3, 0.007),
    Column("knn_density/hash128", "Density hash128", "≈", 2, 0.026),
    Column("knn_density/usem3", "Density USE-m3", "≈", 3, 0.008),
    Column("knn_coverage/hash128", "Coverage hash128", "↑", 3, 0.006),
    Column("knn_coverage/usem3", "Coverage USE-m3", "↑", 3, 0.009),
    Column("vendi/hash128", "Vendi hash128", "≈", 1, 0.24),
    Column("vendi/usem3", "Vendi USE-m3", "≈", 1, 0.57),
    Column("rke/hash128", "RKE hash128", "≈", 1, 0.44),
    Column("rke/usem3", "RKE USE-m3", "≈", 1, 0.33),
    Column("mauve/usem3", "MAUVE USE-m3", "↑", 3),
    Column("nearest_ngram", "Nearest n-grams", "≈", 3),
    Column("nearest/hash128", "Nearest hash128", "≈", 3),
    Column("length_distance", "Lengths", "↓", 2, 0.04),
    Column("oov_rate", "OOV", "", 3, 0.0005),
    # Measured of networks, not of text.
    Column("generator_step_ms", "ms a training step", "", 1),
    Column("sample_ms", "ms to write a batch", "", 1),
)

# Scores that say another one was computed with a stopgap.
CAVEATS = {
    "lm_score/kn4": "lm_fallback/kn4",
    "reverse_lm/kn4": "reverse_lm_fallback/kn4",
    "perplexity/kn5": "perplexity_fallback/kn5",
    "reverse_perplexity/kn5": "reverse_perplexity_fallback/kn5",
}

# The records keep them: lm_score_event is the sum of lm_score over another divisor, and BLEU of
# lower orders tells the methods less apart. Of the scores of embeddings only FED and coverage order
# methods as the reverse LM score does, one beside the other (docs/metrics.md).
NOT_SHOWN = (
    "lm_score_event/kn4",
    *(f"{name}/{n}" for name in ("bleu_f", "bleu_b", "bleu_ha", "self_bleu") for n in (2, 3, 4)),
    *(f"distinct/{n}" for n in (1, 3, 4)),
    *(
        f"{name}/{encoder}"
        for name in (
            "kid",
            "kid_se",
            "knn_precision",
            "knn_recall",
            "knn_density",
            "vendi",
            "rke",
        )
        for encoder in ("usem3", "hash128")
    ),
    # The axis of sweeps, where it is drawn; KL has half of its meaning beside the other half.
    "word_entropy",
    "model_entropy",
    "kl_se",
    "kl_forward",
    *CAVEATS.values(),
)

# Of sets of sentences: an unknown word matches nothing in them.
SET_BLEU = ("bleu_f/5", "bleu_b/5", "bleu_ha/5", "self_bleu/5")

# A forward score never stands alone.
FORWARD = ("oracle_nll", "lm_score/kn4")

BESIDE_FORWARD = ("reverse_lm/kn4", "distinct_words", "distinct_sentences")


def column(key: str) -> Column:
    """How a score is shown; one that is not listed has its key for a title and no order."""
    return next((column for column in COLUMNS if column.key == key), Column(key, key, "", 3))


def digits(column: Column, spread: float | None) -> int:
    """Decimals worth printing: the spread shows two significant digits at most.

    >>> lm_score = Column("lm_score/kn4", "LM score", "≈", 2)
    >>> digits(lm_score, None), digits(lm_score, 0.016), digits(lm_score, 1.2)
    (2, 2, 1)
    """
    if not spread:
        return column.digits
    return max(0, min(column.digits, 1 - math.floor(math.log10(spread))))


def known_error(key: str, samples: int) -> float | None:
    """Standard error of a score of so many sentences, None where no spread was measured.

    >>> known_error("lm_score/kn4", 20_000)
    0.01
    """
    spread = column(key).spread
    return None if spread is None else spread * math.sqrt(MEASURED_ON / samples)
