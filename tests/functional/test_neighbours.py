"""Nearest sentences against Python's sets and all pairs."""

import random

import numpy as np
import pytest
import torch

from textgan_bench.functional import neighbours
from textgan_bench.functional.neighbours import NGramIndex, nearest_by_cosine

Text = list[list[str]]


def text(n: int, seed: int) -> Text:
    generator = random.Random(seed)
    # Squares of random numbers: some words are in most sentences, others in one.
    return [
        [f"w{int(60 * generator.random() ** 3)}" for _ in range(generator.randrange(9))]
        for _ in range(n)
    ]


def jaccard(words: list[str], others: list[str], order: int) -> float:
    first, second = (
        {tuple(side[i : i + n]) for n in range(1, order + 1) for i in range(len(side) - n + 1)}
        for side in (words, others)
    )
    return len(first & second) / max(1, len(first | second))


@pytest.mark.parametrize("common", [1, 16, 10_000])
@pytest.mark.parametrize("order", [1, 4])
def test_n_gram_neighbours_equal_all_pairs(
    order: int, common: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many n-grams are held as flags."""
    monkeypatch.setattr(neighbours, "COMMON", common)
    train, samples = text(150, seed=0), [*text(80, seed=1), ["unheard", "of"], []]
    nearest = NGramIndex(train, order).nearest(samples)
    pairs = np.array([[jaccard(words, others, order) for others in train] for words in samples])
    np.testing.assert_allclose(nearest.similarity, pairs.max(axis=1), rtol=1e-6)
    assert nearest.place.tolist() == pairs.argmax(axis=1).tolist()
    assert 0 in nearest.similarity
    assert 1 in nearest.similarity


def test_a_text_without_words_is_near_to_nothing() -> None:
    assert NGramIndex([[], []]).nearest([["a"], []]).similarity.tolist() == [0, 0]
    assert len(NGramIndex([["a"]]).nearest([]).place) == 0


def test_cosines_equal_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "COSINES", 200)  # four rows at once
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(30, 8, generator=generator)
    others = torch.randn(50, 8, generator=generator)
    others[0] = 0
    nearest = nearest_by_cosine(embeddings, others)
    pairs = torch.nn.functional.cosine_similarity(embeddings[:, None], others[None], dim=2)
    np.testing.assert_allclose(nearest.similarity, pairs.max(dim=1).values, atol=1e-6)
    assert nearest.place.tolist() == pairs.argmax(dim=1).tolist()


def test_needs_something_to_search() -> None:
    with pytest.raises(ValueError, match="no sentence to search"):
        NGramIndex([])
    with pytest.raises(ValueError, match="no embedding to search"):
        nearest_by_cosine(torch.ones(1, 2), torch.ones(0, 2))
