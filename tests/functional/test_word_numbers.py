"""Numbers of words, and what is kept of a text that several functions are given."""

import gc
import weakref

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textgan_bench.functional.text_hashes import (
    are_among,
    hash_words,
    sentence_hashes,
    text_hashes,
)
from textgan_bench.functional.word_numbers import SharedText, once, word_numbers
from textgan_bench.metrics import DistinctNGrams, Diversity, SelfBLEU, WordEntropy
from textgan_bench.metrics.inputs import given as given_to

WORDS = st.sampled_from(["a", "b", "ab", "", "ü", "a b"])
TEXTS = st.lists(st.lists(WORDS, max_size=5), max_size=12)


@given(text=TEXTS)
def test_numbers_spell_the_text(text: list[list[str]]) -> None:
    for sentences in (text, SharedText(text)):
        words, lengths, types = word_numbers(sentences)
        assert len(set(types)) == len(types)
        assert [types[word] for word in words] == [word for words in text for word in words]
        assert lengths.tolist() == [len(words) for words in text]


def test_a_shared_text_is_numbered_once() -> None:
    shared = SharedText([["a", "b"], []])
    assert word_numbers(shared) is word_numbers(shared)
    made = []
    for _ in range(2):
        once(shared, "key", lambda: made.append("shared"))
        once([["a"]], "key", lambda: made.append("own"))
    assert made == ["shared", "own", "own"]


def test_a_text_that_was_scored_is_forgotten_at_once() -> None:
    """Not when Python next looks for cycles: pieces of a long text would pile up until then."""
    chunk = SharedText([["a", "cat"], ["a", "dog"]])
    for metric in (Diversity(), WordEntropy(), SelfBLEU(), DistinctNGrams()):
        metric.update(**given_to(metric, chunk, None))
    gone = weakref.ref(chunk)
    gc.disable()
    del chunk
    assert gone() is None
    gc.enable()


@given(text=TEXTS)
def test_sentences_share_a_hash_if_they_are_equal(text: list[list[str]]) -> None:
    hashes = sentence_hashes(text).tolist()
    for one, hash_of_one in zip(text, hashes, strict=True):
        for other, hash_of_other in zip(text, hashes, strict=True):
            assert (one == other) == (hash_of_one == hash_of_other)
    assert (
        hash_words(text).words.tolist() == text_hashes(w for words in text for w in words).tolist()
    )


def test_hashes_of_many_sentences_do_not_meet() -> None:
    """All of up to seven of three words, in which sums of places and words often agree."""
    text: list[list[str]] = [[]]
    for words in text:
        if len(words) < 7:
            text += [[*words, word] for word in "abc"]
    assert len(text) == 3_280
    assert len(set(sentence_hashes(text).tolist())) == len(text)


@given(hashes=st.lists(st.integers(-9, 9)), known=st.sets(st.integers(-9, 9), min_size=1))
def test_are_among_is_membership(hashes: list[int], known: set[int]) -> None:
    found = are_among(np.array(hashes, dtype=np.int64), np.array(sorted(known)))
    assert found.tolist() == [value in known for value in hashes]
