"""BLEU against NLTK's sentence BLEU with smoothing method 1, and against its old rule by hand."""

import math
import random
import warnings
from collections import Counter
from itertools import chain, count
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from textgan_bench.functional import ngram_orders, ngrams
from textgan_bench.functional.bleu import (
    NGramIndex,
    Smoothing,
    backward_bleu,
    forward_bleu,
    self_bleu,
)
from textgan_bench.functional.ngrams import FloatArray, IndexedText

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


def cross_bleu(
    samples: IndexedText,
    references: NGramIndex,
    orders: tuple[int, ...] = (5,),
    smoothing: Smoothing = "floor",
) -> tuple[FloatArray, FloatArray]:
    forward, largest = forward_bleu(samples, references, orders, smoothing)
    return forward, backward_bleu(largest, samples.lengths, references, orders, smoothing)


def both_directions(
    samples: list[Words],
    references: list[Words],
    orders: tuple[int, ...] = (5,),
    smoothing: Smoothing = "floor",
) -> tuple[FloatArray, FloatArray]:
    index = NGramIndex(indexed(references), max(orders))
    return cross_bleu(indexed(samples), index, orders, smoothing)


def assert_equals_nltk(
    samples: list[Words], references: list[Words], orders: tuple[int, ...] = (5,)
) -> None:
    forward, backward = both_directions(samples, references, orders)
    for i, order in enumerate(orders):
        expected_forward = nltk_bleu(samples, references, order)
        expected_backward = nltk_bleu(references, samples, order)
        np.testing.assert_allclose(forward[i], expected_forward, rtol=0, atol=1e-12)
        np.testing.assert_allclose(backward[i], expected_backward, rtol=0, atol=1e-12)


def before_nltk_3_3(hypothesis: Words, references: list[Words], order: int) -> float:
    """The old rule, one sentence at a time: an order without a match is left out of the product."""

    def counts(words: Words, n: int) -> Counter[tuple[int, ...]]:
        return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))

    log_score = 0.0
    for n in range(1, order + 1):
        ours = counts(hypothesis, n)
        theirs = [counts(reference, n) for reference in references]
        matches = sum(min(k, max(r[ngram] for r in theirs)) for ngram, k in ours.items())
        if n == 1 and not matches:
            return 0.0
        if matches:
            log_score += math.log(matches / sum(ours.values())) / order
    closest = min(map(len, references), key=lambda r: (abs(r - len(hypothesis)), r))
    return math.exp(log_score + min(0.0, 1 - closest / len(hypothesis)))


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
    assert_equals_nltk(samples, references, orders=(1, 2, 3, 4, 5))


@pytest.mark.parametrize(("types", "longest"), [(3, 8), (12, 40), (200, 40)])
def test_skip_equals_the_old_rule(types: int, longest: int) -> None:
    samples = random_text(0, types, 25, longest)
    references = random_text(100, types, 20, longest)
    # By hand, -1 would match -1.
    renamed = [[-2 if word < 0 else word for word in sentence] for sentence in samples]
    forward, _ = both_directions(samples, references, (2, 5), "skip")
    expected = [[before_nltk_3_3(s, references, n) for s in renamed] for n in (2, 5)]
    np.testing.assert_allclose(forward, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("types", "longest"), [(3, 8), (12, 40), (200, 40)])
def test_self_bleu_leaves_each_sentence_out_once(seed: int, types: int, longest: int) -> None:
    text = random_text(seed, types, 25, longest)
    scores = self_bleu(indexed(text), orders=(2, 3, 4, 5))
    assert any(len(s) == 0 for s in text)
    for i in range(len(text)):
        others = text[:i] + text[i + 1 :]
        expected = [nltk_bleu([text[i]], others, n)[0] for n in (2, 3, 4, 5)]
        np.testing.assert_allclose(scores[:, i], expected, rtol=0, atol=1e-12)


def test_self_bleu_counts_ties_and_its_own_length_right() -> None:
    text = [[1, 1, 2], [1, 1, 3, 4, 4], [1, 1, 1, 1], [1, 2, 2, 5], [], [6]]
    for removed in range(len(text)):
        some = text[:removed] + text[removed + 1 :]
        expected = [nltk_bleu([s], some[:i] + some[i + 1 :], 2)[0] for i, s in enumerate(some)]
        np.testing.assert_allclose(self_bleu(indexed(some), (2,))[0], expected, rtol=0, atol=1e-12)


def test_self_bleu_of_copies_and_of_strangers() -> None:
    copies = [[1, 2, 3, 4, 5]] * 3
    np.testing.assert_allclose(self_bleu(indexed(copies)), 1)
    assert self_bleu(indexed([[1, 2], [3, 4], [-1], [-1]])).tolist() == [[0.0] * 4]
    with pytest.raises(ValueError, match="at least two sentences, not 1"):
        self_bleu(indexed([[1]]))


def test_an_index_serves_many_samples() -> None:
    references = random_text(1, 12, 20, 20)
    index = NGramIndex(indexed(references), 5)
    for seed in (2, 3, 2):
        samples = random_text(seed, 12, 20, 20)
        for ours, expected in zip(
            cross_bleu(indexed(samples), index),
            both_directions(samples, references),
            strict=True,
        ):
            np.testing.assert_array_equal(ours, expected)


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
    forward, backward = both_directions([[-1, -1]], [[-1, -1]])
    assert forward.tolist() == backward.tolist() == [[0.0]]
    assert_equals_nltk([[1, -1, 2, -1]], [[1, -1, 2, -1], [-1]])


