"""Corpora whose vocabulary is counted."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TypeVar

import torch
from tqdm import tqdm

from datamodules.arrow import Encoded
from datamodules.corpus import FileCorpus
from textgan_bench.errors import UserError
from textgan_bench.interfaces import Split
from textgan_bench.tokens import (
    PAD_TOKEN,
    UNKNOWN_TOKEN,
    Batch,
    Sentence,
    Vocabulary,
    pad_sequences,
)

Line = TypeVar("Line", bound=Sized)

HELD_OUT = 5_000
"""Sentences of validation and of test where the source leaves it open: those of NAGAN (A.4.3)."""


def tokenise(lines: Sequence[str]) -> list[Sentence]:
    """Words and punctuation marks, by the word tokeniser of NLTK, which Texygen uses too."""
    from nltk.tokenize import NLTKWordTokenizer  # most commands split nothing, and do without

    split = NLTKWordTokenizer().tokenize
    return [split(line) for line in tqdm(lines, "splitting words", disable=None, delay=2)]


def words_of(lines: Iterable[str]) -> list[Sentence]:
    """Words of lines in which blanks separate them already."""
    return [line.split() for line in lines]


def frequent_words(sentences: Iterable[Sentence], words: int) -> Vocabulary:
    """``<unk>`` and the most frequent words, ties in alphabetical order."""
    counts = Counter(chain.from_iterable(sentences))
    for symbol in (PAD_TOKEN, UNKNOWN_TOKEN):
        counts.pop(symbol, None)
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return Vocabulary((PAD_TOKEN, UNKNOWN_TOKEN, *ranked[:words]))


def chosen(
    lines: Sequence[Line], n: int, fits: Callable[[Line], bool] = bool
) -> tuple[list[Line], list[Line]]:
    """Always the same ``n`` of the lines that fit, and the others, each in their order."""
    order = torch.randperm(len(lines), generator=torch.Generator().manual_seed(0)).tolist()
    taken = set([row for row in order if fits(lines[row])][:n])
    return (
        [line for row, line in enumerate(lines) if row in taken],
        [line for row, line in enumerate(lines) if row not in taken],
    )


def unseen(train: Sequence[Sequence[int]], held_out: Iterable[Sequence[int]]) -> list[int]:
    """Rows of ``train`` that are none of the ``held_out`` sentences, as a model sees them."""
    seen = set(map(tuple, held_out))
    return [row for row, sentence in enumerate(train) if tuple(sentence) not in seen]


def split_of(sentence: Sentence) -> Split:
    """Where a sentence goes, by a hash of its words: a tenth to validation and to test each."""
    digest = hashlib.sha256(" ".join(sentence).encode()).digest()
    part = int.from_bytes(digest[:8], "big") % 10
    return "test" if part == 0 else "validation" if part == 1 else "train"


@dataclass(frozen=True)
class CountedCorpus(FileCorpus):
    """Sentences over the most frequent words of training and validation, the others ``<unk>``.

    Args:
        data_dir: folder of the files; if None they are downloaded.
        words: words in the vocabulary, at most.
        max_length: T.
    """

    words: int = 10_000
    max_length: int = 40

    @property
    def vocab_size(self) -> int:
        """V of the text where its files are at hand, otherwise the largest there may be."""
        return len(self.loaded.encoded.vocabulary) if self.is_there() else self.words + 2

    def encode(self, texts: dict[Split, list[Sentence]]) -> Encoded:
        """The words of each split, encoded by those that are frequent in the first two."""
        count = partial(frequent_words, words=self.words)
        return encode_splits(self, texts, count)


def encode_splits(
    corpus: FileCorpus,
    texts: dict[Split, list[Sentence]],
    vocabulary_of: Callable[[list[Sentence]], Vocabulary],
) -> Encoded:
    """The sentences of each split that are of 1 to T words and, but for copies, in no other.

    Args:
        corpus: says whether long sentences, and sentences of a later split, are left out.
        texts: the words of each split.
        vocabulary_of: gives the vocabulary of training and validation text.

    Raises:
        UserError: a split is left without a sentence.
    """
    length, removed = corpus.max_length, 0
    longer = sum(len(s) > length for s in chain.from_iterable(texts.values()))
    empty = sum(not sentence for sentence in chain.from_iterable(texts.values()))
    kept: dict[Split, list[Sentence]] = {}
    for split, sentences in texts.items():
        fitting = (s[:length] if corpus.CUT else s for s in sentences)
        kept[split] = [s for s in fitting if 0 < len(s) <= length]
    vocabulary = vocabulary_of(kept["train"] + kept["validation"])
    encoded = {split: list(map(vocabulary.encode, kept[split])) for split in kept}
    if corpus.DISJOINT:
        held_out = encoded["validation"] + encoded["test"]
        rows = unseen(encoded["train"], held_out)
        removed = len(encoded["train"]) - len(rows)
        encoded["train"] = [encoded["train"][row] for row in rows]
        new = unseen(encoded["validation"], encoded["test"])
        encoded["validation"] = [encoded["validation"][row] for row in new]
    for split, sequences in encoded.items():
        if not sequences:
            raise UserError(
                f"{corpus.folder} leaves no sentence for {split}; it holds "
                f"{sum(map(len, kept.values()))} of 1 to {length} words"
            )
    coverage = share_known(kept["test"], vocabulary)
    source = (
        f"{corpus.title}: {', '.join(f'{len(encoded[s]):,} {s}' for s in encoded)}; "
        f"{len(vocabulary) - 2:,} words, {coverage:.1%} of the test text; {longer:,} "
        f"{'cut' if corpus.CUT else 'dropped'} at {length} words, {empty:,} empty and "
        f"{removed:,} held-out sentences dropped"
    )
    splits: dict[Split, Batch] = {
        split: pad_sequences(sequences, length) for split, sequences in encoded.items()
    }
    return Encoded(vocabulary, splits, source)


def share_known(sentences: Iterable[Sentence], vocabulary: Vocabulary) -> float:
    """Fraction of the words that a vocabulary has."""
    known = set(vocabulary.tokens) - {UNKNOWN_TOKEN}
    hits = [word in known for word in chain.from_iterable(sentences)]
    return sum(hits) / len(hits)
