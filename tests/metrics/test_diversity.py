"""Distinct words, n-grams and sentences against Python's sets, which hash differently each time."""

import random

import pytest

from textgan_bench.metrics import DistinctNGrams, Diversity, NovelByTwo, NovelSentences


def random_sentences(n: int, seed: int = 0) -> list[list[str]]:
    generator = random.Random(seed)
    return [
        [f"w{generator.randrange(40)}" for _ in range(generator.randrange(6))] for _ in range(n)
    ]


def scores(
    metric: Diversity | DistinctNGrams | NovelByTwo | NovelSentences, samples: list[list[str]]
) -> dict[str, float]:
    for start in range(0, len(samples), 250):
        metric.update(samples[start : start + 250])
    return {key: float(value) for key, value in metric.compute().items()}


def test_equals_counting() -> None:
    samples = random_sentences(900)
    assert scores(Diversity(), samples) == {
        "distinct_words": len({word for words in samples for word in words}),
        "distinct_sentences": len({tuple(words) for words in samples}) / 900,
    }


def test_distinct_n_equals_counting() -> None:
    samples = random_sentences(900)
    expected = {}
    for n in (1, 2, 3, 4):
        ngrams = [
            tuple(words[start : start + n])
            for words in samples
            for start in range(len(words) - n + 1)
        ]
        expected[f"distinct/{n}"] = len(set(ngrams)) / len(ngrams)
    assert scores(DistinctNGrams(), samples) == pytest.approx(expected, rel=1e-12)


def test_novelty_equals_a_set_of_sentences() -> None:
    train, samples = random_sentences(2000, seed=1), random_sentences(900)
    known = {tuple(words) for words in train}
    novel = sum(tuple(words) not in known for words in samples)
    assert 100 < novel < 800
    assert scores(NovelSentences(train), samples) == {"novel_sentences": novel / 900}


def test_novelty_by_two_words_equals_leaving_words_out() -> None:
    train, samples = random_sentences(300, seed=1), random_sentences(900)

    def shortened(words: list[str]) -> set[tuple[str, ...]]:
        without = (tuple(words[:place] + words[place + 1 :]) for place in range(len(words)))
        return {tuple(words), *without}

    known = set().union(*map(shortened, train))
    far = sum(not shortened(words) & known for words in samples)
    assert 100 < far < 800
    assert scores(NovelByTwo(train), samples) == {"novel_by_two": far / 900}


@pytest.mark.parametrize(
    ("sample", "far"),
    [
        ("a cat sits here", 0),
        ("a dog sits here", 0),
        ("a black cat sits here", 0),
        ("a cat sits", 0),
        ("cat sits here a", 0),
        ("a dog runs here", 1),
        ("a black dog sits here", 1),
        ("cat sits", 1),
    ],
)
def test_one_word_is_changed_added_left_out_or_moved(sample: str, far: int) -> None:
    assert scores(NovelByTwo([["a", "cat", "sits", "here"]]), [sample.split()]) == {
        "novel_by_two": far
    }


def test_blanks_do_not_join_words() -> None:
    assert scores(Diversity(), [["a b"], ["a", "b"]])["distinct_sentences"] == 1
    assert scores(NovelSentences([["a b"]]), [["a", "b"]]) == {"novel_sentences": 1}


def test_no_n_gram_of_a_length_is_none_distinct() -> None:
    assert scores(DistinctNGrams(order=3), [["a"], []]) == {
        "distinct/1": 1,
        "distinct/2": 0,
        "distinct/3": 0,
    }


def test_rejects_what_it_cannot_count() -> None:
    metric = Diversity()
    metric.update([])
    with pytest.raises(ValueError, match="at least one sample"):
        metric.compute()
    novelty = NovelSentences([["a"]])
    novelty.update([])
    with pytest.raises(ValueError, match="at least one sample"):
        novelty.compute()
    with pytest.raises(ValueError, match="at least one training sentence"):
        NovelSentences([])
    with pytest.raises(ValueError, match="at least 1 word, not 0"):
        DistinctNGrams(order=0)
