"""What each cheat writes, on text of a few sentences and against definitions written out."""

import math
import random
from collections import Counter

import pytest

from datamodules.arrow import Encoded
from datamodules.cheats import (
    altered,
    cheats,
    entropy,
    likeliest,
    memorised,
    model_of,
    repeated,
    sharpened,
    tempered,
)
from datamodules.judging import Judging, Paired
from textgan_bench.functional.ngram_scores import NGramScorer
from textgan_bench.interfaces import Split
from textgan_bench.tokens import PAD_TOKEN, Batch, Sentence, Vocabulary, pad_sequences

WORDS = ["a", "the", "cat", "dog", "bird", "sits", "runs", "here", "there", "now"]
N = 300


def text(n: int, seed: int) -> list[Sentence]:
    """Sentences of three to five words of a small grammar, some of them frequent."""
    numbers = random.Random(seed)
    return [
        [
            numbers.choice(["a", "a", "the"]),
            numbers.choice(["cat", "cat", "dog", "bird"]),
            numbers.choice(["sits", "runs"]),
            *numbers.choice([[], ["here"], ["there", "now"], ["here", "now"]]),
        ]
        for _ in range(n)
    ]


TRAIN, VALIDATION = text(500, 0), text(100, 1)


@pytest.fixture(scope="module")
def data() -> Encoded:
    vocabulary = Vocabulary((PAD_TOKEN, *WORDS))
    texts: dict[Split, list[Sentence]] = {
        "train": TRAIN,
        "validation": VALIDATION,
        "test": VALIDATION,
    }
    splits: dict[Split, Batch] = {
        name: pad_sequences([vocabulary.encode(words) for words in sentences], 5)
        for name, sentences in texts.items()
    }
    return Encoded(vocabulary, splits, "made up")


def written(data: Encoded, seed: int) -> dict[str, list[Sentence]]:
    return {name: write() for name, write in cheats(data, N, seed).items()}


def test_each_cheat_writes_as_many_sentences_and_always_the_same_of_a_seed(data: Encoded) -> None:
    first, again, other = written(data, 0), written(data, 0), written(data, 1)
    assert list(first) == ["likeliest", "tempered", "memorised", "altered", "repeated"]
    assert all(len(sentences) == N and all(sentences) for sentences in first.values())
    assert first == again
    for name in ("likeliest", "tempered", "memorised", "altered"):
        assert first[name] != other[name], name


def test_a_cheat_is_the_same_whichever_others_are_written(data: Encoded) -> None:
    assert cheats(data, N, 0)["repeated"]() == written(data, 0)["repeated"]


def test_a_table_of_rewritten_sentences_has_none(data: Encoded) -> None:
    assert Judging().cheats(data, N, 0).keys() == cheats(data, N, 0).keys()
    assert Paired().cheats(data, N, 0) == {}


def test_the_likeliest_sentences_beat_all_others_of_their_length() -> None:
    model = model_of(TRAIN, random.Random(0))
    found = likeliest(TRAIN, model, 40, random.Random(0))
    scorer = NGramScorer(model)
    assert len(set(map(tuple, found))) == 40

    def nats(sentence: Sentence) -> float:
        words, ends = scorer.log_prob([sentence])
        return float(words.sum() + ends.sum())

    for length in {len(sentence) for sentence in found}:
        worst = min(nats(sentence) for sentence in found if len(sentence) == length)
        passed_over = [s for s in TRAIN if len(s) == length and s not in found]
        assert all(nats(sentence) <= worst + 1e-9 for sentence in passed_over)


def test_lengths_of_the_likeliest_are_those_of_text() -> None:
    found = likeliest(TRAIN, model_of(TRAIN, random.Random(0)), N, random.Random(0))
    share = Counter(map(len, TRAIN))[3] / len(TRAIN)
    assert Counter(map(len, found))[3] == pytest.approx(N * share, abs=4 * math.sqrt(N / 4))


def test_a_power_of_frequencies_has_the_entropy_asked_for() -> None:
    counts = [1, 2, 3, 10, 50]
    for nats in (0.1, 0.7, 1.3, math.log(5)):
        p = sharpened(counts, nats)
        assert sum(p) == pytest.approx(1)
        assert -sum(x * math.log(x) for x in p if x) == pytest.approx(nats, abs=1e-6)
        assert p == sorted(p)
    assert sharpened(counts, 99.0) == pytest.approx([0.2] * 5), "no law has more"


def test_tempered_words_have_the_entropy_of_text_and_its_lengths() -> None:
    nats = entropy(model_of(TRAIN, random.Random(0)), VALIDATION)
    sentences = tempered(TRAIN, nats, 5_000, random.Random(0))
    counts = Counter(word for sentence in sentences for word in sentence)
    shares = [count / counts.total() for count in counts.values()]
    assert -sum(p * math.log(p) for p in shares) == pytest.approx(nats, abs=0.02)
    unigram = Counter(word for sentence in TRAIN for word in sentence)
    frequencies = [count / unigram.total() for count in unigram.values()]
    assert nats < -sum(p * math.log(p) for p in frequencies) - 0.3, "text has less than its words"
    assert set(map(len, sentences)) == {3, 4, 5}


def test_memorised_sentences_come_twice_only_after_all_have_come() -> None:
    distinct = [*map(list, dict.fromkeys(map(tuple, TRAIN)))]
    found = Counter(map(tuple, memorised(distinct, 2 * len(distinct) + 3, random.Random(0))))
    assert found.keys() == set(map(tuple, distinct))
    assert sorted(found.values()) == [2] * (len(distinct) - 3) + [3] * 3


def test_altered_sentences_have_one_word_that_stands_there_elsewhere() -> None:
    numbers = random.Random(0)
    originals = memorised(TRAIN, N, random.Random(0))
    changed = altered(TRAIN, N, numbers)
    trigrams = {
        triple for s in TRAIN for triple in zip(["", *s[:-1]], s, [*s[1:], ""], strict=True)
    }
    for old, new in zip(originals, changed, strict=True):
        (place,) = (i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b)
        around = ["", *new, ""][place : place + 3]
        assert tuple(around) in trigrams


def test_a_sentence_without_a_likely_change_takes_any_word() -> None:
    unlike = [["a", "b"], ["c", "d"]]
    for old, new in zip(
        memorised(unlike, 2, random.Random(3)), altered(unlike, 2, random.Random(3)), strict=True
    ):
        assert sum(a != b for a, b in zip(old, new, strict=True)) == 1
    assert altered([["a", "a"]], 1, random.Random(0)) == [["a", "a"]], "there is no other word"


def test_the_repeated_sentence_is_the_one_that_the_model_likes_best() -> None:
    model = model_of(TRAIN, random.Random(0))
    found = repeated(TRAIN, model, N, random.Random(0))
    scorer = NGramScorer(model)

    def nats(sentence: Sentence) -> float:
        words, ends = scorer.log_prob([sentence])
        return -float(words.sum() + ends.sum()) / len(sentence)

    assert len(set(map(tuple, found))) == 1
    assert nats(found[0]) == min(map(nats, TRAIN))
