"""Batches of sentences hold their words, and masks cover these."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from textgan_bench.tokens import PAD, count, length_mask, pad_sequences, padding_mask

VOCAB_SIZE = 7
SENTENCES = st.lists(st.lists(st.integers(1, VOCAB_SIZE - 1), max_size=9), min_size=1, max_size=9)


@given(st.lists(st.integers(0, 9), max_size=9), st.integers(0, 12))
def test_a_mask_is_true_on_the_first_words_of_each_sentence(
    lengths: list[int], longest: int
) -> None:
    mask = length_mask(torch.tensor(lengths, dtype=torch.int64), longest)

    assert mask.shape == (len(lengths), longest)
    for row, length in zip(mask.tolist(), lengths, strict=True):
        assert row == [position < length for position in range(longest)]


@given(SENTENCES, st.integers(0, 3))
def test_a_padded_batch_holds_its_sentences_and_padding(
    sentences: list[list[int]], more: int
) -> None:
    longest = max(map(len, sentences)) + more
    batch = pad_sequences(sentences, longest)

    assert batch.ids.shape == (len(sentences), longest)
    for row, length, sentence in zip(
        batch.ids.tolist(), batch.lengths.tolist(), sentences, strict=True
    ):
        assert length == len(sentence)
        assert row == sentence + [PAD] * (longest - length)
    assert torch.equal(padding_mask(batch), batch.ids != PAD)


@given(SENTENCES)
def test_a_sentence_longer_than_the_batch_is_refused(sentences: list[list[int]]) -> None:
    longest = max(map(len, sentences))
    with pytest.raises(ValueError, match=f"has {longest} words"):
        pad_sequences(sentences, longest - 1)


@given(st.lists(SENTENCES, max_size=3))
def test_words_and_lengths_are_counted_over_all_batches(texts: list[list[list[int]]]) -> None:
    words, lengths = count([pad_sequences(text, 9) for text in texts], VOCAB_SIZE, 9)

    sentences = [sentence for text in texts for sentence in text]
    of_words = Counter(word for sentence in sentences for word in sentence)
    of_lengths = Counter(map(len, sentences))
    assert words.tolist() == [of_words[word] for word in range(VOCAB_SIZE)]
    assert lengths.tolist() == [of_lengths[length] for length in range(10)]
