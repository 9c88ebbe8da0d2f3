"""The training sentence nearest to each of many sentences, exactly and in bounded memory.

By words: the largest Jaccard index |G(s) & G(t)| / |G(s) | G(t)| of the sets of distinct n-grams,
n = 1..order (Broder, 1997, "On the resemblance and containment of documents"). By meaning: the
largest cosine of embeddings.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from textgan_bench.errors import UserError
from textgan_bench.functional.integer_sorts import IntArray
from textgan_bench.functional.text_hashes import hash_words, ngram_hashes

COMMON = 16  # an n-gram of one sentence in so many is kept as a row of flags, not as a list
COSINES = 2**24  # similarities held at once
QUIET_SECONDS = 3  # before a progress bar appears

FloatArray = NDArray[np.float64]


class Neighbours(NamedTuple):
    """The nearest sentence of another text for each sentence; the first of equally near ones."""

    similarity: FloatArray
    """(n,) similarity, 1 for a copy."""
    place: IntArray
    """(n,) index of the nearest sentence in the other text."""


class NGramIndex:
    """An index of a text: for each n-gram the sentences that have it.

    Args:
        sentences: text that is searched, at least one sentence.
        order: longest n-gram.

    >>> index = NGramIndex([["a", "cat", "sat"], ["a", "dog"]], order=2)
    >>> nearest = index.nearest([["a", "dog", "ran"], ["a", "dog"], []])
    >>> nearest.similarity.round(2).tolist(), nearest.place.tolist()
    ([0.6, 1.0, 0.0], [1, 1, 0])
    """

    def __init__(self, sentences: Sequence[Sequence[str]], order: int = 4) -> None:
        if not len(sentences):
            raise UserError("there is no sentence to search for neighbours in")
        self.order = order
        hashes, sentence = _distinct_ngrams(sentences, order)
        self._size = np.bincount(sentence, minlength=len(sentences)).astype(np.float32)
        self._ngrams, self._start = np.unique(hashes, return_index=True)
        self._start = np.append(self._start, len(hashes))
        self._sentences = sentence.astype(np.int32)  # laid end to end by n-gram
        count = np.diff(self._start)
        common = np.flatnonzero(count > len(sentences) / COMMON)
        self._row = np.full(len(count), -1)
        self._row[common] = np.arange(len(common))
        self._flags = np.zeros((len(common), len(sentences)), dtype=np.uint8)
        for row, gram in enumerate(common):
            self._flags[row, self._sentences[self._start[gram] : self._start[gram + 1]]] = 1

    def nearest(self, sentences: Sequence[Sequence[str]]) -> Neighbours:
        """The Jaccard index of each sentence and its nearest one; 0 where they share no word."""
        hashes, sentence = _distinct_ngrams(sentences, self.order)
        size = np.bincount(sentence, minlength=len(sentences))
        gram = np.searchsorted(self._ngrams, hashes)
        known = np.append(self._ngrams, 0)[gram] == hashes  # beyond the last one there is none
        known &= gram < len(self._ngrams)
        gram, sentence = gram[known], sentence[known]
        gram = gram[np.argsort(sentence, kind="stable")]
        ends = np.concatenate([[0], np.cumsum(np.bincount(sentence, minlength=len(sentences)))])
        similarity, place = np.zeros(len(sentences)), np.zeros(len(sentences), dtype=np.int64)
        numbers = tqdm(range(len(sentences)), "neighbours by n-grams", delay=QUIET_SECONDS)
        for number in numbers:
            shared = self._shared(gram[ends[number] : ends[number + 1]])
            jaccard = shared / np.maximum(1, self._size + size[number] - shared)
            place[number] = jaccard.argmax()
            similarity[number] = jaccard[place[number]]
        return Neighbours(similarity, place)

    def _shared(self, grams: IntArray) -> NDArray[np.float32]:
        """(sentences of the text,), how many of ``grams`` each one has."""
        common = self._row[grams] >= 0
        places = [
            self._sentences[self._start[gram] : self._start[gram + 1]] for gram in grams[~common]
        ]
        rare = np.concatenate(places) if places else np.zeros(0, dtype=np.int32)
        counts = np.bincount(rare, minlength=len(self._size)).astype(np.float32)
        for row in self._row[grams[common]]:
            counts += self._flags[row]
        return counts


def nearest_by_cosine(embeddings: Tensor, others: Tensor) -> Neighbours:
    """The largest cosine in [-1, 1] of each row of ``embeddings`` (n, D) with one of ``others``.

    Args:
        embeddings: (n, D) vectors.
        others: (N, D) vectors, N at least 1. A row of zeros has the cosine 0 with every other.

    >>> nearest_by_cosine(torch.eye(2), torch.tensor([[3.0, 3.0], [0.0, 2.0]]))[1].tolist()
    [0, 1]
    """
    if not len(others):
        raise UserError("there is no embedding to search for neighbours in")
    others = torch.nn.functional.normalize(others, dim=1)
    similarity = torch.empty(len(embeddings), dtype=torch.float64)
    place = torch.empty(len(embeddings), dtype=torch.int64)
    rows = max(1, COSINES // len(others))
    for start in tqdm(range(0, len(embeddings), rows), "neighbours", delay=QUIET_SECONDS):
        part = slice(start, start + rows)
        unit = torch.nn.functional.normalize(embeddings[part].to(others), dim=1)
        largest = (unit @ others.T).max(dim=1)  # (rows, N) to (rows,)
        similarity[part], place[part] = largest.values.double().cpu(), largest.indices.cpu()
    return Neighbours(similarity.clamp(-1, 1).numpy(), place.numpy())


def _distinct_ngrams(sentences: Sequence[Sequence[str]], order: int) -> tuple[IntArray, IntArray]:
    """Hashes of the distinct n-grams of each sentence, in order, and the sentence of each."""
    text = hash_words(sentences)
    parts = [ngram_hashes(text, n) for n in range(1, order + 1)]
    hashes = np.concatenate([part[0] for part in parts])
    sentence = np.concatenate([part[1] for part in parts])
    # Stable, and no two lengths share a hash: the sentences of an n-gram stay in order.
    place = np.argsort(hashes, kind="stable")
    hashes, sentence = hashes[place], sentence[place]
    first = np.ones(len(hashes), dtype=bool)
    first[1:] = (np.diff(hashes) != 0) | (np.diff(sentence) != 0)
    return hashes[first], sentence[first]
