"""A sentence encoder that needs no download: hashed n-grams on their principal directions.

Counts of word n-grams, n = 1..3, fall into signed buckets by their hash (Weinberger et al., 2009,
"Feature hashing for large scale multitask learning"), are weighted by inverse document frequency,
scaled to length one and projected on the first right singular vectors of a text's matrix, found by
randomised power iteration (Halko et al., 2011, "Finding structure with randomness", algorithm 4.4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self
from zlib import crc32

import torch
from torch import Tensor

from textgan_bench.errors import UserError

BUCKETS = 2**14
LONGEST_NGRAM = 3
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
    def fit(cls, sentences: Sequence[Sequence[str]], dim: int = 128) -> Self:
        """Fit weights and directions; the same text gives the same encoder.

        Raises:
            UserError: there are fewer sentences than dimensions.
        """
        n = len(sentences)
        if n < dim:
            raise UserError(f"{dim} dimensions cannot be fitted on {n} sentences")
        counts = _bucket_counts(sentences)
        frequency = torch.bincount(counts.indices()[1], minlength=BUCKETS)
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
    """(n, BUCKETS) sparse float64, signed counts of each sentence's n-grams, marks included."""
    marked = list(chain.from_iterable(["<s>", *words, "</s>"] for words in sentences))
    lengths = torch.tensor([len(words) + 2 for words in sentences], dtype=torch.int64)
    row = torch.arange(len(sentences)).repeat_interleave(lengths)
    words = set(marked)
    hash_of = {word: crc32(word.encode()) for word in words}
    following = {word: f" {word}".encode() for word in words}
    # The hash of an n-gram, its words joined by blanks, goes on from that of its first n - 1 words.
    tails = [following[word] for word in marked]
    hashes = [hash_of[word] for word in marked]  # of the n-gram that begins at each word
    rows, hashed = [row], [torch.tensor(hashes, dtype=torch.int64)]
    for n in range(2, LONGEST_NGRAM + 1):
        hashes = list(map(crc32, tails[n - 1 :], hashes))
        inside = row[n - 1 :] == row[: len(hashes)]  # of one sentence
        rows.append(row[n - 1 :][inside])
        hashed.append(torch.tensor(hashes, dtype=torch.int64)[inside])
    row, code = torch.cat(rows), torch.cat(hashed)
    # The bucket is the lowest bits of the 32, the sign the highest one.
    sign = 1 - 2 * (code >> 31).double()
    cell, index = (row * BUCKETS + code % BUCKETS).unique(return_inverse=True)
    counts = torch.zeros(len(cell), dtype=torch.float64).index_add_(0, index, sign)
    return torch.sparse_coo_tensor(
        torch.stack([cell // BUCKETS, cell % BUCKETS]),
        counts,
        (len(sentences), BUCKETS),
        check_invariants=True,
        is_coalesced=True,
    )


def _weighted(counts: Tensor, idf: Tensor) -> Tensor:
    """Rows weighted by ``idf`` and scaled to length one."""
    row, bucket = counts.indices()
    values = counts.values() * idf[bucket]
    norm = torch.zeros(len(counts), dtype=torch.float64).index_add_(0, row, values**2).sqrt()
    values = values / norm.clamp_min(torch.finfo(torch.float64).tiny)[row]
    return torch.sparse_coo_tensor(
        counts.indices(), values, counts.shape, check_invariants=True, is_coalesced=True
    )