def test_empty_sentences_score_zero() -> None:
    for smoothing in ("floor", "skip"):
        forward, backward = both_directions([[], [1, 2]], [[], []], smoothing=smoothing)
        assert forward.tolist() == [[0.0, 0.0]]
        assert backward.tolist() == [[0.0, 0.0]]


def test_needs_both_sides() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        both_directions([], [[1]])
    with pytest.raises(ValueError, match="at least one reference"):
        NGramIndex(indexed([]), 5)


def test_wide_keys_score_as_narrow_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, references = random_text(1, 12, 25, 40), random_text(2, 12, 25, 40)
    expected = self_bleu(indexed(samples))
    wide = [[word + 2**40 if word >= 0 else word for word in words] for words in samples]
    np.testing.assert_array_equal(self_bleu(indexed(wide)), expected)
    monkeypatch.setattr(ngrams, "KEY_BITS", 8)
    with pytest.raises(ValueError, match="63-bit keys"):
        both_directions(samples, references)


TEXTS = st.lists(st.lists(st.integers(-1, 3), max_size=9), min_size=2, max_size=12)


@given(samples=TEXTS, references=TEXTS)
def test_any_text_has_the_scores_of_nltk(samples: list[Words], references: list[Words]) -> None:
    assert_equals_nltk(samples, references, orders=(1, 2, 5))


@given(samples=TEXTS, references=TEXTS, cut=st.integers(1, 11))
def test_pieces_of_a_text_have_the_scores_of_the_whole(
    samples: list[Words], references: list[Words], cut: int
) -> None:
    index = NGramIndex(indexed(references), 5)
    pieces = [piece for piece in (samples[:cut], samples[cut:]) if piece]

    scores, largest = forward_bleu(indexed(samples), index)
    in_pieces = [forward_bleu(indexed(piece), index) for piece in pieces]

    np.testing.assert_array_equal(np.concatenate([s for s, _ in in_pieces], axis=1), scores)
    np.testing.assert_array_equal(np.maximum.reduce([counts for _, counts in in_pieces]), largest)


@given(text=TEXTS, part=st.integers(1, 60))
def test_parts_of_any_size_change_no_score(text: list[Words], part: int) -> None:
    expected = self_bleu(indexed(text), orders=(1, 2, 5))
    with patch.object(ngram_orders, "PART", part):
        np.testing.assert_array_equal(self_bleu(indexed(text), orders=(1, 2, 5)), expected)


def test_parts_of_a_text_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = indexed([*random_text(1, 12, 25, 40), [], [1, 2], [-1]])
    expected = self_bleu(samples, orders=(1, 2, 3, 4, 5))
    for size in (7, 64):
        monkeypatch.setattr(ngram_orders, "PART", size)
        assert len(samples.words) > 2 * size
        np.testing.assert_array_equal(self_bleu(samples, orders=(1, 2, 3, 4, 5)), expected)


def test_word_indices_may_use_all_bits() -> None:
    samples, references = random_text(3, 12, 25, 40), random_text(4, 12, 25, 40)
    scores = both_directions(samples, references, orders=(1,))
    wide, wide_references = ([[w << 58 for w in s] for s in text] for text in (samples, references))
    for ours, expected in zip(
        both_directions(wide, wide_references, orders=(1,)), scores, strict=True
    ):
        np.testing.assert_array_equal(ours, expected)


def large_text(seed: int, sentences: int, types: int) -> IndexedText:
    """Words by Zipf's law, so that n-grams recur."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(5, 16, sentences)
    frequency = 1 / np.arange(1, types + 1)
    words = generator.choice(types, int(lengths.sum()), p=frequency / frequency.sum())
    return IndexedText(words.astype(np.int64), lengths)


def sentences_of(text: IndexedText) -> list[Words]:
    return [part.tolist() for part in np.split(text.words, np.cumsum(text.lengths)[:-1])]


@pytest.mark.slow
def test_exact_at_the_size_of_snli() -> None:
    """43,000 words and 7 million tokens, against counting n-grams one by one."""
    references, samples = large_text(0, 700_000, 43_000), large_text(1, 4_000, 43_000)
    references.words[:43_000] = np.arange(43_000)  # every one of them occurs
    assert len(references.words) > 6_900_000
    assert len(np.unique(references.words)) == 43_000
    ours = sentences_of(samples)
    wanted = [
        {tuple(words[i : i + n]) for words in ours for i in range(len(words) - n + 1)}
        for n in range(1, 6)
    ]
    largest: list[Counter[tuple[int, ...]]] = [Counter() for _ in wanted]
    for words in sentences_of(references):
        for n, (of_interest, most) in enumerate(zip(wanted, largest, strict=True), start=1):
            here = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
            for ngram in here.keys() & of_interest:
                most[ngram] = max(most[ngram], here[ngram])
    expected = []
    for words in ours:  # every length of the samples is one of the references: no brevity penalty
        score = 0.0
        for n, most in enumerate(largest, start=1):
            here = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
            matches = sum(min(k, most[ngram]) for ngram, k in here.items())
            score += math.log((matches or 0.1) / max(1, len(words) - n + 1)) / 5
        expected.append(math.exp(score))
    forward, backward = cross_bleu(samples, NGramIndex(references, 5))
    np.testing.assert_allclose(forward[0], expected, rtol=1e-12)
    assert backward.shape == (1, 700_000)
