"""BLEU against NLTK's sentence BLEU with smoothing method 1."""

import random
import warnings
from itertools import chain, count

import numpy as np
import pytest
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from textgan_bench.functional import bleu
from textgan_bench.functional.bleu import IndexedText, cross_bleu

Words = list[int]


def indexed(sentences: list[Words]) -> IndexedText:
    return IndexedText(
        np.array(list(chain.from_iterable(sentences)), dtype=np.int64),
        np.array([len(sentence) for sentence in sentences], dtype=np.int64),
    )


def nltk_bleu(hypotheses: list[Words], references: list[Words], order: int) -> list[float]:
    """NLTK has no word that matches nothing: each negative index becomes a word of its own."""
    fresh = count(10**6)
    hypotheses, references = (
        [[next(fresh) if word < 0 else word for word in sentence] for sentence in sentences]
        for sentences in (hypotheses, references)
    )
    method1 = SmoothingFunction().method1
    weights = (1 / order,) * order
    with warnings.catch_warnings(action="ignore"):
        return [sentence_bleu(references, words, weights, method1) for words in hypotheses]


def assert_equals_nltk(samples: list[Words], references: list[Words], order: int = 5) -> None:
    forward, backward = cross_bleu(indexed(samples), indexed(references), order)
    expected_forward = nltk_bleu(samples, references, order)
    expected_backward = nltk_bleu(references, samples, order)
    np.testing.assert_allclose(forward, expected_forward, rtol=0, atol=1e-12)
    np.testing.assert_allclose(backward, expected_backward, rtol=0, atol=1e-12)


def random_text(seed: int, types: int, sentences: int, longest: int) -> list[Words]:
    """Sentences with frequent n-grams, repeated words, unmatched words, empties, duplicates."""
    generator = random.Random(seed)
    phrases = [[generator.randrange(types) for _ in range(4)] for _ in range(6)]
    text: list[Words] = []
    for _ in range(sentences):
        words: Words = []
        length = generator.randint(0, longest)
        while len(words) < length:
            kind = generator.random()
            if kind < 0.1:
                words.append(-1)
            elif kind < 0.4:
                words.append(generator.randrange(types))
            else:
                words.extend(generator.choice(phrases))
        text.append(words[:length])
    return [*text, text[0], text[-1], []]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("types", "longest"), [(3, 8), (12, 40), (200, 40)])
def test_equals_nltk(seed: int, types: int, longest: int) -> None:
    samples = random_text(seed, types, 25, longest)
    # Other seeds share words but few phrases; the samples themselves share all.
    references = random_text(seed + 100, types, 20, longest) + samples[::5]
    for order in range(1, 6):
        assert_equals_nltk(samples, references, order)


def test_equals_nltk_at_every_length() -> None:
    cycle = [[word % 7 for word in range(length)] for length in range(41)]
    assert_equals_nltk(cycle, [[word % 5 for word in range(length)] for length in range(0, 41, 3)])
    assert_equals_nltk(cycle, cycle)


def test_closest_length_prefers_the_shorter_of_two() -> None:
    assert_equals_nltk([[1, 2, 3, 4]], [[1, 2], [1, 2, 3, 4, 5, 6]])
    assert_equals_nltk([[1, 2, 3, 4], [1]], [[1, 2], [1, 2, 3, 4, 5, 6], []])


def test_counts_are_clipped_by_the_reference_with_most() -> None:
    assert_equals_nltk([[1, 1, 1, 1, 2]], [[1, 1, 3, 3, 2], [1, 3, 3, 1, 1], [1, 2, 2, 2, 2]])


def test_unmatched_words_match_nothing() -> None:
    forward, backward = cross_bleu(indexed([[-1, -1]]), indexed([[-1, -1]]))
    assert forward.tolist() == backward.tolist() == [0.0]
    assert_equals_nltk([[1, -1, 2, -1]], [[1, -1, 2, -1], [-1]])


def test_empty_sentences_score_zero() -> None:
    forward, backward = cross_bleu(indexed([[], [1, 2]]), indexed([[], []]))
    assert forward.tolist() == [0.0, 0.0]
    assert backward.tolist() == [0.0, 0.0]


def test_needs_both_sides() -> None:
    with pytest.raises(ValueError, match="not 0 samples and 1 references"):
        cross_bleu(indexed([]), indexed([[1]]))
    with pytest.raises(ValueError, match="not 1 samples and 0 references"):
        cross_bleu(indexed([[1]]), indexed([]))


def test_wide_keys_take_the_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, references = random_text(1, 12, 25, 40), random_text(2, 12, 25, 40)
    monkeypatch.setattr(bleu, "KEY_BITS", 22)
    assert_equals_nltk(samples, references)
    monkeypatch.setattr(bleu, "KEY_BITS", 12)
    with pytest.raises(OverflowError, match="63-bit keys"):
        cross_bleu(indexed(samples), indexed(references))


def test_word_indices_may_use_all_bits() -> None:
    samples, references = random_text(3, 12, 25, 40), random_text(4, 12, 25, 40)
    scores = cross_bleu(indexed(samples), indexed(references), order=1)
    wide = [[[word << 58 for word in s] for s in text] for text in (samples, references)]
    for ours, expected in zip(
        cross_bleu(indexed(wide[0]), indexed(wide[1]), order=1), scores, strict=True
    ):
        np.testing.assert_array_equal(ours, expected)
