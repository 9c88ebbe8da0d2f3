"""Sentences of several styles: how they are encoded, and which style each is to be rewritten in."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import torch
from torch import Tensor

from datamodules.arrow import Encoded
from datamodules.counted import CountedCorpus, frequent_words, unseen
from datamodules.lines import encode_lines
from textgan_bench.errors import UserError
from textgan_bench.interfaces import Split
from textgan_bench.tokens import Batch, LabelledBatch, Sentence, TransferBatch

Labelled = dict[Split, list[list[Sentence]]]
"""Of each split: the sentences of style 0, of style 1 and so on."""


def encode_styles(corpus: CountedCorpus, labelled: Labelled, names: Sequence[str]) -> Encoded:
    """Sentences and labels, over the frequent words of training and validation.

    A sentence of a later split, as a model sees it, is left out.

    Args:
        corpus: says what text it is, how many words are known and how long a sentence may be.
        labelled: the sentences, none too long.
        names: of the styles.

    Raises:
        UserError: a style has no sentence in a split, or a sentence is empty or too long.
    """
    vocabulary = frequent_words(chain(*labelled["train"], *labelled["validation"]), corpus.words)
    path = corpus.files()[0]
    encoded: dict[Split, LabelledBatch] = {}
    for split, classes in labelled.items():
        lines = [" ".join(sentence) for sentence in chain(*classes)]
        labels = [label for label, of_it in enumerate(classes) for _ in of_it]
        ids, lengths = encode_lines(path, lines, vocabulary.encode, corpus.max_length)
        encoded[split] = LabelledBatch(ids, lengths, torch.tensor(labels, dtype=torch.int64))
    later: list[list[int]] = []
    splits: tuple[Split, ...] = ("test", "validation", "train")
    for split in splits:
        sentences = encoded[split].ids.tolist()
        rows = unseen(sentences, later)
        encoded[split] = LabelledBatch(*(column[rows] for column in encoded[split]))
        later += sentences
    sizes = []
    for split, tokens in encoded.items():
        counts = tokens.labels.bincount(minlength=len(names)).tolist()
        for name, count in zip(names, counts, strict=True):
            if not count:
                raise UserError(f"{corpus.folder} leaves no {name} sentence for {split}")
        each = [f"{count:,} {name}" for name, count in zip(names, counts, strict=True)]
        sizes.append(f"{', '.join(each[:-1])} and {each[-1]} {split}")
    source = f"{corpus.title}: {'; '.join(sizes)}; {len(vocabulary) - 2:,} words"
    return Encoded(vocabulary, {**encoded}, source)


def with_targets(encoded: Encoded) -> Encoded:
    """The same sentences, each with another style that it is to be rewritten in.

    Those of a style are given the others in turn, so that of k styles all k (k - 1) ways are
    equally frequent.
    """
    splits: dict[Split, Batch] = {}
    for split, tokens in encoded.splits.items():
        assert isinstance(tokens, LabelledBatch)
        splits[split] = TransferBatch(*tokens, other_styles(tokens.labels))
    return replace(encoded, splits=splits)


def other_styles(labels: Tensor) -> Tensor:
    """(N,) a style for each of N sentences that is not its own, see ``with_targets``.

    >>> other_styles(torch.tensor([0, 0, 0, 1, 2])).tolist()
    [1, 2, 1, 2, 0]
    """
    styles = int(labels.max()) + 1
    targets = torch.empty_like(labels)
    for style in range(styles):
        rows = labels == style
        turns = torch.arange(int(rows.sum())) % (styles - 1)
        targets[rows] = ((style + 1 + turns) % styles).to(labels)
    return targets


def rows_of_styles(tokens: Batch) -> list[Tensor]:
    """The rows of each style: batches hold as many sentences of one as of another."""
    assert isinstance(tokens, TransferBatch)
    return [(tokens.labels == style).nonzero().flatten() for style in range(count_styles(tokens))]


def count_styles(tokens: TransferBatch) -> int:
    """k, the number of styles; the training split has sentences of each."""
    return int(tokens.labels.max()) + 1
