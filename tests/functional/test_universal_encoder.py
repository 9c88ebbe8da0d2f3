"""The encoder's forward pass against plain convolutions, one sentence at a time, in float64."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from textgan_bench.functional import universal_encoder
from textgan_bench.functional.universal_encoder import BLOCKS, ORDERS, UniversalEncoder

E, C, ROWS, DEEP = 6, 4, 2, 5
EPS = 1e-12
Weights = dict[str, NDArray[np.generic]]


@pytest.fixture(scope="module")
def weights() -> Weights:
    generator = np.random.default_rng(0)

    def normal(*shape: int) -> NDArray[np.generic]:
        return (generator.normal(size=shape) / shape[0] ** 0.5).astype(np.float32)

    found: Weights = {
        f"q{block + 1}": generator.integers(0, 64, (ROWS, E), dtype=np.uint8)
        for block in range(BLOCKS)
    }
    found |= {"scale": normal(BLOCKS), "lo": normal(BLOCKS), "eps": np.asarray(EPS)}
    for n, _ in ORDERS:
        found |= {
            f"proj{n}": normal(E, C),
            f"w1_{n}": normal(n * C, C),
            f"w2_{n}": normal(n * C, C),
        }
        found |= {f"{name}{n}": normal(C) for name in ("proj_b", "ln_g", "ln_b", "b1_", "b2_")}
    width = E + len(ORDERS) * C
    found |= {"ln_g": normal(width), "ln_b": normal(width)}
    found |= {"cnn_W": normal(width, E), "cnn_b": normal(E)}
    found |= {"d0": normal(E, DEEP), "d1": normal(DEEP, DEEP), "p1": normal(E, DEEP)}
    return found | {"d2": normal(DEEP, E), "p3": normal(DEEP, E), "d3": normal(E, E)}


def plainly(weights: Weights, pieces: list[int]) -> Tensor:
    """(E,) embedding of one sentence."""
    w = {name: torch.from_numpy(np.asarray(value)).double() for name, value in weights.items()}
    vectors = torch.stack(
        [
            w[f"q{p % BLOCKS + 1}"][p // BLOCKS] * w["scale"][p % BLOCKS] + w["lo"][p % BLOCKS]
            for p in pieces
        ]
    )

    def joined(name: str) -> Tensor:
        return torch.cat([w[f"{name}{n}"] for n, _ in ORDERS], -1)

    inputs = F.layer_norm(
        vectors @ joined("proj") + joined("proj_b"), (3 * C,), joined("ln_g"), joined("ln_b"), EPS
    )
    features = [vectors]
    for (n, before), x in zip(ORDERS, inputs.split(C, 1), strict=True):
        for layer in ("1", "2"):
            filters = w[f"w{layer}_{n}"].view(n, C, C).permute(2, 1, 0)  # out, in, place
            padded = F.pad(x.T[None], (before, n - 1 - before))
            x = F.conv1d(padded, filters, w[f"b{layer}_{n}"])[0].T.relu() + x
        features.append(x)
    whole = torch.cat(features, 1)
    whole = F.layer_norm(whole, whole.shape[1:], w["ln_g"], w["ln_b"], EPS)
    mean = (whole @ w["cnn_W"] + w["cnn_b"]).sum(0) / len(pieces) ** 0.5
    middle = (mean @ w["p1"] + (mean @ w["d0"]).relu() @ w["d1"]).relu()
    last = (middle @ w["p3"] + (middle @ w["d2"]).relu() @ w["d3"]).tanh()
    return last / last.norm()


@pytest.mark.parametrize("passes", [1, 30, 2**15])
def test_equals_convolutions_of_each_sentence(
    weights: Weights, passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In passes of a sentence, of some and of all; with repeated pieces, n-grams and sentences."""
    monkeypatch.setattr(universal_encoder, "PIECES", passes)
    monkeypatch.setattr(universal_encoder, "ROWS", 7)
    generator = np.random.default_rng(1)
    sentences = [
        generator.integers(0, 9 if i % 2 else BLOCKS * ROWS, generator.integers(1, 14)).tolist()
        for i in range(40)
    ]
    sentences += sentences[:3]
    found = UniversalEncoder.of(weights)(sentences)
    assert found.dtype == torch.float32
    expected = torch.stack([plainly(weights, pieces) for pieces in sentences])
    torch.testing.assert_close(found.double(), expected, atol=2e-6, rtol=0)


def test_a_later_text_leaves_an_earlier_one_as_it_is(weights: Weights) -> None:
    """Though it takes the same memory, or more of it."""
    made = UniversalEncoder.of(weights)
    short, long = [[1, 2, 3], [4, 5]], [[7, 8, 9, 10], [1, 2], [3, 1, 2, 3, 1]]
    found = [made(text) for text in (short, long, short)]
    kept = found[1].clone()
    assert torch.equal(found[0], found[2])
    made(long[::-1])
    assert torch.equal(found[1], kept)
    torch.testing.assert_close(made(long[::-1]).flip(0), kept, atol=1e-6, rtol=0)


def test_a_text_is_embedded_after_one_of_inference_mode(weights: Weights) -> None:
    with torch.inference_mode():  # as Lightning tests
        encoder = UniversalEncoder.of(weights)
        inside = encoder([[5, 6, 7]])
    assert torch.equal(encoder([[5, 6, 7]]), inside)


def test_no_sentence_has_the_shape_of_one(weights: Weights) -> None:
    assert UniversalEncoder.of(weights)([]).shape == (0, E)
