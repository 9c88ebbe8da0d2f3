"""A sentence encoder that needs no download: hashed n-grams on their principal directions.

Counts of word n-grams, n = 1..3, fall into signed buckets by their hash (Weinberger et al., 2009,
"Feature hashing for large scale multitask learning"), are weighted by inverse document frequency,
scaled to length one and projected on the first right singular vectors of a text's matrix, found by
randomised power iteration (Halko et al., 2011, "Finding structure with randomness", algorithm 4.4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textgan_bench.errors import UserError
from textgan_bench.functional.integer_sorts import IntArray, changes, sorted_keys
from textgan_bench.functional.threads import one_thread
from textgan_bench.functional.word_numbers import word_numbers

Rows = NDArray[np.int32] | NDArray[np.int64]
Hashes = NDArray[np.uint32]

BUCKET_BITS = 14
BUCKETS = 2**BUCKET_BITS
LONGEST_NGRAM = 3
BLOCK_BITS = 12
BLOCK = 2**BLOCK_BITS
"""Sentences multiplied bucket by bucket, whose embeddings stay in the processor's cache."""
CELL_BITS = BUCKET_BITS + BLOCK_BITS
"""Bits of a bucket and a sentence of a block."""
OVERSAMPLING = 8
POWER_STEPS = 3


@dataclass(frozen=True)
class HashedNGrams:
    """Encoder fitted on text that is neither trained on, nor generated, nor the references.

    Fitted on the training split it would put training text farther from other real text than an
    n-gram model's samples. Refitting on another machine may change digits, as its linear algebra
    rounds differently.

    >>> text = [f"{who} {does} .".split() for who in ("he", "she", "it") for does in ("is", "goes")]
    >>> encoder = HashedNGrams.fit(text, dim=4)
    >>> encoder.name, encoder([["he", "is"], []]).shape
    ('hash4', torch.Size([2, 4]))
    """

    idf: Tensor
    """(BUCKETS,) float64, log inverse document frequency."""
    projection: Tensor
    """(BUCKETS, D) float64, orthonormal columns."""

    @property
    def name(self) -> str:
        """The part of a score's key that says which encoder was used."""
        return f"hash{self.projection.shape[1]}"

    @classmethod
    @one_thread()
    def fit(cls, sentences: Sequence[Sequence[str]], dim: int = 128) -> Self:
        """Fit weights and directions; the same text gives the same encoder.

        Raises:
            UserError: there are fewer sentences than dimensions.
        """
        n = len(sentences)
        if n < dim:
            raise UserError(f"{dim} dimensions cannot be fitted on {n} sentences")
        counts = _bucket_counts(sentences)
        frequency = torch.bincount(counts._indices()[1], minlength=BUCKETS)
        idf = ((1 + n) / (1 + frequency.double())).log()  # unseen n-grams weigh most
        features = _weighted(counts, idf)
        generator = torch.Generator().manual_seed(0)
        width = min(n, dim + OVERSAMPLING)
        start = torch.randn(BUCKETS, width, generator=generator, dtype=torch.float64)
        basis = torch.linalg.qr(features @ start).Q  # (n, width)
        for _ in range(POWER_STEPS):
            basis = torch.linalg.qr(features @ (features.T @ basis)).Q
        # features = basis triangle.T directions.T, whose right singular vectors need only the
        # decomposition of the small triangle.
        directions, triangle = torch.linalg.qr(features.T @ basis)
        projection = directions @ torch.linalg.svd(triangle).U[:, :dim]
        # A singular vector is unique up to its sign: make the largest entry positive.
        largest = projection.abs().argmax(dim=0, keepdim=True)
        projection = projection * projection.gather(0, largest).sign()
        return cls(idf, projection.contiguous())

    def __call__(self, sentences: Sequence[Sequence[str]]) -> Tensor:
        """(n, D) float64 embeddings, at most of length one."""
        return _weighted(_bucket_counts(sentences), self.idf) @ self.projection


