import pytest
import torch

from textgan_bench.kernels.dropout import NO_DROPOUT, SEEDS, Dropout

CPU = torch.device("cpu")


def seeds(dropout: Dropout, layers: int) -> list[int]:
    return [int(seed) for _ in range(layers) if (seed := dropout.seed(CPU)) is not None]


def test_each_layer_of_each_pass_has_its_own_seed() -> None:
    layers = SEEDS + 6  # more than are drawn at a time
    torch.manual_seed(0)
    drawn = seeds(Dropout(0.1), layers) + seeds(Dropout(0.1), layers)
    assert len(set(drawn)) == 2 * layers
    torch.manual_seed(0)
    assert seeds(Dropout(0.1), layers) == drawn[:layers]


def test_seeds_are_alike_to_a_compiler() -> None:
    dropout = Dropout(0.1)
    drawn = [dropout.seed(CPU) for _ in range(SEEDS)]
    assert all(seed is not None and seed.data_ptr() % 16 == 0 for seed in drawn)
    assert all(seed is not None and seed.shape == (1,) for seed in drawn)


def test_nothing_is_drawn_for_what_needs_no_seed() -> None:
    before = torch.get_rng_state()
    assert NO_DROPOUT.seed(CPU) is None
    x = torch.ones(3)
    assert NO_DROPOUT(x) is x
    Dropout(0.5)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("rate", [1e-6, 0.2, 0.5, 0.99999])
def test_values_are_dropped_at_the_rate_and_the_mean_stays(rate: float) -> None:
    torch.manual_seed(0)
    dropped = Dropout(rate)(torch.ones(1_000_001))  # no multiple of four
    values, counts = dropped.unique(return_counts=True)
    kept = 1 / values[-1].item()
    assert values.tolist() == pytest.approx([0, 1 / kept])
    assert 0 < 1 - kept < 1
    assert 1 - kept == pytest.approx(rate, abs=2**-16)
    # A binomial count within five standard deviations.
    share, deviation = counts[-1] / len(dropped), (kept * (1 - kept) / len(dropped)) ** 0.5
    assert share.item() == pytest.approx(kept, abs=5 * deviation)


def test_neighbouring_values_are_dropped_independently() -> None:
    """Four of them share one random number."""
    torch.manual_seed(0)
    kept = Dropout(0.5)(torch.ones(400_000)).gt(0).view(-1, 4).long()
    patterns = (kept @ torch.tensor([8, 4, 2, 1])).bincount(minlength=16) / len(kept)
    assert patterns.tolist() == pytest.approx([1 / 16] * 16, abs=0.004)


def test_dropout_is_differentiated_twice() -> None:
    x = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)

    def loss(x: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)
        return Dropout(0.3)(x).pow(3).sum()

    assert torch.autograd.gradcheck(loss, x)
    assert torch.autograd.gradgradcheck(loss, x)


def test_what_is_added_is_what_is_dropped() -> None:
    x, change = torch.randn(2, 3, 5)
    torch.manual_seed(0)
    added = Dropout(0.4).add(x, change)
    torch.manual_seed(0)
    torch.testing.assert_close(added, x + Dropout(0.4)(change))
    assert torch.equal(Dropout(0.0).add(x, change), x + change)


def test_any_type_and_layout_is_dropped() -> None:
    x = torch.ones(200, 300, dtype=torch.bfloat16).T
    dropped = Dropout(0.25)(x)
    assert (dropped.dtype, dropped.shape) == (x.dtype, x.shape)
    assert dropped.unique().tolist() == [0, pytest.approx(4 / 3, rel=0.01)]
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
