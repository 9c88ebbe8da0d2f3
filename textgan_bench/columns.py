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


# Spreads are the larger of those over 12 samples of the HMM oracle and 12 sets of COCO training
# captions, of the LM score also over 3 sets of samples of IRL; digits are those they support.
COLUMNS = (
    Column("oracle_nll", "Oracle NLL", "≈", 3, 0.008),
    Column("oracle_gap", "Gap", "→0", 3, 0.008),
    Column("lm_score/kn4", "LM score", "≈", 2, 0.02),
    Column("reverse_lm/kn4", "Reverse LM", "↓", 2, 0.01),
    Column("distinct_words", "Words", "≈", 0, 17),
    Column("distinct_sentences", "Sentences", "≈", 3),
    Column("bleu_f/5", "BLEU-F", "≈", 3, 0.003),
    Column("bleu_b/5", "BLEU-B", "↑", 3, 0.002),
    Column("bleu_ha/5", "BLEU-HA", "↑", 3, 0.002),
    Column("fed/hash128", "FED hash128", "↓", 4, 0.0006),
    Column("fed/use3", "FED USE", "↓", 3),
    Column("oov_rate", "OOV", "", 3, 0.0005),
)
# Scores that say another one was computed with a stopgap.
CAVEATS = {
    "lm_score/kn4": "lm_fallback/kn4",
    "reverse_lm/kn4": "reverse_lm_fallback/kn4",
}
# lm_score_event is the sum of lm_score over another divisor; the records keep it.
NOT_SHOWN = ("lm_score_event/kn4", *CAVEATS.values())
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
