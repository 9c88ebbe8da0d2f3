import pytest
import torch
from torch import nn

from textgan_bench.kernels.dropout import NO_DROPOUT
from textgan_bench.networks.packing import Packed, Padded
from textgan_bench.networks.transformer import (
    EncoderBlock,
    LatentDecoderBlock,
    sinusoidal_positions,
)
from textgan_bench.tokens import length_mask

MASK = length_mask(torch.tensor([3, 9, 1, 4, 12, 5]), 13)


def test_rows_are_the_words_in_order_and_go_back_to_their_places() -> None:
    x = torch.randn(*MASK.shape, 2)
    rows = Packed(MASK).rows(x)
    assert torch.equal(rows, x[MASK])
    assert torch.equal(Packed(MASK).pad(rows), x * MASK[..., None])
    assert torch.equal(Padded(MASK).pad(Padded(MASK).rows(x)), x)


@pytest.mark.parametrize("decoder", [False, True])
def test_blocks_give_each_word_the_same_in_both_layouts(decoder: bool) -> None:
    """Values, and the gradients of all parameters and inputs."""
    torch.manual_seed(0)
    block: nn.Module = (LatentDecoderBlock if decoder else EncoderBlock)(8, 2, 16).double()
    x, latents = torch.randn(2, *MASK.shape, 8, dtype=torch.float64)
    weight = torch.randn(*MASK.shape, 8, dtype=torch.float64) * MASK[..., None]
    codes = sinusoidal_positions(MASK.shape[1], 8).double()
    results = []
    for layout in (Padded(MASK), Packed(MASK)):
        inputs = [state.clone().requires_grad_() for state in (x, latents)]
        hidden, context = map(layout.rows, inputs)
        y = block(hidden, context, codes, layout, NO_DROPOUT) if decoder else block(hidden, layout)
        loss = (layout.pad(y) * weight).sum()
        wanted = [*block.parameters(), *(inputs if decoder else inputs[:1])]
        results.append([loss, *torch.autograd.grad(loss, wanted)])
    torch.testing.assert_close(*results, rtol=0, atol=1e-12)
