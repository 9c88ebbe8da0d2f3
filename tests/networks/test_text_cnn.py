import torch
from torch import nn

from textgan_bench.networks.text_cnn import TextCNN

WIDTH, SPANS, FILTERS = 3, (1, 2, 4), 2


def small() -> TextCNN:
    torch.manual_seed(0)
    return TextCNN(WIDTH, SPANS, FILTERS, dropout=0.5).double().eval()


def test_a_score_is_that_of_loops_over_filters_and_places() -> None:
    network, sequence = small(), torch.randn(5, WIDTH, dtype=torch.float64)
    features = []
    for span, group in zip(SPANS, network.groups, strict=True):
        assert isinstance(group, nn.Conv1d)
        assert group.bias is not None
        for weight, bias in zip(group.weight, group.bias, strict=True):  # (H, span)
            found = []
            for start in range(len(sequence)):
                reached = sequence[start : start + span]
                value = bias + (weight[:, : len(reached)].T * reached).sum()
                found.append(max(value.item(), 0.01 * value.item()))
            features.append(max(found))
    expected = network.score(torch.tensor(features, dtype=torch.float64))
    torch.testing.assert_close(network(sequence[None], torch.tensor([5])), expected)


def test_a_sequence_is_scored_without_what_follows_its_end() -> None:
    network, sequences = small(), torch.randn(3, 6, WIDTH, dtype=torch.float64)
    lengths = torch.tensor([6, 1, 3])
    scores = network(sequences, lengths)
    for score, sequence, length in zip(scores, sequences, lengths.tolist(), strict=True):
        alone = network(sequence[None, :length], torch.tensor([length]))
        torch.testing.assert_close(score[None], alone)


def test_maxima_are_left_out_in_training_only() -> None:
    network, sequences, lengths = small(), torch.randn(1, 6, WIDTH).double(), torch.tensor([6])
    assert network(sequences, lengths) == network(sequences, lengths)
    network.train()
    assert len({network(sequences, lengths).item() for _ in range(20)}) > 1
