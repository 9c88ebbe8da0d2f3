"""The longest common subsequence against all subsequences."""

from itertools import combinations, pairwise, product

import pytest

from textgan_bench.functional.subsequences import common_places, overlap

SHORT = [words for n in range(5) for words in product("ab", repeat=n)]


def subsequences(words: tuple[str, ...]) -> set[tuple[str, ...]]:
    return {chosen for n in range(len(words) + 1) for chosen in combinations(words, n)}


@pytest.mark.parametrize("a", SHORT, ids="".join)
def test_every_pair_of_short_sentences(a: tuple[str, ...]) -> None:
    for b in SHORT:
        longest = max(map(len, subsequences(a) & subsequences(b)))
        places = common_places(a, b)
        assert len(places) == longest
        assert all(a[i] == b[j] for i, j in places)
        for (i, j), (k, m) in pairwise(places):
            assert i < k
            assert j < m
        if a or b:
            assert overlap(a, b) == longest / max(len(a), len(b))


def test_two_empty_sentences_are_the_same() -> None:
    assert overlap([], []) == 1
    assert overlap([], ["a"]) == 0
