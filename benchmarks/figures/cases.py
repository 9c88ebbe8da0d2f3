"""Table 14 of NAGAN's paper: what a run deciphered, each sentence above its text.

Words that are right are grey, so that errors stand out. The sentences are the first of the test
split: none is chosen.
"""

from collections.abc import Sequence
from pathlib import Path

from textgan_bench.errors import MissingError
from textgan_bench.evaluation.figures import plot_changes
from textgan_bench.metrics import TokenAccuracy
from textgan_bench.reading import read_sentences
from textgan_bench.tokens import Sentence
from textgan_bench.training.run import Run

SHOWN = 10


def decipherments(run: Run, texts: Sequence[Sentence], path: Path, caption: str) -> None:
    """Write the first sentences of a run into a picture.

    Args:
        run: that of a decipherment, tested.
        texts: plain text of the sentences that it deciphered, in order.
        path: the file, ``.svg``, ``.png`` or ``.pdf``.
        caption: stands small below, the accuracy over all sentences after it.

    Raises:
        MissingError: the run was not tested.
    """
    if not run.samples.exists():
        raise MissingError(f"{run.samples} is missing: train and test the row by make bench")
    deciphered = read_sentences(run.samples)
    accuracy = TokenAccuracy()
    accuracy.update(deciphered, texts)
    share = float(accuracy.compute()["token_accuracy"])
    pairs = list(zip(deciphered, texts, strict=True))
    cases = {
        f"Case {number}": [
            ("deciphered", found, right(found, text)),
            ("text      ", text, right(text, found)),
        ]
        for number, (found, text) in enumerate(pairs[:SHOWN], start=1)
    }
    caption = (
        f"{caption} Grey words are right. Token accuracy {share:.3f} over {len(pairs):,} sentences."
    )
    plot_changes(cases, path, caption)


def right(sentence: Sentence, other: Sentence) -> list[bool]:
    """Whether each word of a sentence stands at its place in the other, too."""
    return [place < len(other) and word == other[place] for place, word in enumerate(sentence)]
