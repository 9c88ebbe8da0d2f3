"""The encoder against a dense matrix and NumPy's decomposition, and on real captions."""

import random
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.figures.embedding_scores import ngram_samples
from textgan_bench.functional import hashed_ngrams
from textgan_bench.functional.frechet import frechet_distance
from textgan_bench.functional.hashed_ngrams import BUCKETS, HashedNGrams

Text = list[list[str]]
TESTS = Path(__file__).parents[1]
COCO = TESTS.parents[1] / "shared/data/coco"


def animals() -> Text:
    text = (TESTS / "golden/animals.txt").read_text(encoding="utf-8")
    return [line.split() for line in text.splitlines()]


def features(text: Text, frequencies_of: Text) -> NDArray[np.float64]:
    """(n, BUCKETS), the definition written out."""

    def hashes(words: list[str]) -> list[int]:
        marked = ["<s>", *words, "</s>"]
        return [
            crc32(" ".join(marked[start:end]).encode())
            for start in range(len(marked))
            for end in range(start + 1, min(start + 3, len(marked)) + 1)
        ]

    frequency = np.zeros(BUCKETS)
    for words in frequencies_of:
        frequency[list({value % BUCKETS for value in hashes(words)})] += 1
    matrix = np.zeros((len(text), BUCKETS))
    for row, words in zip(matrix, text, strict=True):
        for value in hashes(words):
            row[value % BUCKETS] += -1 if value & 0x80000000 else 1
    matrix *= np.log((1 + len(frequencies_of)) / (1 + frequency))
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def test_finds_the_principal_directions() -> None:
    text = animals()
    fitted, others = text[:100], text[100:]
    # With as many directions as sentences the power iteration starts from all of them.
    encoder = HashedNGrams.fit(fitted, dim=95)
    exact = np.linalg.svd(features(fitted, fitted), full_matrices=False)[2][:20].T
    ours = encoder.projection.numpy()
    np.testing.assert_allclose(np.abs(np.sum(ours[:, :20] * exact, axis=0)), 1, atol=1e-6)
    embedded = encoder(others).numpy()
    np.testing.assert_allclose(embedded, features(others, fitted) @ ours, atol=1e-12)
    assert np.all(ours[np.abs(ours).argmax(axis=0), range(95)] > 0)
    np.testing.assert_allclose(ours.T @ ours, np.eye(95), atol=1e-12)


def test_is_deterministic_and_named_by_its_size() -> None:
    text = animals()
    first, second = HashedNGrams.fit(text, dim=16), HashedNGrams.fit(text, dim=16)
    assert first.name == "hash16"
    assert torch.equal(first.projection, second.projection)
    assert torch.equal(first(text), second(text))
    assert torch.equal(first(text)[:7], first(text[:7]))
    assert first([]).shape == (0, 16)


def test_too_few_sentences() -> None:
    with pytest.raises(ValueError, match="128 dimensions cannot be fitted on 100 sentences"):
        HashedNGrams.fit(animals()[:100])


@pytest.mark.skipif(not COCO.exists(), reason="needs the captions in ../shared/data/coco")
def test_orders_text_by_its_distance_from_real_captions() -> None:
    generator = random.Random(0)
    captions: Text = []
    for name in ("texygen_train.tok.txt", "texygen_test.tok.txt"):
        text = (COCO / name).read_text(encoding="utf-8")
        captions += [line.split() for line in text.splitlines()]
    generator.shuffle(captions)  # the two files are different populations
    size = 3000
    references, real, validation, train = (captions[i : i + size] for i in range(0, 4 * size, size))
    encoder = HashedNGrams.fit(validation)

    def moments(text: Text) -> tuple[torch.Tensor, torch.Tensor]:
        embeddings = encoder(text)
        return embeddings.mean(dim=0), torch.cov(embeddings.T)

    reference_moments = moments(references)
    words = sorted({word for sentence in train for word in sentence})
    texts = [
        real,
        ngram_samples(train, 4, size, generator),
        ngram_samples(train, 2, size, generator),
        [generator.sample(sentence, len(sentence)) for sentence in real],
        [generator.choices(words, k=len(sentence)) for sentence in real],
    ]
    distances = [float(frechet_distance(*reference_moments, *moments(text))) for text in texts]
    floor = distances[0]
    assert distances == sorted(distances)
    assert all(far > 1.2 * near for near, far in pairwise(distances))
    assert float(frechet_distance(*reference_moments, *moments(train))) < 1.2 * floor


def buckets_one_by_one(sentences: Text) -> NDArray[np.float64]:
    """The definition: each n-gram's words joined by blanks, marks included."""
    counts = np.zeros((len(sentences), BUCKETS))
    for row, words in enumerate(sentences):
        marked = ["<s>", *words, "</s>"]
        for n in (1, 2, 3):
            for start in range(len(marked) - n + 1):
                code = crc32(" ".join(marked[start : start + n]).encode())
                counts[row, code % BUCKETS] += 1 - 2 * (code >> 31)
    return counts


WORD = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)


@given(st.lists(st.lists(WORD, max_size=6), max_size=5))
def test_checksums_of_all_words_at_once_are_those_of_each_ngram(text: Text) -> None:
    found = hashed_ngrams._bucket_counts(text).to_dense().numpy()
    np.testing.assert_array_equal(found, buckets_one_by_one(text))


@pytest.mark.parametrize("block", [2, 7, 64])
def test_products_block_by_block_have_the_digits_of_products_row_by_row(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashed_ngrams, "BLOCK", block)
    generator = np.random.default_rng(0)
    words = [f"w{i}" for i in range(20)]
    text = [list(generator.choice(words, size=n)) for n in generator.integers(0, 12, size=100)]
    counts = hashed_ngrams._bucket_counts(text)
    weighted = hashed_ngrams._weighted(counts, torch.rand(BUCKETS, dtype=torch.float64))
    in_rows = weighted.coalesce()

    right = torch.rand(BUCKETS, 5, dtype=torch.float64)
    left = torch.rand(100, 5, dtype=torch.float64)

    assert not torch.equal(weighted._indices(), in_rows.indices())
    assert torch.equal(weighted @ right, in_rows @ right)
    assert torch.equal(weighted.T @ left, in_rows.T @ left)
