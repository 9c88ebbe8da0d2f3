"""Hashes against the texts they stand for."""

import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textgan_bench.functional.text_hashes import (
    KnownHashes,
    hash_words,
    ngram_hashes,
    sentence_hashes,
    text_hashes,
)


def test_equal_n_grams_and_no_others_share_a_hash() -> None:
    generator = np.random.default_rng(0)
    text = [[str(word) for word in generator.integers(0, 9, size=n)] for n in [0, 1, 2, 3] * 500]
    for n in (1, 2, 3, 4):
        ngrams = [
            (index, tuple(words[start : start + n]))
            for index, words in enumerate(text)
            for start in range(len(words) - n + 1)
        ]
        hashes, sentences = ngram_hashes(hash_words(text), n)
        assert sentences.tolist() == [index for index, _ in ngrams]
        pairs = {(ngram, value) for (_, ngram), value in zip(ngrams, hashes.tolist(), strict=True)}
        assert len(pairs) == len({ngram for ngram, _ in pairs}) == len({h for _, h in pairs})


def test_the_order_of_words_matters_and_blanks_do_not_join_them() -> None:
    hashes, _ = ngram_hashes(hash_words([["a", "b", "a"], ["a", "a"], ["b", "b"]]), 2)
    assert len(set(hashes.tolist())) == 4
    assert len(set(sentence_hashes([["a b"], ["a", "b"], ["b", "a"], []]).tolist())) == 4


INT64 = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(INT64, min_size=1), st.lists(INT64))
def test_known_hashes_hold_what_a_set_does(known: list[int], others: list[int]) -> None:
    asked = np.array([*others, *known, *(value ^ 1 for value in known)], dtype=np.int64)
    held = KnownHashes(np.array(known, dtype=np.int64)).hold(asked)
    assert held.tolist() == [value in set(known) for value in asked.tolist()]


def test_nothing_has_no_n_grams() -> None:
    texts: list[list[list[str]]] = [[], [[]], [["a"]]]
    for text in texts:
        assert [len(part) for part in ngram_hashes(hash_words(text), 2)] == [0, 0]


def test_another_process_gives_the_same_hashes() -> None:
    code = (
        "from textgan_bench.functional.text_hashes import *;"
        "print(*text_hashes(['a', 'é']), *ngram_hashes(hash_words([['a', 'é']]), 2)[0])"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    here = [*text_hashes(["a", "é"]), *ngram_hashes(hash_words([["a", "é"]]), 2)[0]]
    assert other.stdout.split() == [str(value) for value in here]
