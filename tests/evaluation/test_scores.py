"""A text in pieces has the scores of the whole."""

from collections.abc import Iterator, Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchmetrics import MetricCollection

from tests.strategies import FEW_WORDS, sentences
from textgan_bench.errors import UserError
from textgan_bench.evaluation.criteria import criteria_of_text
from textgan_bench.evaluation.scores import Scores, chunked, score_chunks
from textgan_bench.functional import kneser_ney, ngram_orders, windows
from textgan_bench.metrics import (
    BLEU,
    Diversity,
    LengthDistance,
    LMScore,
    ReverseLMScore,
    SelfBLEU,
)
from textgan_bench.tokens import Sentence

REFERENCES: list[Sentence] = [["a", "man", "sees", "a", "dog"], ["a", "dog", "sees"], [], ["man"]]


@given(st.lists(st.integers(), max_size=20), st.integers(1, 21))
def test_pieces_are_the_sentences_in_order(numbers: list[int], size: int) -> None:
    text: list[Sentence] = [[str(number)] for number in numbers]

    pieces = list(chunked(text, size))

    assert [sentence for piece in pieces for sentence in piece] == text
    assert all(len(piece) == size for piece in pieces[:-1])
    assert all(pieces)


@pytest.mark.filterwarnings("ignore:the text is too small or too uniform")
@given(sentences(FEW_WORDS), st.integers(1, 20))
def test_a_text_in_pieces_scores_as_a_whole(text: list[Sentence], size: int) -> None:
    metrics = MetricCollection(
        [
            BLEU(REFERENCES),
            SelfBLEU(),
            LMScore(REFERENCES),
            ReverseLMScore(REFERENCES),
            Diversity(),
            LengthDistance(REFERENCES),
        ]
    )

    whole = score_chunks(metrics, [text])
    pieces = score_chunks(metrics, chunked(text, size))

    assert pieces.values == pytest.approx(whole.values, rel=1e-9, abs=1e-12)
    assert pieces.left_out == whole.left_out
    assert whole.values.keys() | whole.left_out.keys() >= {"bleu_f/5", "distinct_words"}


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
def test_any_number_of_threads_gives_the_same_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (kneser_ney, ngram_orders, windows):
        monkeypatch.setattr(module, "PART", 500)
    generator = torch.Generator().manual_seed(0)

    def drawn(n: int) -> list[Sentence]:
        lengths = torch.randint(0, 12, (n,), generator=generator).tolist()
        ranks = torch.rand(sum(lengths), generator=generator).reciprocal().long().clamp_max(300)
        words = map(str, ranks.tolist())
        return [[next(words) for _ in range(length)] for length in lengths]

    references, validation, train, samples = map(drawn, (300, 300, 400, 2_000))

    def scored(threads: int) -> Scores:
        torch.set_num_threads(threads)
        criteria = criteria_of_text(references, validation=validation, train=train)
        return score_chunks(criteria.metrics, chunked(samples, 150))

    alone = scored(1)

    assert {"fed/hash128", "knn_coverage/hash128", "self_bleu/5"} <= alone.values.keys()
    assert scored(2) == scored(3) == alone


def test_an_error_that_a_thread_meets_leaves_the_other_scores_alone() -> None:
    metrics = MetricCollection([Broken(), Diversity()])

    values, left_out = score_chunks(metrics, chunked([["a"], ["b"]], 1))

    assert left_out == {"Broken": "it cannot be measured"}
    assert values["distinct_words"] == 2


class Broken(Diversity):
    def measure(self, samples: Sequence[Sequence[str]]) -> tuple[Tensor, Tensor]:
        raise UserError("it cannot be measured")
