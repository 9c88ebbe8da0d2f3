from functools import partial

import pytest
import torch
from torch import Tensor

from tests.derivatives import DEVICE, DTYPE, assert_alike, derivatives
from tests.philox import factors
from textgan_bench.kernels.dropout import Dropout
from textgan_bench.kernels.residual_norm import residual_norm


def plain(x: Tensor, change: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    u = x + change
    unit = (u - u.mean(-1, keepdim=True)) / (u.var(-1, keepdim=True, correction=0) + 1e-5).sqrt()
    return weight * unit + bias


def fused(*inputs: Tensor, seed: Tensor | None = None, rate: float = 0.0) -> Tensor:
    kernels = pytest.importorskip("textgan_bench.kernels.triton_norm", exc_type=ImportError)
    return kernels.FusedResidualNorm.apply(seed, rate, 1e-5, *inputs)


def draw(*shape: int) -> list[Tensor]:
    torch.manual_seed(0)
    sums = torch.randn(2, *shape, dtype=DTYPE, device=DEVICE)
    return [*sums, *torch.randn(2, shape[-1], dtype=DTYPE, device=DEVICE)]


@pytest.mark.parametrize("width", [24, 32])
@pytest.mark.parametrize("sentences", [1, 5])
def test_kernels_have_the_derivatives_of_the_formula(width: int, sentences: int) -> None:
    inputs = draw(sentences, 7, width)
    assert_alike(derivatives(fused, inputs, steep=2), derivatives(plain, inputs, steep=2))


@pytest.mark.parametrize("width", [24, 32])
def test_kernels_drop_of_the_change_what_they_drop_of_its_gradient(width: int) -> None:
    x, change, weight, bias = draw(5, 7, width)
    seed, rate = torch.tensor([11], device=DEVICE), 0.25
    kept = factors(11, rate, torch.arange(x.numel()).view(x.shape)).to(DEVICE)
    ours = derivatives(partial(fused, seed=seed, rate=rate), [x, change, weight, bias], steep=0)
    theirs = derivatives(
        lambda x, change, *rest: plain(x, change * kept, *rest), [x, change, weight, bias], steep=0
    )
    assert_alike(ours, theirs)


def test_kernels_refuse_derivatives_they_do_not_have() -> None:
    """Of the gradients of the weights, and second ones with dropout."""
    x, change, weight, bias = (x.requires_grad_() for x in draw(3, 8))
    (slope,) = torch.autograd.grad(
        fused(x, change, weight, bias).square().sum(), weight, create_graph=True
    )
    with pytest.raises(NotImplementedError, match="have no derivative"):
        slope.sum().backward()
    dropped = partial(fused, seed=torch.tensor([11], device=DEVICE), rate=0.25)
    with pytest.raises(NotImplementedError, match="no second derivative"):
        derivatives(dropped, [x, change, weight, bias], steep=1)


def test_it_is_the_normalised_sum() -> None:
    torch.manual_seed(0)
    inputs = [*torch.randn(2, 3, 7, 8).double(), *torch.randn(2, 8).double()]
    torch.testing.assert_close(residual_norm(*inputs), plain(*inputs))


def test_it_drops_of_the_change_alone() -> None:
    x, change = torch.randn(2, 50, 8).double()
    weight, bias = torch.randn(2, 8).double()
    torch.manual_seed(0)
    dropped = residual_norm(x, change, weight, bias, Dropout(0.5))
    torch.manual_seed(0)
    expected = plain(x, Dropout(0.5)(change), weight, bias)
    torch.testing.assert_close(dropped, expected)
    assert not torch.allclose(dropped, plain(x, change, weight, bias))


def test_kernels_are_told_what_to_drop(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("triton")
    monkeypatch.setattr("textgan_bench.kernels.residual_norm.can_take", lambda *tensors: True)
    (x, change, weight, bias), dropout = draw(3, 8), Dropout(0.25)
    once, twice = (residual_norm(x, change, weight, bias, dropout) for _ in range(2))
    assert not torch.allclose(once, twice)


@pytest.mark.gpu
def test_a_gpu_takes_the_kernels() -> None:
    torch.manual_seed(0)
    x, change = torch.randn(2, 3, 8, device="cuda")
    weight, bias = torch.randn(2, 8, device="cuda")
    value = residual_norm(x.requires_grad_(), change, weight, bias)
    assert type(value.grad_fn).__name__ == "FusedResidualNormBackward"
    dropout = Dropout(0.5)
    with torch.no_grad():
        ours = [residual_norm(x, change, weight, bias, dropout) for _ in range(2_000)]
        theirs = [plain(x, dropout(change), weight, bias) for _ in range(2_000)]
    mean, expected = torch.stack(ours).mean(0), torch.stack(theirs).mean(0)
    torch.testing.assert_close(mean, expected, rtol=0, atol=0.15)
