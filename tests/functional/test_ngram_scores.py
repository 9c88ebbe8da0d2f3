"""Log probabilities against kenlm, which reads the same model from its ARPA file."""

import math
import warnings
from pathlib import Path

import kenlm
import numpy as np
import pytest

from textgan_bench.functional.kneser_ney import estimate, write_arpa
from textgan_bench.functional.ngram_scores import NGramScorer

ANIMALS = Path(__file__).parents[1] / "golden/animals.txt"
TEXT = [line.split() for line in ANIMALS.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("order", [2, 4, 5])
def test_equals_kenlm(order: int, tmp_path: Path) -> None:
    train, others = TEXT[:200], [*TEXT[200:], [], ["zebras", "a", "zebra"], ["the"], ["<unk>"]]
    vocabulary = sorted({word for words in TEXT for word in words})
    with warnings.catch_warnings(action="ignore"):
        model = estimate(train, vocabulary, order)
    write_arpa(model, tmp_path / "model.arpa")
    oracle = kenlm.Model(str(tmp_path / "model.arpa"))
    words, ends = NGramScorer(model).log_prob(others)
    expected = [
        [math.log(10) * log10_prob for log10_prob, _, _ in oracle.full_scores(" ".join(sentence))]
        for sentence in others
    ]
    assert len(words) == sum(map(len, others))
    np.testing.assert_allclose(words, [p for row in expected for p in row[:-1]], atol=1e-5)
    np.testing.assert_allclose(ends, [row[-1] for row in expected], atol=1e-5)


def test_sentences_without_words() -> None:
    with warnings.catch_warnings(action="ignore"):
        scorer = NGramScorer(estimate([["a"], []], ["a"], order=5))
    assert [len(part) for part in scorer.log_prob([])] == [0, 0]
    assert [len(part) for part in scorer.log_prob([[], []])] == [0, 2]


def test_literal_marks_are_unknown_words() -> None:
    with warnings.catch_warnings(action="ignore"):
        scorer = NGramScorer(estimate(TEXT[:50], TEXT[0], order=3))
    literal, unknown = (scorer.log_prob([["a", word, "a"]])[0] for word in ("</s>", "unheard"))
    assert literal.tolist() == unknown.tolist()
