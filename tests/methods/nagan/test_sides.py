"""The noise on sentences. The networks are held against plain ones in ``test_decipherment``."""

import pytest
import torch

from textgan_bench.methods.nagan.sides import Noise
from textgan_bench.tokens import PAD, length_mask


def test_noise_keeps_lengths_and_moves_words_by_a_few_places() -> None:
    torch.manual_seed(0)
    lengths = torch.randint(0, 21, (2_000,))
    mask = length_mask(lengths, 20)
    ids = torch.arange(1, 21).expand(2_000, -1) * mask
    noisy = Noise(drop=0.0, shuffle=3.0)(ids, mask)
    assert torch.equal(noisy.sort(1).values, ids.sort(1).values)
    assert torch.equal(noisy != PAD, mask)
    moved = (noisy - ids)[mask].abs()
    assert moved.max() == 2
    assert (moved > 0).float().mean() > 0.3
    assert torch.equal(Noise(drop=0.0, shuffle=0.0)(ids, mask), ids)
    assert torch.equal(Noise(drop=0.0, shuffle=1.0)(ids, mask), ids)  # two places never change


def test_noise_drops_its_share_of_words() -> None:
    torch.manual_seed(0)
    ids, lengths = torch.ones(2_000, 20, dtype=torch.int64), torch.full((2_000,), 20)
    noisy = Noise(drop=0.1, shuffle=0.0)(ids, length_mask(lengths, 20))
    dropped = (noisy == PAD).float().mean().item()
    assert dropped == pytest.approx(0.1, abs=5 * (0.09 / 40_000) ** 0.5)
