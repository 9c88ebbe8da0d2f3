"""Keys are applied as the data's own key enciphers, and counts are those of a loop."""

from collections import Counter
from itertools import pairwise

import pytest
import torch
from scipy.stats import norm

from datamodules.keys import vigenere
from textgan_bench.networks.cipher_keys import (
    BACKOFF,
    Side,
    closeness,
    count_sides,
    decipher,
    first_emissions,
    fold,
    rank_key,
    smoothed,
)
from textgan_bench.tokens import CipherBatch, TokenBatch, pad_sequences

SENTENCES = [[1, 2, 2], [3], [], [2, 2, 2, 1, 3]]


def test_the_inverse_of_a_key_gives_the_plain_text_back() -> None:
    key = vigenere((1, 3), 6)
    plain = pad_sequences([[5, 1, 2], [4, 4, 4, 4]], 5)
    cipher = key.encipher(plain)
    deciphered = decipher(key.table.argsort(1), cipher)
    assert torch.equal(deciphered.ids, plain.ids)
    assert torch.equal(deciphered.lengths, plain.lengths)
    assert not torch.equal(cipher.ids, plain.ids)


def test_what_a_model_wrote_behind_the_end_is_padding_when_it_is_deciphered() -> None:
    key = torch.tensor([[0, 2, 1]])
    found = decipher(key, TokenBatch(torch.tensor([[1, 2, 2]]), torch.tensor([2])))
    assert found.ids.tolist() == [[2, 1, 0]]


@pytest.mark.parametrize("many", [0, 1_000_000])
def test_a_side_is_counted_as_by_a_loop(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Side, "MANY", many)  # pairs are added up after each batch, or at the end
    side = Side(4, 5)
    for sentence in SENTENCES:
        side.add(pad_sequences([sentence, sentence], 5))
    pairs = Counter(pair for s in SENTENCES for pair in pairwise(s))
    expected = sorted((4 * a + b, 2.0 * n) for (a, b), n in pairs.items())
    assert list(zip(*(column.tolist() for column in side.bigrams()), strict=True)) == expected
    for t in range(5):
        at = Counter(sentence[t] for sentence in SENTENCES if len(sentence) > t)
        assert side.by_place[t].tolist() == [2.0 * at[symbol] for symbol in range(4)]


def test_ranks_are_matched_in_each_alphabet_and_of_equal_ones_the_first_is_first() -> None:
    plain = torch.tensor([7.0, 3, 3, 9])  # 3, then 1 before 2; padding has no rank
    cipher = torch.tensor([[0.0, 1, 5, 2], [9.0, 4, 4, 4]])
    assert rank_key(plain, cipher).tolist() == [[0, 2, 3, 1], [0, 3, 1, 2]]


def test_places_are_folded_by_the_period() -> None:
    counts = torch.arange(14.0).view(7, 2)
    for period in (1, 2, 3, 7, 9):
        expected = [counts[p::period].sum(0).tolist() for p in range(period)]
        assert fold(counts, period).tolist() == expected


def test_closeness_is_a_gaussian_of_log_frequencies() -> None:
    cipher, plain = torch.tensor([8.0, 1.0, 0.0]), torch.tensor([3.0, 0.0, 5.0])
    found = closeness(cipher, cipher.sum(), plain, 0.2)
    torch.testing.assert_close(closeness(cipher[1:], cipher.sum(), plain, 0.2), found[1:])
    for c, e in ((0, 0), (1, 1), (0, 2)):
        variance = 0.04 + 1 / (float(cipher[c]) + 0.5) + 1 / (float(plain[e]) + 0.5)
        logs = [(float(n) + 0.5) / t for n, t in ((cipher[c], 10.5), (plain[e], 9.5))]
        z = float(torch.tensor(logs).log().diff()) / variance**0.5
        assert float(found[c, e]) == pytest.approx(norm.logpdf(z) - norm.logpdf(0), rel=1e-5)


def test_first_emissions_leave_out_what_is_too_far_and_nothing_alone() -> None:
    cipher = torch.tensor([[5_000.0, 900.0, 40.0, 1.0], [2.0, 2.0, 2.0, 2.0]]).double()
    plain = torch.tensor([4_800.0, 1_000.0, 44.0, 0.0]).double()
    close = closeness(cipher, cipher.sum(1), plain, 0.1)
    found = first_emissions(cipher, plain, 0.1)
    torch.testing.assert_close(found.sum(1), torch.ones(2, 4, dtype=torch.float64))
    assert (found > 0).sum() < found.numel() / 2 + 8, "most of the first alphabet is too far"
    assert torch.equal(found[0, :2] > 0, torch.eye(4)[:2] > 0)
    assert (found.sum(2) > 0).all(), "a cipher symbol stands for something"
    expected = close[0, 2:, 2:].exp() / close[0, 2:, 2:].exp().sum(0)
    torch.testing.assert_close(found[0, 2:, 2:], expected)


def test_smoothing_adds_words_at_their_frequencies() -> None:
    frequencies = torch.tensor([0.7, 0.3], dtype=torch.float64)
    rows = smoothed(torch.tensor([[2.0, 1.0], [0.0, 0.0]]).double(), frequencies)
    assert rows[0].tolist() == pytest.approx(
        [(2 + BACKOFF * 0.7) / (3 + BACKOFF), (1 + BACKOFF * 0.3) / (3 + BACKOFF)]
    )
    assert rows[1].tolist() == pytest.approx([0.7, 0.3])


def test_an_empty_side_is_refused() -> None:
    full, empty = pad_sequences([[1, 2]]), pad_sequences([[]], 2)
    for sides, name in (((full, empty), "cipher"), ((empty, full), "plain")):
        batch = CipherBatch(*sides[0], *sides[1])
        with pytest.raises(ValueError, match=f"^the {name} side of the training text is empty$"):
            count_sides([batch], 3, 2)
