"""Noise on sentences: what it keeps, how often it does what, and what it refuses."""

import itertools

import pytest
import torch

from textgan_bench.networks.text_noise import TextNoise
from textgan_bench.tokens import PAD, TokenBatch, pad_sequences

BLANK = 99
MAX_LENGTH = 6


def noise(shuffle: float = 0.0, drop: float = 0.0, blank: float = 0.0) -> TextNoise:
    torch.manual_seed(0)
    return TextNoise(shuffle=shuffle, drop=drop, blank=blank, blank_symbol=BLANK)


def copies(sentence: list[int], n: int) -> TokenBatch:
    return pad_sequences([sentence] * n, MAX_LENGTH)


def test_no_noise_leaves_sentences_as_they_are() -> None:
    batch = pad_sequences([[3, 1, 2], [], [5, 4, 3, 2, 1, 9]], MAX_LENGTH)
    for before, after in zip(batch, noise()(batch), strict=True):
        assert torch.equal(before, after)


def test_words_move_by_fewer_places_than_the_number() -> None:
    """Of t + u with u in [0, 3) no two words swap that stood three places apart or more."""
    ids, lengths = noise(shuffle=3.0)(copies([1, 2, 3, 4, 5], 4_000))
    orders = {tuple(row[:5]) for row in ids.tolist()}
    assert set(lengths.tolist()) == {5}
    allowed = {
        order
        for order in itertools.permutations(range(1, 6))
        if all(a - b < 3 for a, b in itertools.combinations(order, 2))
    }
    assert (1, 2, 3, 4, 5) in orders
    assert orders <= allowed
    assert len(orders) > len(allowed) / 2


def test_two_words_swap_as_often_as_uniform_numbers_say() -> None:
    """P(1 + u' < u) of two uniform numbers below 3 is (2 / 3)^2 / 2."""
    ids, _ = noise(shuffle=3.0)(copies([1, 2], 20_000))
    assert float((ids[:, 0] == 2).float().mean()) == pytest.approx(2 / 9, abs=0.01)


def test_words_are_left_out_one_by_one_and_close_up() -> None:
    """Lengths are binomial; where no word would be left, one of them is, each as often."""
    ids, lengths = noise(drop=0.5)(copies([1, 2, 3], 40_000))
    shares = torch.bincount(lengths, minlength=4) / len(ids)
    expected = [0.0, 4 / 8, 3 / 8, 1 / 8]
    assert shares.tolist() == pytest.approx(expected, abs=0.01)
    for row, length in zip(ids[:500].tolist(), lengths[:500].tolist(), strict=True):
        assert row[:length] == sorted(row[:length])
        assert PAD not in row[:length]
        assert row[length:] == [PAD] * (MAX_LENGTH - length)
    single, _ = noise(drop=1.0)(copies([1, 2, 3], 30_000))
    assert (single[:, 1:] == PAD).all()
    assert (torch.bincount(single[:, 0]) / 30_000).tolist() == pytest.approx(
        [0, 1 / 3, 1 / 3, 1 / 3], abs=0.01
    )


def test_words_are_blanked_at_the_rate_and_padding_never() -> None:
    batch = pad_sequences([[1, 2, 3, 4], [], [5]] * 10_000, MAX_LENGTH)
    ids, lengths = noise(blank=0.2)(batch)
    assert torch.equal(lengths, batch.lengths)
    assert float((ids[batch.ids != PAD] == BLANK).float().mean()) == pytest.approx(0.2, abs=0.01)
    assert (ids[batch.ids == PAD] == PAD).all()
    kept = ids != BLANK
    assert torch.equal(ids[kept], batch.ids[kept])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"drop": 1.5}, "drop is a probability, not 1.5"),
        ({"blank": float("nan")}, "blank is a probability, not nan"),
        ({"shuffle": -1.0}, "shuffle is a number of places of at least 0, not -1.0"),
    ],
)
def test_a_number_out_of_range_is_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        noise(**options)
