"""From text to scores: the one path that runs, anchors and ``score`` share.

Text is written as ``reading`` reads it, words separated by blanks.
"""

import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from torchmetrics import MetricCollection

from textgan_bench.files import replace_text
from textgan_bench.functional.hashed_ngrams import HashedNGrams
from textgan_bench.interfaces import Sentence, TextDataModule
from textgan_bench.metrics.fed import Encoder
from textgan_bench.metrics.inputs import PairedMetric, given
from textgan_bench.metrics.profiles import DEFAULT, profile
from textgan_bench.tokens import PAD

REVISION = 1
"""Raised when a change of a metric changes its numbers by more than rounding."""
CHUNK = 10_000
"""Sentences a metric is given at once: what it needs for a moment grows with it."""


def write_sentences(path: Path, sentences: Iterable[Sentence]) -> None:
    """Write one sentence a line; the file is complete or not there at all."""
    replace_text(path, unparse(sentences))


def parse(text: str) -> list[Sentence]:
    r"""Sentences of a text; the inverse of ``unparse`` for words without blanks.

    >>> parse("a man\n\nrides\n")
    [['a', 'man'], [], ['rides']]
    """
    # str.splitlines would also break at separators that may stand inside a sentence.
    lines = text.removesuffix("\n").split("\n")
    return [line.split() for line in lines]


def unparse(sentences: Iterable[Sentence]) -> str:
    r"""Text of sentences, each closed by a line end.

    >>> unparse([["a", "man"], [], ["rides"]])
    'a man\n\nrides\n'
    """
    return "".join(f"{' '.join(sentence)}\n" for sentence in sentences)


class Scores(NamedTuple):
    """What came of scoring a text."""

    values: dict[str, float]
    """By key, finite."""
    left_out: dict[str, str]
    """Scores and metrics that these samples do not determine, and why."""


def chunked(sentences: Iterable[Sentence], size: int = CHUNK) -> Iterator[list[Sentence]]:
    """The sentences in lists of ``size``, the last one shorter."""
    iterator = iter(sentences)
    while chunk := list(islice(iterator, size)):
        yield chunk


def score_chunks(
    metrics: MetricCollection,
    chunks: Iterable[list[Sentence]],
    watched: Callable[[Collection[str]], Iterable[str]] = iter,
    aligned: Sequence[Sentence] | None = None,
) -> Scores:
    """Scores of a text of any length; one that is infinite, or refused, leaves the others alone.

    Args:
        metrics: they are emptied first, and left empty.
        chunks: the text in pieces.
        watched: shows how far a loop over the metrics' names has come.
        aligned: each sample's own reference; paired metrics are passed over without.

    Raises:
        ValueError: there is no sentence.
    """
    metrics.reset()
    judging = {
        name: metric
        for name, metric in metrics.items(copy_state=False)
        if aligned is not None or not isinstance(metric, PairedMetric)
    }
    values: dict[str, float] = {}
    left_out: dict[str, str] = {}
    num_samples, any_word = 0, False
    for chunk in chunks:
        any_word = any_word or any(chunk)
        own = None if aligned is None else aligned[num_samples:][: len(chunk)]
        num_samples += len(chunk)
        for name, metric in list(judging.items()):
            try:
                metric.update(**given(metric, chunk, own))
            except ValueError as error:
                left_out[name] = str(error)
                del judging[name]
    if not num_samples:
        raise ValueError("there are no sentences to score")
    for name in watched(judging.keys()):
        try:
            computed = {key: float(value) for key, value in judging[name].compute().items()}
        except ValueError as error:
            left_out[name], computed = str(error), {}
        for key, value in computed.items():
            if math.isfinite(value):
                values[key] = value
            else:
                left_out[key] = f"it is {value}" if any_word else "no word was written"
        judging[name].reset()  # what it kept of the samples, before the next one needs memory
    return Scores(values, left_out)


def score(
    metrics: MetricCollection,
    sentences: Sequence[Sentence],
    aligned: Sequence[Sentence] | None = None,
) -> dict[str, float]:
    """The scores that a set of sentences has, by key; with their own references, if any.

    Raises:
        ValueError: there is no sentence.
    """
    return score_chunks(metrics, chunked(sentences), aligned=aligned).values


def fingerprint(
    num_samples: int,
    references: Sequence[Sentence],
    vocabulary: Sequence[str],
    *,
    profile_name: str = DEFAULT,
    encoder: Encoder | None = None,
    encoder_text: Sequence[Sentence] = (),
    train: Sequence[Sentence] = (),
    tokenisation: str = TextDataModule.tokenisation,
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
        ValueError: there is no such profile.
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
    if "train" in definitions.uses:
        fields["train_hash"] = _text_hash(train) if train else "none"
    return fields


def data_fingerprint(
    data: TextDataModule,
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
