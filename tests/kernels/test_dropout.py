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


def test_it_drops_at_its_rate() -> None:
    torch.manual_seed(0)
    dropped = Dropout(0.2)(torch.ones(10_000))
    assert dropped.unique().tolist() == [0, 1.25]
    assert float(dropped.mean()) == pytest.approx(1, abs=0.02)
