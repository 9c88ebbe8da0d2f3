import pytest
import torch
from torch import nn

from textgan_bench.networks.layer_norm_lstm import LayerNormLSTM


def test_layer_norm_lstm_is_an_lstm_with_normalised_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    ours, theirs = LayerNormLSTM(3, 4), nn.LSTM(3, 4, batch_first=True)
    monkeypatch.setattr(ours, "norm", nn.Identity())
    order = [0, 2, 1, 3]  # torch keeps the candidate third, and has no 1 on the forget gate
    forget = torch.tensor([0.0] * 4 + [1.0] * 4 + [0.0] * 8)
    theirs.load_state_dict(
        {
            "weight_ih_l0": torch.cat([ours.input.weight.chunk(4)[i] for i in order]),
            "weight_hh_l0": torch.cat([ours.recurrent.weight.chunk(4)[i] for i in order]),
            "bias_ih_l0": forget,
            "bias_hh_l0": torch.zeros(16),
        }
    )
    x = torch.randn(2, 5, 3)
    torch.testing.assert_close(ours(x), theirs(x)[0])
    normed = LayerNormLSTM(3, 4)
    gates = nn.functional.layer_norm(normed.input(x[:, 0]), (16,))
    update, candidate, _, out = gates.chunk(4, -1)
    expected = out.sigmoid() * (update.sigmoid() * candidate.tanh()).tanh()
    torch.testing.assert_close(normed(x)[:, 0], expected)
