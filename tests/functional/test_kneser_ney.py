"""The estimator against ARPA files of lmplz, and against the axioms of probability.

The files in tests/golden were made once, with kenlm 0.3.0 from its source distribution:

    pip download --no-deps --no-binary=:all: kenlm==0.3.0 && tar xzf kenlm-0.3.0.tar.gz
    apt-get install cmake g++ libboost-program-options-dev libboost-system-dev \
        libboost-thread-dev libboost-test-dev
    cmake -S kenlm-0.3.0 -B build -DCMAKE_BUILD_TYPE=Release && make -C build lmplz
    build/bin/lmplz -o 4 -S 64M < animals.txt | gzip -9n > animals.arpa.gz
    head -n 12 animals.txt | build/bin/lmplz -o 4 -S 64M --vocab_pad 500 --discount_fallback \
        | gzip -9n > animals_head.arpa.gz

animals.txt is made up; it ends with a newline, without which lmplz drops the last end mark.
"""

import gzip
import warnings
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import FEW_WORDS, sentences
from textgan_bench.functional import kneser_ney, windows
from textgan_bench.functional.kneser_ney import NGramModel, estimate, write_arpa

GOLDEN = Path(__file__).parents[1] / "golden"
Arpa = dict[tuple[str, ...], tuple[float, float]]


def animals() -> list[list[str]]:
    lines = (GOLDEN / "animals.txt").read_text(encoding="utf-8").splitlines()
    return [line.split() for line in lines]


def types(sentences: list[list[str]]) -> list[str]:
    return sorted({word for sentence in sentences for word in sentence})


def read_arpa(text: str) -> Arpa:
    """log10 probability and back-off of each n-gram; the header must agree with what follows."""
    entries: Arpa = {}
    announced: dict[int, int] = {}
    for line in text.splitlines():
        if line.startswith("ngram "):
            announced_order, announced_number = line.removeprefix("ngram ").split("=")
            announced[int(announced_order)] = int(announced_number)
        elif "\t" in line:
            prob, ngram, *backoff = line.split("\t")
            entries[tuple(ngram.split(" "))] = float(prob), float(backoff[0]) if backoff else 0.0
    for order, number in announced.items():
        assert sum(len(ngram) == order for ngram in entries) == number
    return entries


def written(model: NGramModel, path: Path) -> Arpa:
    write_arpa(model, path)
    return read_arpa(path.read_text(encoding="utf-8"))


def probability(entries: Arpa, context: tuple[str, ...], word: str) -> float:
    """The back-off recursion as the ARPA format defines it."""
    if (*context, word) in entries:
        return 10 ** entries[(*context, word)][0]
    backoff = entries.get(context, (0.0, 0.0))[1]
    return 10**backoff * probability(entries, context[1:], word)


def exact(model: NGramModel) -> Arpa:
    """The tables themselves, without the rounding of a file."""
    entries: Arpa = {}
    for n, table in enumerate(model.tables, start=1):
        for ngram, prob, backoff in zip(
            model.ngrams(n).tolist(), table.log10_prob, table.log10_backoff, strict=True
        ):
            entries[tuple(model.words[index] for index in ngram)] = prob, backoff
    return entries


def test_equals_lmplz(tmp_path: Path) -> None:
    sentences = animals()
    model = estimate(sentences, types(sentences))
    golden = read_arpa(gzip.decompress((GOLDEN / "animals.arpa.gz").read_bytes()).decode())
    ours = written(model, tmp_path / "ours.arpa")
    assert ours.keys() == golden.keys()
    difference = [np.subtract(ours[ngram], golden[ngram]) for ngram in golden]
    assert np.abs(difference).max() < 2e-6
    assert model.fallback_orders == ()


