"""Sentences as integers: the vocabulary, the padded batch and its mask.

Shapes: B batch, T time (padded length).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from textgan_bench.errors import UserError

PAD = 0
"""Index of the padding symbol. Autoregressive generators emit it to end a sentence."""

PAD_TOKEN = "<pad>"
UNKNOWN_TOKEN = "<unk>"

Sentence = list[str]
"""Words of a sentence."""

BLANKS = "blanks"
"""Name, in fingerprints, of the tokenisation that splits a line at its blanks."""


class TokenBatch(NamedTuple):
    """Sentences as indices, neither begin nor end mark stored.

    A named tuple is collated, pinned and moved between devices by Lightning as it is; count its
    sentences with ``len(batch.ids)``, since ``len(batch)`` is 2.
    """

    ids: Tensor
    """(B, T) int64, right-padded with ``PAD``. A model that writes padding like any other symbol,
    and so ends no sentence, leaves here all that it wrote."""
    lengths: Tensor
    """(B,) int64, words in each sentence."""


class LabelledBatch(NamedTuple):
    """Sentences and the class of each; it can stand wherever a ``TokenBatch`` is read."""

    ids: Tensor
    """(B, T) int64, right-padded with ``PAD``."""
    lengths: Tensor
    """(B,) int64, words in each sentence."""
    labels: Tensor
    """(B,) int64, class of each sentence."""


class TransferBatch(NamedTuple):
    """Sentences, the style of each, and the style that it is to be rewritten in."""

    ids: Tensor
    """(B, T) int64, right-padded with ``PAD``."""
    lengths: Tensor
    """(B,) int64, words in each sentence."""
    labels: Tensor
    """(B,) int64, style of each sentence."""
    targets: Tensor
    """(B,) int64, another style."""


class CipherBatch(NamedTuple):
    """Plain text and cipher text; wherever a ``TokenBatch`` is read, it is its plain text.

    In training the two sides are different sentences. In validation and test, row b of the cipher
    text is row b of the plain text, enciphered.
    """

    ids: Tensor
    """(B, T) int64, plain text, right-padded with ``PAD``."""
    lengths: Tensor
    """(B,) int64, symbols in each plain sentence."""
    cipher_ids: Tensor
    """(B, T) int64, cipher text, right-padded with ``PAD``."""
    cipher_lengths: Tensor
    """(B,) int64, symbols in each enciphered sentence."""

    @property
    def plain(self) -> TokenBatch:
        return TokenBatch(self.ids, self.lengths)

    @property
    def cipher(self) -> TokenBatch:
        return TokenBatch(self.cipher_ids, self.cipher_lengths)


Batch = TokenBatch | LabelledBatch | TransferBatch | CipherBatch
"""The kinds of batch that a loader yields."""


def padding_mask(batch: Batch) -> Tensor:
    """(B, T) bool, True on words and False on padding.

    >>> padding_mask(pad_sequences([[3, 1], [2]])).tolist()
    [[True, True], [True, False]]
    """
    return length_mask(batch.lengths, batch.ids.shape[1])


def length_mask(lengths: Tensor, max_length: int) -> Tensor:
    """(B, T) bool, True on the first ``lengths[b]`` of ``max_length`` positions."""
    return torch.arange(max_length, device=lengths.device) < lengths[:, None]


def count(batches: Iterable[Batch], vocab_size: int, max_length: int) -> tuple[Tensor, Tensor]:
    """Counts of each word, (V,), and of each length, (``max_length`` + 1,), without padding.

    >>> words, lengths = count([pad_sequences([[3, 1], [3]])], vocab_size=4, max_length=3)
    >>> words.tolist(), lengths.tolist()
    ([0.0, 1.0, 0.0, 2.0], [0.0, 1.0, 1.0, 0.0])
    """
    words, lengths = torch.zeros(vocab_size), torch.zeros(max_length + 1)
    for batch in batches:
        words += torch.bincount(batch.ids[padding_mask(batch)], minlength=vocab_size)
        lengths += torch.bincount(batch.lengths, minlength=max_length + 1)
    return words, lengths


def pad_sequences(sequences: Sequence[Sequence[int]], max_length: int | None = None) -> TokenBatch:
    """Batch lists of indices, padded to ``max_length`` or to the longest of them.

    Raises:
        UserError: a sequence is longer than ``max_length``.
    """
    lengths = torch.tensor([len(sequence) for sequence in sequences], dtype=torch.int64)
    longest = int(lengths.max()) if len(sequences) else 0
    if max_length is None:
        max_length = longest
    if longest > max_length:
        raise UserError(f"a sentence has {longest} words, more than max_length={max_length}")
    ids = torch.full((len(sequences), max_length), PAD, dtype=torch.int64)
    ids[length_mask(lengths, max_length)] = torch.tensor(
        [index for sequence in sequences for index in sequence], dtype=torch.int64
    )
    return TokenBatch(ids, lengths)


@dataclass(frozen=True)
class Vocabulary:
    """The words a model can write; ``tokens[PAD]`` is the padding symbol.

    >>> vocabulary = Vocabulary(("<pad>", "a", "man"))
    >>> vocabulary.decode(vocabulary.encode(["a", "man"]))
    ['a', 'man']
    """

    tokens: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.tokens or self.tokens[PAD] != PAD_TOKEN:
            raise UserError(f"a vocabulary starts with {PAD_TOKEN}, not {self.tokens[:1]}")
        if len(self._index) != len(self.tokens):
            raise UserError("a vocabulary lists each word once")

    @cached_property
    def _index(self) -> dict[str, int]:
        return {token: index for index, token in enumerate(self.tokens)}

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, words: Sequence[str]) -> list[int]:
        """Indices of ``words``; a word outside the vocabulary becomes ``<unk>``.

        Raises:
            UserError: a word is outside a vocabulary without ``<unk>``.
        """
        unknown = self._index.get(UNKNOWN_TOKEN)
        indices = []
        for word in words:
            index = self._index.get(word, unknown)
            if index is None or index == PAD:
                raise UserError(f"'{word}' is not a word of this vocabulary of {len(self) - 1}")
            indices.append(index)
        return indices

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Words of ``ids``, padding left out."""
        return list(map(self.tokens.__getitem__, filter(None, ids)))  # PAD is 0

    def decode_batch(self, batch: Batch) -> list[list[str]]:
        """The B sentences of a batch as words."""
        lengths = batch.lengths.tolist()
        return [
            self.decode(row[:length])
            for row, length in zip(batch.ids.tolist(), lengths, strict=True)
        ]
