from unittest.mock import Mock

import pytest
import torch
from torch import nn

from textgan_bench.kernels.dropout import NO_DROPOUT, Dropout
from textgan_bench.networks.packing import Packed, Padded
from textgan_bench.networks.transformer import (
    Attention,
    EncoderBlock,
    LatentDecoderBlock,
    sinusoidal_positions,
)
from textgan_bench.tokens import length_mask


def test_positions_are_those_of_the_paper() -> None:
    codes = sinusoidal_positions(6, 8)
    assert codes[5, 2].item() == pytest.approx(
        torch.sin(torch.tensor(5 / 10_000 ** (2 / 8))).item()
    )
    assert codes[5, 3].item() == pytest.approx(
        torch.cos(torch.tensor(5 / 10_000 ** (2 / 8))).item()
    )


def test_encoder_block_equals_torchs_layer() -> None:
    torch.manual_seed(0)
    ours = EncoderBlock(8, 2, 16).double()
    theirs = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True).double()
    attention = ours.self_attention
    linear_1, linear_2 = ours.feed_forward[0], ours.feed_forward[2]
    with torch.no_grad():
        theirs.self_attn.in_proj_weight.copy_(attention.inputs.weight)
        theirs.self_attn.in_proj_bias.copy_(attention.inputs.bias)
        theirs.self_attn.out_proj.load_state_dict(attention.output.state_dict())
        theirs.linear1.load_state_dict(linear_1.state_dict())
        theirs.linear2.load_state_dict(linear_2.state_dict())
    x = torch.randn(3, 5, 8, dtype=torch.float64)
    mask = length_mask(torch.tensor([5, 2, 4]), 5)
    expected = theirs(x, src_key_padding_mask=~mask)
    actual = ours(x[mask], Packed(mask))
    torch.testing.assert_close(actual, expected[mask], rtol=0, atol=1e-12)


@pytest.mark.parametrize("sources", [(0, 0, 0), (0, 1, 1), (0, 0, 1), (0, 1, 2), (0, 1, 0)])
def test_attention_equals_torchs_whatever_shares_its_source(sources: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    ours = Attention(8, 2).double()
    theirs = nn.MultiheadAttention(8, 2, batch_first=True).double()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(ours.inputs.weight)
        theirs.in_proj_bias.copy_(ours.inputs.bias)
        theirs.out_proj.load_state_dict(ours.output.state_dict())
    states = torch.randn(3, 2, 5, 8, dtype=torch.float64).unbind()
    query, key, value = (states[i] for i in sources)
    expected, _ = theirs(query, key, value, need_weights=False)
    torch.testing.assert_close(ours(query, key, value), expected, rtol=0, atol=1e-12)


def test_projections_start_as_layers_of_their_own() -> None:
    torch.manual_seed(0)
    inputs = Attention(64, 2).inputs
    for values in (inputs.weight, inputs.bias):
        assert 0.95 / 8 < values.abs().max() <= 1 / 8  # uniform within 1 / sqrt(H)


def test_decoder_block_ignores_padding() -> None:
    torch.manual_seed(0)
    block = LatentDecoderBlock(8, 2, 16).double()
    x, latents = torch.randn(2, 5, 8, dtype=torch.float64)
    mask = length_mask(torch.tensor([3]), 5)
    padded = block(x, latents, sinusoidal_positions(5, 8).double(), Padded(mask), NO_DROPOUT)
    codes = sinusoidal_positions(3, 8).double()
    alone = block(x[:3], latents[:3], codes, Padded(mask[:, :3]), NO_DROPOUT)
    torch.testing.assert_close(padded[:3], alone, rtol=0, atol=1e-12)


def test_causal_attention_does_not_see_later_words() -> None:
    torch.manual_seed(0)
    attention = Attention(8, 2)
    x = torch.randn(1, 4, 8)
    changed = x.clone()
    changed[:, 3] += 1
    before = attention(x, x, x, causal=True)[:, :3]
    torch.testing.assert_close(before, attention(changed, changed, changed, causal=True)[:, :3])


def test_dropout_is_the_argument_not_the_training_flag() -> None:
    torch.manual_seed(0)
    block = EncoderBlock(8, 2, 16).eval()
    x = torch.randn(1, 4, 8)
    assert not torch.equal(block(x, None, Dropout(0.5)), block(x, None, Dropout(0.5)))
    assert torch.equal(block.train()(x, None), block(x, None))


def test_what_is_added_to_the_state_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    dropped = Mock(side_effect=lambda self, x: torch.ones_like(x))
    monkeypatch.setattr(Dropout, "_factors", lambda *arguments: dropped(*arguments))
    x, mask = torch.randn(3, 8), torch.ones(1, 3, dtype=torch.bool)
    EncoderBlock(8, 2, 16)(x, Packed(mask), Dropout(0.5))
    # Beside what is added, the probabilities of each attention.
    assert [call.args[0].rate for call in dropped.call_args_list] == [0.5] * (2 + 1)
    dropped.reset_mock()
    codes = sinusoidal_positions(3, 8)
    LatentDecoderBlock(8, 2, 16)(x, x, codes, Packed(mask), Dropout(0.5))
    assert [call.args[0].rate for call in dropped.call_args_list] == [0.5] * (4 + 3)


@pytest.mark.parametrize("heads", [-2, 0, 3])
def test_heads_share_the_width(heads: int) -> None:
    with pytest.raises(ValueError, match=f"heads={heads} do not share a width of 16"):
        Attention(16, heads)
