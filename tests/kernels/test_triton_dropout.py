import numpy as np
import pytest
import torch

from tests.derivatives import DEVICE
from tests.philox import factors, philox


def test_the_noise_of_the_kernels_is_philox() -> None:
    """First against the vector that its authors publish with Random123."""
    assert philox(0, np.zeros(1, np.int64))[0] == 0x6627E8D5
    kernels = pytest.importorskip("tests.kernels.triton_factors", exc_type=ImportError)
    rate, count = 0.3, 500
    for seed in (3, 2**62 + 77):
        ours = torch.empty(count, device=DEVICE)
        kernels.factors[(1,)](torch.tensor([seed], device=DEVICE), rate, ours, count, 512)
        torch.testing.assert_close(ours.cpu(), factors(seed, rate, torch.arange(count)))
