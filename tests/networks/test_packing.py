import pytest
import torch
from hypothesis import example, given
from torch import nn

from tests.strategies import LENGTHS
from textgan_bench.kernels.dropout import NO_DROPOUT
from textgan_bench.kernels.shapes import fixed_shapes
from textgan_bench.networks.packing import Packed, Padded, Whole, rows_of
from textgan_bench.networks.transformer import (
    EncoderBlock,
    LatentDecoderBlock,
    sinusoidal_positions,
)
from textgan_bench.tokens import length_mask

LONGEST = 13


@given(LENGTHS)
def test_rows_are_the_words_in_order_and_go_back_to_their_places(lengths: list[int]) -> None:
    mask = length_mask(torch.tensor(lengths), LONGEST)
    x = torch.randn(*mask.shape, 2)

    rows = Packed(mask).rows(x)

    assert torch.equal(rows, x[mask])
    assert torch.equal(Packed(mask).pad(rows), x * mask[..., None])
    assert torch.equal(Padded(mask).pad(Padded(mask).rows(x)), x)


def test_only_what_has_padding_is_packed() -> None:
    mask = length_mask(torch.tensor([2, 3]), 3)
    assert type(rows_of(mask)) is Packed
    assert type(rows_of(mask[:, :2])) is Whole
    with fixed_shapes():
        assert type(rows_of(mask)) is Padded


@pytest.mark.parametrize("decoder", [False, True])
@given(lengths=LENGTHS)
@example(lengths=[3, 9, 1, 4, 12, 5])
def test_blocks_give_each_word_the_same_in_both_layouts(decoder: bool, lengths: list[int]) -> None:
    """Values, and the gradients of all parameters and inputs."""
    mask = length_mask(torch.tensor(lengths), LONGEST)
    torch.manual_seed(0)
    block: nn.Module = (LatentDecoderBlock if decoder else EncoderBlock)(8, 2, 16).double()
    x, latents = torch.randn(2, *mask.shape, 8, dtype=torch.float64)
    weight = torch.randn(*mask.shape, 8, dtype=torch.float64) * mask[..., None]
    codes = sinusoidal_positions(mask.shape[1], 8).double()
    results = []
    for layout in (Padded(mask), Packed(mask)):
        inputs = [state.clone().requires_grad_() for state in (x, latents)]
        hidden, context = map(layout.rows, inputs)
        y = block(hidden, context, codes, layout, NO_DROPOUT) if decoder else block(hidden, layout)
        loss = (layout.pad(y) * weight).sum()
        wanted = [*block.parameters(), *(inputs if decoder else inputs[:1])]
        results.append([loss, *torch.autograd.grad(loss, wanted)])
    torch.testing.assert_close(*results, rtol=0, atol=1e-12)