def test_equals_lmplz_with_unseen_words_and_fallback(tmp_path: Path) -> None:
    sentences = animals()[:12]
    seen = types(sentences)
    # lmplz pads to 500 outcomes, those that are seen, <unk> and </s> included.
    unseen = [f"unseen{i}" for i in range(500 - 2 - len(seen))]
    with pytest.warns(UserWarning, match="order 3, 4:"):
        model = estimate(sentences, seen + unseen)
    assert model.fallback_orders == (3, 4)
    golden = read_arpa(gzip.decompress((GOLDEN / "animals_head.arpa.gz").read_bytes()).decode())
    ours = written(model, tmp_path / "ours.arpa")
    assert ours.keys() == golden.keys() | {(word,) for word in unseen}
    for ngram, (prob, backoff) in ours.items():
        golden_prob, golden_backoff = golden.get(ngram, golden[("<unk>",)])
        assert prob == pytest.approx(golden_prob, abs=2e-6)
        assert backoff == pytest.approx(golden_backoff, abs=2e-6)


@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_sums_to_one(order: int) -> None:
    sentences = animals()
    vocabulary = types(sentences)[20:]  # the first twenty types count as <unk>
    with warnings.catch_warnings(action="ignore"):
        model = estimate(sentences, [*vocabulary, "unseen"], order=order)
    entries = exact(model)
    outcomes = [word for word in model.words if word != "<s>"]
    contexts: list[tuple[str, ...]] = [(), ("<s>",), ("unseen",), ("<unk>",), ("unseen", "cat")]
    for sentence in sentences[::40]:
        marked = ["<s>", *(word if word in vocabulary else "<unk>" for word in sentence)]
        contexts += [tuple(marked[max(0, i - order + 1) : i]) for i in range(1, len(marked))]
    assert len(contexts) > 60
    for context in contexts:
        total = sum(probability(entries, context, word) for word in outcomes)
        assert total == pytest.approx(1, abs=1e-9)


def test_words_outside_the_vocabulary_are_one_unknown_word() -> None:
    closed = animals()[:100]
    renamed = [[{"dog": "<unk>"}.get(word, word) for word in sentence] for sentence in closed]
    vocabulary = [word for word in types(closed) if word != "dog"]
    with warnings.catch_warnings(action="ignore"):
        assert exact(estimate(closed, vocabulary)) == exact(estimate(renamed, vocabulary))


def test_literal_marks_in_the_text_are_unknown_words() -> None:
    with warnings.catch_warnings(action="ignore"):
        literal = estimate([["a", "<s>", "</s>", "b"]], ["a", "b", "<s>", "</s>"])
        unknown = estimate([["a", "x", "y", "b"]], ["a", "b"])
    assert exact(literal) == exact(unknown)


@pytest.mark.filterwarnings("ignore:the text is too small or too uniform")
@given(sentences(FEW_WORDS), st.integers(1, 40), st.integers(2, 5))
def test_parts_of_any_size_change_no_probability(
    text: list[list[str]], part: int, order: int
) -> None:
    expected = exact(estimate(text, types(text), order))
    with patch.object(kneser_ney, "PART", part), patch.object(windows, "PART", part):
        assert exact(estimate(text, types(text), order)) == expected


def test_parts_of_a_text_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = [*animals(), [], ["a"]]
    expected = estimate(sentences, types(sentences))
    for module in (kneser_ney, windows):
        monkeypatch.setattr(module, "PART", 50)
    assert sum(map(len, sentences)) > 200
    assert exact(estimate(sentences, types(sentences))) == exact(expected)


def test_order_is_limited_by_the_longest_sentence() -> None:
    with pytest.warns(UserWarning, match="order 1, 2, 3:"):
        model = estimate([["a"], [], ["b"]], ["a", "b"], order=5)
    assert [model.ngrams(n).shape[1] for n in (1, 2, 3)] == [1, 2, 3]
    assert len(model.tables) == 3
    entries = exact(model)
    for context in [(), ("<s>",), ("<s>", "a"), ("a",)]:
        total = sum(probability(entries, context, word) for word in ["a", "b", "<unk>", "</s>"])
        assert total == pytest.approx(1, abs=1e-9)


def test_rejects_what_it_cannot_estimate_or_write(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one sentence"):
        estimate([], ["a"])
    with pytest.raises(ValueError, match="order 2 or more, not 1"):
        estimate([["a"]], ["a"], order=1)
    with warnings.catch_warnings(action="ignore"):
        model = estimate([["a"]], ["a", "two words"])
    with pytest.raises(ValueError, match="'two words'"):
        write_arpa(model, tmp_path / "model.arpa")
    assert not (tmp_path / "model.arpa").exists()
