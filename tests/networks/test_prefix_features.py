"""Features of growing prefixes against those of the same words padded."""

from itertools import product

import pytest
import torch

from textgan_bench.networks.highway_cnn import HighwayCNN
from textgan_bench.networks.prefix_features import PrefixFeatures
from textgan_bench.tokens import PAD, length_mask, pad_sequences


def cnn(vocab_size: int, max_length: int, filters: dict[int, int]) -> HighwayCNN:
    torch.manual_seed(2)
    built = HighwayCNN(vocab_size, max_length, embedding=4, filters=filters, dropout=0.5).double()
    with torch.no_grad():
        for weight in built.parameters():
            weight.normal_()
    return built


@pytest.mark.parametrize("max_length", [1, 2, 4])
def test_features_are_those_of_the_padded_prefix_for_every_sentence(max_length: int) -> None:
    judge = cnn(3, max_length, {1: 3, 2: 2, 3: 4, 4: 3})
    sentences = [s for n in range(max_length + 1) for s in product((1, 2), repeat=n)]
    ids = pad_sequences(sentences, max_length).ids
    features = PrefixFeatures(judge).read_all(ids)
    assert features.shape == (len(ids), max_length + 1, judge.features)
    for words in range(max_length + 1):
        prefix = ids * length_mask(torch.full((len(ids),), words), max_length)
        assert torch.allclose(features[:, words], judge.extract(prefix), atol=1e-12)


def test_words_are_read_one_by_one_or_some_at_once() -> None:
    judge = cnn(9, 11, {1: 2, 3: 3, 5: 2, 10: 2, 11: 3})
    ids = torch.randint(1, 9, (300, 11))  # more rows than are read at a time
    ids[7, 4:] = PAD
    prefixes = PrefixFeatures(judge)
    whole = prefixes.read_all(ids)
    state = prefixes.start(len(ids))
    for start, end in ((0, 1), (1, 5), (5, 5), (5, 11)):
        features, state = prefixes.read(ids[:, start:end], start, state)
        assert torch.allclose(features, whole[:, start + 1 : end + 1], atol=1e-12)
    assert torch.allclose(whole[:, -1], judge.extract(ids), atol=1e-12)
    assert torch.equal(whole[7, 4:], whole[7, 4:5].expand(8, -1)), "an end changes nothing"


def test_prefixes_go_on_from_any_rows_of_the_memory() -> None:
    judge = cnn(9, 6, {1: 2, 2: 3, 4: 2})
    ids = torch.randint(1, 9, (5, 6))
    prefixes = PrefixFeatures(judge)
    _, state = prefixes.read(ids[:, :3], 0, prefixes.start(5))
    rows = torch.tensor([4, 1, 1])
    rest = torch.randint(1, 9, (3, 3))
    features, _ = prefixes.read(rest, 3, tuple(part[rows] for part in state))
    expected = judge.extract(torch.cat([ids[rows, :3], rest], 1))
    assert torch.allclose(features[:, -1], expected, atol=1e-12)
