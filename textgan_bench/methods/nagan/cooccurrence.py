"""Vectors of words from the company they keep: neighbours, mutual information, singular vectors.

Words that stand between the same words get like vectors, without a network or other text
(Bullinaria and Levy, 2007; Levy and Goldberg, 2014, "Neural word embedding as implicit matrix
factorization").

Shapes: B batch, T time, V vocabulary, E embedding, P places of a neighbour.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

REACH = 2
"""Number of words on each side that are neighbours; each place has its own counts, so P = 4."""

OVERSAMPLING, ITERATIONS = 16, 4  # of the randomised SVD (Halko et al., 2011)


def neighbour_counts(sentences: Iterable[Tensor], vocab_size: int) -> Tensor:
    """(V, P V) sparse: how often each word has each neighbour at each place.

    Zeros stand for the positions before and after a sentence: a word has one neighbour a place.

    Args:
        sentences: batches (B, T) of word indices, 0 after the last word.
        vocab_size: V, zero counted.

    >>> neighbour_counts([torch.tensor([[1, 2]])], vocab_size=3).to_dense().reshape(3, 4, 3)[1, 2]
    tensor([0., 0., 1.])
    """
    columns = 2 * REACH * vocab_size
    cells = [torch.empty(0, dtype=torch.int64)]
    for ids in sentences:
        windows = F.pad(ids, (REACH, REACH)).unfold(1, 2 * REACH + 1, 1)[ids != 0]  # (N, P + 1)
        neighbours = torch.cat([windows[:, :REACH], windows[:, REACH + 1 :]], 1)  # (N, P)
        places = vocab_size * torch.arange(2 * REACH)
        cells.append((windows[:, REACH, None] * columns + places + neighbours).flatten())
    cell, times = torch.cat(cells).unique(return_counts=True)
    return _sparse(torch.stack([cell // columns, cell % columns]), times.float(), vocab_size)


def positive_mutual_information(counts: Tensor) -> Tensor:
    """(V, P V) sparse: max(0, log p(word, neighbour) / p(word) p(neighbour)) at each place, nats.

    Args:
        counts: (V, P V) result of ``neighbour_counts``.
    """
    words, neighbours = counts.indices()
    times = counts.values()
    of_word = times.new_zeros(counts.shape[0]).index_add_(0, words, times) / (2 * REACH)
    of_neighbour = times.new_zeros(counts.shape[1]).index_add_(0, neighbours, times)
    ratio = times * of_word.sum() / (of_word[words] * of_neighbour[neighbours])
    return _sparse(counts.indices(), ratio.log().clamp(min=0), counts.shape[0])


def word_vectors(counts: Tensor, dimension: int) -> Tensor:
    """(V, E) vectors of length √E, like vectors of N(0, 1) entries; the same at each call.

    Principal components of the mutual information with neighbours, centred over the words.

    There are as many components as words: of further dimensions all entries are 0.

    Args:
        counts: (V, P V) result of ``neighbour_counts``.
        dimension: E.
    """
    # In double precision, since rounding differs between processors.
    information = positive_mutual_information(counts.double())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        rank = min(dimension + OVERSAMPLING, counts.shape[0])
        u, s, _ = torch.svd_lowrank(information, q=rank, niter=ITERATIONS)
    # The sign of a component is arbitrary, and processors differ in it.
    u *= u.gather(0, u.abs().argmax(0, keepdim=True)).sign()
    vectors = u[:, :dimension] * s[:dimension]
    vectors -= vectors.mean(0)
    vectors = F.pad(vectors, (0, dimension - vectors.shape[1]))
    return (F.normalize(vectors, dim=1) * dimension**0.5).to(torch.get_default_dtype())


def _sparse(indices: Tensor, values: Tensor, vocab_size: int) -> Tensor:
    shape = (vocab_size, 2 * REACH * vocab_size)
    return torch.sparse_coo_tensor(indices, values, shape, check_invariants=True, is_coalesced=True)
