"""A text in pieces has the scores of the whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics import MetricCollection

from tests.strategies import FEW_WORDS, sentences
from textgan_bench.evaluation.scores import chunked, score_chunks
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
