import pytest
import torch

from datamodules.keys import Key, substitution, vigenere
from tests.methods.ciphers import MAX_LENGTH, chain, paired, token_accuracy, unpaired
from tests.trainer import fit
from textgan_bench.methods import FrequencyRanks
from textgan_bench.tokens import CipherBatch, pad_sequences


def test_ranks_by_hand() -> None:
    """Plain a > b > c; at even places x is the most frequent and then z, at odd places z."""
    plain = pad_sequences([[1, 1, 1, 2, 2, 3]] * 2)
    cipher = pad_sequences([[1, 3, 1, 3, 3, 2], [1, 3]], 6)
    method = FrequencyRanks(4, 6, period=2)
    fit(method, [CipherBatch(*plain, *cipher)])
    assert method.plain.tolist() == [0, 6, 4, 2]
    assert method.cipher.tolist() == [[0, 3, 0, 1], [0, 0, 1, 3]]
    assert method.key.tolist() == [[0, 1, 3, 2], [0, 3, 2, 1]]
    deciphered = method.test_step(CipherBatch(*pad_sequences([[1], [1]]), *cipher), 0)["samples"]
    assert deciphered.ids.tolist() == [[1, 1, 1, 1, 2, 2], [1, 1, 0, 0, 0, 0]]
    assert deciphered.lengths.tolist() == [6, 2]


def test_the_loss_is_that_of_the_deciphered_text_under_plain_frequencies() -> None:
    plain, cipher = pad_sequences([[1, 1, 1, 2]]), pad_sequences([[2, 2, 1, 2]])
    method = FrequencyRanks(3, 4)
    fit(method, [CipherBatch(*plain, *cipher)], log_every_n_steps=1)
    frequencies = torch.tensor([3.5, 1.5]) / 5
    expected = -(3 * frequencies[0].log() + frequencies[1].log()) / 4
    assert method.latest_losses == pytest.approx({"cipher/nll": float(expected)})


@pytest.mark.parametrize(("key", "period"), [(substitution(9), 1), (vigenere((3, 1), 9), 2)])
def test_symbols_of_distinct_frequencies_are_deciphered(key: Key, period: int) -> None:
    start, transition = chain(8)
    law = (start, start.expand_as(transition))  # frequencies alone, each half that of the one above
    batches = unpaired(6_000, law, key, 3)
    test = paired(200, law, key)
    right, wrong = (FrequencyRanks(9, MAX_LENGTH, period=period) for _ in range(2))
    fit(right, batches)
    accuracy = token_accuracy(right.test_step(test, 0)["samples"], test.plain)
    assert accuracy == 1.0
    assert token_accuracy(test.cipher, test.plain) < 0.5
    if period > 1:
        wrong = FrequencyRanks(9, MAX_LENGTH)
        fit(wrong, batches)
        assert token_accuracy(wrong.test_step(test, 0)["samples"], test.plain) < 0.9


def test_data_without_cipher_text_are_refused() -> None:
    with pytest.raises(ValueError, match="the data have no cipher text"):
        fit(FrequencyRanks(4, 3), [pad_sequences([[1, 2, 3]])])
    with pytest.raises(ValueError, match="a period of at least 1, not 0"):
        FrequencyRanks(4, 3, period=0)
