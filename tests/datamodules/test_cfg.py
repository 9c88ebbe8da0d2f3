"""The grammar's parser, distribution and entropy against enumeration and another parser."""

import itertools
import math
from collections import Counter
from itertools import chain
from pathlib import Path

import nltk
import pytest
import torch

from datamodules.cfg import CFG, LENGTH, SEEDS, SYMBOLS, CFGOracle, parses
from tests.datamodules.ready import ready
from textgan_bench.evaluation.bootstrap import standard_errors
from textgan_bench.evaluation.fingerprint import data_fingerprint
from textgan_bench.evaluation.scores import score
from textgan_bench.evaluation.text import write_sentences
from textgan_bench.methods import GumbelSoftmaxGAN
from textgan_bench.reading import read_sentences
from textgan_bench.tokens import PAD, TokenBatch, pad_sequences

GRAMMAR = nltk.CFG.fromstring("S -> 'x' | S '+' S | S '-' S | S '*' S | S '/' S")


def strings(length: int) -> list[tuple[int, ...]]:
    return list(itertools.product(range(1, len(SYMBOLS) + 1), repeat=length))


def test_the_parser_agrees_with_a_chart_parser() -> None:
    chart = nltk.ChartParser(GRAMMAR)
    for length in range(1, 6):
        for string in itertools.product(("x", "+", "/"), repeat=length):
            assert parses(string) == any(True for _ in chart.parse(string)), string
    assert not parses(())
    assert not parses(("x", "y", "x"))


def test_probabilities_of_all_strings_sum_to_one() -> None:
    oracle = CFGOracle()
    total = float(oracle.log_prob(TokenBatch(torch.zeros(1, 1).long(), torch.tensor([0]))).exp())
    for length in range(1, 8):
        batch = pad_sequences(strings(length), LENGTH)
        total += float(oracle.log_prob(batch).exp().sum())
    # k = 4 and 5 operators are left, and of the noise the lengths 8..12
    assert total == pytest.approx(1 - 2 / 6 * (1 - 1e-6) - 1e-6 * 5 / 13, abs=1e-12)


def test_the_entropy_is_that_of_the_enumerated_language() -> None:
    oracle = CFGOracle()
    nats = length = 0.0
    for operators in range(6):
        words = 2 * operators + 1
        ids = [1 if place % 2 == 0 else 2 + place // 2 % 4 for place in range(words)]
        nll = -float(oracle.log_prob(pad_sequences([ids], LENGTH)))
        assert nll == pytest.approx(math.log(6) + operators * math.log(4), abs=2e-6)
        nats += nll / 6
        length += words / 6
    assert oracle.entropy == pytest.approx(nats / length, abs=1e-12)
    assert oracle.entropy == pytest.approx((math.log(6) + 2.5 * math.log(4)) / 6, abs=1e-6)
    batch = oracle.sample(20_000, seed=9)
    measured = -float(oracle.log_prob(batch).sum() / batch.lengths.sum())
    assert measured == pytest.approx(oracle.entropy, abs=0.01)


def test_samples_follow_the_distribution() -> None:
    batch = CFGOracle().sample(12_000, seed=4)
    texts = ["".join(SYMBOLS[i - 1] for i in row if i) for row in batch.ids.tolist()]
    assert all(parses(list(text)) for text in texts)
    counts = Counter(texts)
    for text, probability in (("x", 1 / 6), ("x+x", 1 / 24), ("x/x", 1 / 24), ("x*x-x", 1 / 96)):
        expected = 12_000 * probability
        assert abs(counts[text] - expected) < 4 * expected**0.5, text


def test_no_string_is_impossible_and_none_that_is_wrong_is_likely() -> None:
    oracle = CFGOracle()
    wrong = pad_sequences([[1, 1], [2], [1, 2], [2, 1, 2], [1] * 12], LENGTH)
    log_prob = oracle.log_prob(wrong)
    assert log_prob.isfinite().all()
    assert (log_prob < math.log(1e-6)).all()
    with pytest.raises(ValueError, match=r"symbols are 1\.\.5"):
        oracle.log_prob(pad_sequences([[6]], LENGTH))
    with pytest.raises(ValueError, match="at most 12 characters"):
        oracle.log_prob(pad_sequences([[1] * 13]))


def test_five_thousand_strings_of_twelve_places() -> None:
    data = ready(CFG())
    assert data.encoded.splits["train"].ids.shape == (5_000, 12)
    assert all(map(parses, chain.from_iterable(map(data.sentences, SEEDS))))
    assert data.vocab_size == 6, "x, four operators, and the blank"


def test_the_parse_rate_is_that_of_whole_strings_and_other_scores_end_at_a_blank(
    tmp_path: Path,
) -> None:
    data = ready(CFG())
    torch.manual_seed(0)
    batch = GumbelSoftmaxGAN(data.vocab_size, data.max_length).sample(500)
    symbols = "".join((" ", *SYMBOLS))
    strings = ["".join(symbols[i] for i in row) for row in batch.ids.tolist()]
    assert any(parses(list(text[: text.index(" ")])) for text in strings if " " in text.rstrip())
    write_sentences(tmp_path / "samples.txt", data.text(batch))
    sentences = read_sentences(tmp_path / "samples.txt")
    metrics = data.metrics("test")
    scores = score(metrics, sentences)
    assert scores["parse_rate"] == sum(parses(text.rstrip()) for text in strings) / 500
    prefixes = [text.partition(" ")[0] for text in strings]
    assert scores["prefix_parse_rate"] == sum(map(parses, prefixes)) / 500
    assert scores["parse_rate"] < scores["prefix_parse_rate"]
    ended = score(metrics, [list(prefix) for prefix in prefixes])
    others = scores.keys() - {"parse_rate"}
    assert {key: scores[key] for key in others} == {key: ended[key] for key in others}
    errors = standard_errors(metrics, sentences, resamples=2)
    assert errors.keys() >= {"parse_rate", "prefix_parse_rate", "oracle_nll"}


def test_a_model_that_ends_at_the_blank_writes_strings_padded_by_it() -> None:
    data = ready(CFG())
    batch = pad_sequences([[1, 2, 1], [1, 2], [1]], LENGTH)  # as maximum likelihood writes them
    texts = data.text(batch)
    assert texts == [["x", "+", "x"], ["x", "+"], ["x"]]
    scores = score(data.metrics("test"), texts)
    assert scores["parse_rate"] == scores["prefix_parse_rate"] == 2 / 3
    assert (batch.ids[0, 3:] == PAD).all()
    assert scores == score(data.metrics("test"), [s + ["<pad>"] * (LENGTH - len(s)) for s in texts])


def test_records_of_the_lenient_parse_rate_are_told_apart() -> None:
    data = ready(CFG())
    assert data_fingerprint(data, 5_000)["revision"] == 2
