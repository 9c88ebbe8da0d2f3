"""Completions of prefixes: where each begins, and by what law it goes on."""

from itertools import product

import pytest
import torch
from torch import Tensor

from textgan_bench.networks.autoregressive import (
    GRULanguageModel,
    LanguageModel,
    LSTMLanguageModel,
    TransformerLanguageModel,
)
from textgan_bench.networks.rollouts import Rollouts, roll_out
from textgan_bench.tokens import PAD, length_mask, pad_sequences

VOCAB_SIZE, MAX_LENGTH = 3, 3
SENTENCES = [s for n in range(MAX_LENGTH + 1) for s in product((1, 2), repeat=n)]


def transformer(vocab_size: int, max_length: int, width: int, feed_forward: int) -> LanguageModel:
    return TransformerLanguageModel(
        vocab_size, max_length, 4, width, blocks=2, heads=2, feed_forward=feed_forward, dropout=0.0
    )


MODELS = (GRULanguageModel, LSTMLanguageModel, transformer)


def model(
    kind: object, vocab_size: int = VOCAB_SIZE, max_length: int = MAX_LENGTH
) -> LanguageModel:
    torch.manual_seed(1)
    built: LanguageModel = kind(vocab_size, max_length, 4, 8)  # type: ignore[operator]
    with torch.no_grad():
        for weight in built.parameters():
            weight.mul_(2)  # so that what was written matters
    return built.eval()


def shares(completed: Rollouts, row: int, words: int) -> Tensor:
    """Of the completions of a prefix: the share that each of ``SENTENCES`` has."""
    chosen = (completed.sentence == row) & (completed.words == words)
    written = [tuple(w for w in ids if w != PAD) for ids in completed.ids[chosen].tolist()]
    counts = torch.tensor([written.count(sentence) for sentence in SENTENCES])
    return counts.double() / len(written)


@pytest.mark.parametrize("kind", MODELS)
def test_completions_follow_the_law_of_the_model_given_their_prefix(kind: object) -> None:
    writer, n = model(kind), 6_000
    batch = pad_sequences([[1, 2, 1], [2], [2, 2]], MAX_LENGTH)
    completed = roll_out(writer, batch, n)
    with torch.no_grad():
        nll = writer(pad_sequences([list(s) for s in SENTENCES], MAX_LENGTH))  # (15, T)
    for row, words in ((0, 1), (0, 2), (1, 1), (2, 1), (2, 2)):
        prefix = tuple(batch.ids[row, :words].tolist())
        law = torch.tensor(
            [
                (-nll[i, words:].sum()).exp() if sentence[:words] == prefix else 0.0
                for i, sentence in enumerate(SENTENCES)
            ],
            dtype=torch.float64,
        )
        assert law.sum() == pytest.approx(1, abs=1e-5)
        chi_square = (
            n
            * ((shares(completed, row, words) - law).square() / law.clamp_min(1e-9))[law > 0].sum()
        )
        assert chi_square < 29  # 14 degrees of freedom at most: exceeded once in a hundred
        assert not shares(completed, row, words)[law == 0].any()


def test_every_prefix_but_a_whole_longest_sentence_is_completed_as_often() -> None:
    writer = model(LSTMLanguageModel, vocab_size=9, max_length=6)
    batch = pad_sequences([[1, 2, 3, 4, 5, 6], [7], [], [8, 8, 8]], 6)
    completed = roll_out(writer, batch, 4)
    pairs = list(zip(completed.sentence.tolist(), completed.words.tolist(), strict=True))
    expected = [
        (row, words) for row, length in enumerate((5, 1, 0, 3)) for words in range(1, length + 1)
    ]
    assert pairs == sorted(expected * 4, key=lambda pair: pair[::-1]), "by words of the prefix"
    kept = length_mask(completed.words, 6)
    assert torch.equal(completed.ids[kept], batch.ids[completed.sentence][kept])
    ends = length_mask(completed.lengths, 6)
    assert (completed.ids[~ends] == PAD).all(), "nothing is written after an end"


def test_prefixes_may_be_some_words_apart() -> None:
    writer = model(LSTMLanguageModel, vocab_size=9, max_length=6)
    batch = pad_sequences([[1, 2, 3, 4, 5, 6], [7, 7]], 6)
    completed = roll_out(writer, batch, 2, every=2)
    pairs = set(zip(completed.sentence.tolist(), completed.words.tolist(), strict=True))
    assert pairs == {(0, 2), (0, 4), (1, 2)}