def _bucket_counts(sentences: Sequence[Sequence[str]]) -> Tensor:
    """(n, BUCKETS) sparse float64, signed counts of each sentence's n-grams, marks included.

    Entries are in order of ``BLOCK``s of sentences, then of buckets, then of sentences. A product
    sums up a row, or a column, in the same order as if they were sorted by both.
    """
    words, inner, types = word_numbers(sentences)
    lengths = inner + 2
    last = np.cumsum(lengths) - 1
    marked = np.full(len(words) + 2 * len(inner), -1, dtype=np.int32)
    marked[last - inner - 1], marked[last] = len(types), len(types) + 1
    marked[marked < 0] = words
    # The fewer bits a key has, the sooner it is sorted.
    row_type = np.int32 if len(inner) <= BLOCK * 2 ** (30 - CELL_BITS) else np.int64
    row: Rows = np.repeat(np.arange(len(inner)).astype(row_type), lengths)
    # The hash of an n-gram, its words joined by blanks, goes on from that of its first n - 1 words.
    sums = np.array([*map(_checksums, (*types, "<s>", "</s>"))], dtype=np.int64)
    alone, following = sums[:, :2].T.astype(np.uint32)
    tails = following[marked]
    moves, table = _moves(sums[:, 2])
    move = moves[marked]
    hashes = alone[marked]  # of the n-gram that begins at each word
    keys = [_keys(row, hashes)]
    for n in range(2, LONGEST_NGRAM + 1):
        hashes = _moved(hashes[:-1], move[n - 1 :], table) ^ tails[n - 1 :]
        inside = row[n - 1 :] == row[: len(hashes)]  # of one sentence
        keys.append(_keys(row[n - 1 :][inside], hashes[inside]))
    key = sorted_keys(np.concatenate(keys))
    cell, sign = key >> 1, 1 - 2 * (key & 1)
    first = np.flatnonzero(changes(cell))
    counts = np.add.reduceat(sign, first) if len(cell) else sign
    cell = cell[first]
    indices = np.empty((2, len(cell)), dtype=np.int64)
    indices[0] = cell >> CELL_BITS << BLOCK_BITS | cell & BLOCK - 1
    indices[1] = cell >> BLOCK_BITS & BUCKETS - 1
    return _sparse(
        torch.from_numpy(indices), torch.from_numpy(counts.astype(np.float64)), len(inner)
    )


def _sparse(indices: Tensor, values: Tensor, rows: int) -> Tensor:
    """(rows, BUCKETS) with some values at (2, number of values) indices."""
    # Each index is below its bound as it was made; PyTorch would look at all of them again.
    return torch.sparse_coo_tensor(indices, values, (rows, BUCKETS), check_invariants=False)


def _keys(row: Rows, hashes: Hashes) -> Rows:
    """Row, bucket and sign of each n-gram: the lowest bits of the 32, and the highest one."""
    bucket = (hashes & np.uint32(BUCKETS - 1)).view(np.int32)
    sign = (hashes >> np.uint32(31)).view(np.int32)
    cell = row >> BLOCK_BITS << CELL_BITS | bucket << BLOCK_BITS | row & BLOCK - 1
    return cell << 1 | sign


@lru_cache(maxsize=2**16)
def _checksums(word: str) -> tuple[int, int, int]:
    """Checksums of a word alone and with a blank before it, and the bytes of the latter."""
    text = word.encode()
    return crc32(text), crc32(b" " + text), 1 + len(text)


@lru_cache(maxsize=256)
def _move(length: int) -> Hashes:
    """(4, 256) what ``length`` more bytes make of each byte of a checksum, 0 made of 0.

    A checksum of text y that goes on from that of x is crc(y) ^ M crc(x), M linear over bits and
    the same for all y of a length, so that the four bytes of crc(x) are moved apart.
    """
    zeros = bytes(length)
    none = crc32(zeros, 0)
    return np.array(
        [[crc32(zeros, byte << 8 * k) ^ none for byte in range(256)] for k in range(4)],
        dtype=np.uint32,
    )


def _moves(lengths: IntArray) -> tuple[IntArray, Hashes]:
    """The place of each length's move in a table, and the table, flat."""
    distinct, place = np.unique(lengths, return_inverse=True)
    return place * 1024, np.concatenate([_move(length).ravel() for length in distinct.tolist()])


def _moved(hashes: Hashes, move: IntArray, table: Hashes) -> Hashes:
    """Checksums after as many more bytes as ``move`` says."""
    result = table[move + (hashes & 255)]
    for k in range(1, 4):
        result ^= table[move + (256 * k) + ((hashes >> np.uint32(8 * k)) & 255)]
    return result


def _weighted(counts: Tensor, idf: Tensor) -> Tensor:
    """Rows weighted by ``idf`` and scaled to length one."""
    row, bucket = counts._indices()
    values = counts._values() * idf[bucket]
    squares = np.bincount(row.numpy(), (values**2).numpy(), len(counts))
    norm = torch.from_numpy(squares).sqrt()
    values = values / norm.clamp_min(torch.finfo(torch.float64).tiny)[row]
    return _sparse(counts._indices(), values, len(counts))
