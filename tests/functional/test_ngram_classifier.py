import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from textgan_bench.functional.ngram_classifier import NGramClassifier

WORDS = ("food", "was", "good", "bad", "very", "not", "staff", "rude")


def text(n: int, favoured: str, seed: int) -> list[list[str]]:
    generator = np.random.default_rng(seed)
    weights = np.ones(len(WORDS))
    weights[WORDS.index(favoured)] = 3
    return [
        generator.choice(WORDS, generator.integers(1, 8), p=weights / weights.sum()).tolist()
        for _ in range(n)
    ]


def test_the_fit_is_that_of_scikit_learn() -> None:
    classes = text(60, "bad", 0), text(90, "good", 1)
    ours = NGramClassifier(*classes)
    lines = [" ".join(sentence) for part in classes for sentence in part]
    vectorizer = CountVectorizer(ngram_range=(1, 2), binary=True, min_df=2)
    features = vectorizer.fit_transform(lines)
    theirs = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000)
    theirs.fit(features, [0] * 60 + [1] * 90)
    new = text(50, "good", 2)
    expected = theirs.decision_function(vectorizer.transform(map(" ".join, new)))
    np.testing.assert_allclose(ours.scores(new).numpy(), expected, atol=1e-4)
    assert ours.predict(new).tolist() == (expected > 0).astype(int).tolist()


def test_unknown_words_leave_the_bias() -> None:
    classifier = NGramClassifier([["bad"]] * 3, [["good"]] * 9)
    scores = classifier.scores([["unicorn"], [], ["good"]])
    assert scores[0] == scores[1] == classifier.bias
    assert scores[2] > scores[0] > 0


def test_it_is_fitted_where_gradients_are_off() -> None:
    with torch.inference_mode():
        classifier = NGramClassifier([["bad"]] * 3, [["good"]] * 3)
    assert classifier.predict([["good"], ["bad"]]).tolist() == [1, 0]


@pytest.mark.parametrize("classes", [([["a"]], []), ([["a"]],)])
def test_two_classes_are_needed(classes: tuple[list[list[str]], ...]) -> None:
    with pytest.raises(ValueError, match="two classes"):
        NGramClassifier(*classes)
