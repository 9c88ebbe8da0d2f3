"""All that a score depends on beside the samples."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from textgan_bench.evaluation.scores import chunked
from textgan_bench.evaluation.text import unparse
from textgan_bench.functional.hashed_ngrams import HashedNGrams
from textgan_bench.metrics.fed import SentenceEncoder
from textgan_bench.metrics.profiles import DEFAULT, profile
from textgan_bench.tokens import BLANKS, PAD, Sentence

if TYPE_CHECKING:  # Lightning takes a second to import, which text against text does without
    from textgan_bench.interfaces import TextDataModule

REVISION = 1
"""Raised when a change of a metric changes its numbers by more than rounding."""


def fingerprint(
    num_samples: int,
    references: Sequence[Sentence],
    vocabulary: Sequence[str],
    *,
    profile_name: str = DEFAULT,
    encoder: SentenceEncoder | None = None,
    encoder_text: Sequence[Sentence] = (),
    train: Sequence[Sentence] = (),
    tokenisation: str = BLANKS,
) -> dict[str, Any]:
    """All that changes a score besides the samples, as far as a score of the profile does.

    Args:
        num_samples: sentences scored.
        references: text they are scored against.
        vocabulary: words the language models know.
        profile_name: definitions of the scores.
        encoder: embeds sentences.
        encoder_text: what the encoder is fitted on, if it is one that is.
        train: training text, where there is one.
        tokenisation: how lines are split into words.

    Raises:
        UserError: there is no such profile.
    """
    definitions = profile(profile_name)
    references = references[: definitions.max_references]
    fields: dict[str, Any] = {
        "profile": profile_name,
        "revision": REVISION,
        "orders": definitions.orders,
        "tokenisation": tokenisation,
        "samples": num_samples,
        "references": len(references),
        "references_hash": _text_hash(references),
    }
    if "vocabulary" in definitions.uses:
        fields["vocabulary"] = len(vocabulary)
        fields["vocabulary_hash"] = _text_hash([sorted(vocabulary)])
    if "encoder" in definitions.uses:
        fitted = isinstance(encoder, HashedNGrams)
        fields["encoder"] = "none" if encoder is None else encoder.name
        fields["encoder_text_hash"] = _text_hash(encoder_text) if fitted else "none"
    if definitions.neighbours is not None:
        fields["neighbours"] = definitions.neighbours
    if "train" in definitions.uses:
        fields["train_hash"] = _text_hash(train) if train else "none"
    return fields


def data_fingerprint(
    data: "TextDataModule",
    num_samples: int,
    profile_name: str = DEFAULT,
    references: Sequence[Sentence] | None = None,
) -> dict[str, Any]:
    """Fingerprint of ``num_samples`` sentences scored by the test split, or by references."""
    uses = profile(profile_name).uses
    fields = fingerprint(
        num_samples,
        data.sentences("test") if references is None else references,
        data.vocabulary.tokens[PAD + 1 :],
        profile_name=profile_name,
        encoder=data.encoder if "encoder" in uses else None,
        encoder_text=data.sentences("validation"),
        train=data.sentences("train") if "train" in uses else (),
        tokenisation=data.tokenisation,
    )
    return fields | {"revision": REVISION + data.own_revision}


def _text_hash(sentences: Iterable[Sentence]) -> str:
    digest = hashlib.sha256()
    for chunk in chunked(sentences):
        digest.update(unparse(chunk).encode())
    return digest.hexdigest()[:12]
