import torch
from torch import nn
from torch.nn import functional as F

from textgan_bench.networks.stacked_lstm import StackedLinear, StackedLSTM

RUNS, VOCAB_SIZE, HIDDEN = 3, 5, 4


def test_each_run_is_an_lstm_over_one_hot_symbols() -> None:
    torch.manual_seed(0)
    stacked = StackedLSTM(RUNS, VOCAB_SIZE, HIDDEN)
    symbols = torch.randint(VOCAB_SIZE, (RUNS, 2, 6))
    hidden = stacked(symbols)
    for run in range(RUNS):
        lstm = nn.LSTM(VOCAB_SIZE, HIDDEN, batch_first=True)
        lstm.load_state_dict(
            {
                "weight_ih_l0": stacked.symbols[run].T,
                "weight_hh_l0": stacked.recurrent[run].T,
                "bias_ih_l0": stacked.bias[run, 0],
                "bias_hh_l0": torch.zeros(4 * HIDDEN),
            }
        )
        expected, _ = lstm(F.one_hot(symbols[run], VOCAB_SIZE).float())
        torch.testing.assert_close(hidden[run], expected)


def test_steps_agree_with_the_whole() -> None:
    torch.manual_seed(0)
    stacked = StackedLSTM(RUNS, VOCAB_SIZE, HIDDEN)
    symbols = torch.randint(VOCAB_SIZE, (RUNS, 2, 4))
    state = stacked.start(2)
    for t in range(4):
        state = stacked.step(symbols[:, :, t], state)
    torch.testing.assert_close(stacked(symbols)[:, :, -1], state[0])


def test_stacked_linear_is_a_layer_of_each_run() -> None:
    torch.manual_seed(0)
    stacked, x = StackedLinear(RUNS, 4, 2), torch.randn(RUNS, 7, 4)
    for run in range(RUNS):
        expected = F.linear(x[run], stacked.weight[run].T, stacked.bias[run, 0])
        torch.testing.assert_close(stacked(x)[run], expected)
