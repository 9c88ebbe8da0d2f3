"""From text to scores: the one path that runs, anchors and ``score`` share.

A text file holds one sentence a line, its words separated by blanks; an empty line is an empty
sentence.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from torchmetrics import MetricCollection

from textgan_bench.interfaces import Sentence, TextDataModule

PROFILE = "nagan"
"""Name of the definitions all scores follow: those of Huang et al. (2021), as documented."""
REVISION = 1
"""Raised when a change of a metric changes its numbers."""


def read_sentences(path: Path) -> list[Sentence]:
    """Sentences of a UTF-8 file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is empty or not UTF-8.
    """
    return parse(read_text(path))


def read_text(path: Path) -> str:
    """Content of a UTF-8 file; a byte-order mark and Windows line ends are left out.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is empty or not UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 text ({error.reason} at byte {error.start})"
        ) from None
    if not text:
        raise ValueError(f"{path} is empty: there is nothing to read")
    return text.replace("\r\n", "\n")


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


def replace_text(path: Path, text: str) -> None:
    """Write a file in one step: a reader, or a kill, sees the old content or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    unfinished.write_text(text, encoding="utf-8", newline="")
    unfinished.replace(path)


def score(metrics: MetricCollection, sentences: Sequence[Sentence]) -> dict[str, float]:
    """All scores of a set of sentences, by key.

    Raises:
        ValueError: there is no sentence.
    """
    if not sentences:
        raise ValueError("there are no sentences to score")
    metrics.reset()
    metrics.update(samples=sentences)
    return {name: float(value) for name, value in metrics.compute().items()}


def fingerprint(
    num_samples: int,
    references: Sequence[Sentence],
    vocabulary: Sequence[str],
    encoder_text: Sequence[Sentence],
) -> dict[str, Any]:
    """All that changes a score besides the samples: equal if and only if scores compare.

    Args:
        num_samples: sentences scored.
        references: text they are scored against.
        vocabulary: words the language models know.
        encoder_text: what the encoder of the Fréchet distance is fitted on; may be empty.
    """
    return {
        "profile": PROFILE,
        "revision": REVISION,
        "tokenisation": "blanks",
        "samples": num_samples,
        "references": len(references),
        "references_hash": _text_hash(references),
        "vocabulary": len(vocabulary),
        "vocabulary_hash": _text_hash([sorted(vocabulary)]),
        "encoder_text_hash": _text_hash(encoder_text) if encoder_text else "none",
    }


def _text_hash(sentences: Iterable[Sentence]) -> str:
    return hashlib.sha256(unparse(sentences).encode()).hexdigest()[:12]


def data_fingerprint(data: TextDataModule, num_samples: int) -> dict[str, Any]:
    """Fingerprint of ``num_samples`` sentences scored by ``data.metrics("test")``."""
    return fingerprint(
        num_samples,
        data.sentences("test"),
        data.vocabulary.tokens[1:],
        data.sentences("validation"),
    )
