import pytest
import torch
from torch import nn

from textgan_bench.networks.sentence_codes import (
    DECODING_BATCH,
    DecayingNoise,
    Decoder,
    Encoder,
    perceptron,
    spread,
)
from textgan_bench.tokens import pad_sequences

VOCAB_SIZE, MAX_LENGTH = 6, 4


def decoder() -> Decoder:
    torch.manual_seed(0)
    network = Decoder(VOCAB_SIZE, MAX_LENGTH, 8, 12)
    network.output.weight.data.mul_(8)
    return network


def test_codes_lie_on_the_unit_sphere_whatever_the_padding() -> None:
    encoder = Encoder(VOCAB_SIZE, 8, 12)
    codes = encoder(pad_sequences([[1, 2, 3], [4], []], 4))
    torch.testing.assert_close(codes.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(encoder(pad_sequences([[4]]))[0], codes[1])


def test_decoding_follows_the_likelihood() -> None:
    """The argmax at each step, found by scoring one symbol more of each prefix."""
    network = decoder()
    codes = torch.randn(20, 12)
    ids, lengths = network.decode(codes, temperature=0.0)
    for code, row, length in zip(codes, ids.tolist(), lengths.tolist(), strict=True):
        prefix = row[:length]
        for t in range(min(length + 1, MAX_LENGTH)):
            options = pad_sequences(
                [[*prefix[:t], *([w] if w else [])] for w in range(VOCAB_SIZE)], 4
            )
            nll = network(code.expand(VOCAB_SIZE, -1), options)
            assert int(nll[:, t].argmin()) == (prefix[t] if t < length else 0)


def test_many_codes_are_decoded_like_few() -> None:
    network, codes = decoder(), torch.randn(DECODING_BATCH + 3, 12)
    assert torch.equal(network.decode(codes, 0.0).ids[-3:], network.decode(codes[-3:], 0.0).ids)


def test_a_negative_temperature_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        decoder().decode(torch.zeros(1, 12), -1.0)


def test_noise_shrinks_every_hundred_steps() -> None:
    noise, codes = DecayingNoise(0.05, 0.9995), torch.zeros(2000, 12)
    for updates, deviation in ((0, 0.05), (99, 0.05), (200_000, 0.05 * 0.9995**2000)):
        noise.updates.fill_(updates)
        assert noise(codes).std().item() == pytest.approx(deviation, rel=0.05)
    noise.step()
    assert int(noise.updates) == 200_001


def test_what_varies_in_a_word_does_not_outweigh_the_code() -> None:
    """Words drowned the code, and the decoder learnt to ignore it, at PyTorch's N(0, 1)."""
    network = Decoder(50, MAX_LENGTH, 100, 100)
    words = network.embedding.weight.norm(dim=1)
    assert words.max() < 1, "the norm of a code"
    assert not network.output.bias.any()


def test_perceptrons_start_as_in_the_authors_code() -> None:
    """All weights at N(0, 0.02^2), gains of batch normalisation among them, all biases at 0."""
    torch.manual_seed(0)
    network = perceptron([300, 300, 300, 1], nn.ReLU(), normalise_first=False)
    kinds = [type(layer).__name__ for layer in network]
    assert kinds == ["Linear", "ReLU", "Linear", "BatchNorm", "ReLU", "Linear"]
    for name, parameter in network.named_parameters():
        deviation = 0.02 if name.endswith("weight") else 0.0
        assert parameter.std(correction=0).item() == pytest.approx(deviation, rel=0.15), name
        assert parameter.mean().item() == pytest.approx(0, abs=5e-3), name


def test_spread_is_the_mean_distance_from_the_mean() -> None:
    codes = torch.tensor([[3.0, 0.0], [-1.0, 0.0], [1.0, 0.0]])
    assert spread(codes).item() == pytest.approx(4 / 3)
    assert spread(torch.ones(5, 2)).item() == 0
