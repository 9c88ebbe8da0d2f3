import pytest
import torch
from torch import Tensor

from tests.derivatives import DEVICE, DTYPE, assert_alike, derivatives
from textgan_bench.functional.residual_norm import residual_norm


def plain(x: Tensor, change: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    u = x + change
    unit = (u - u.mean(-1, keepdim=True)) / (u.var(-1, keepdim=True, correction=0) + 1e-5).sqrt()
    return weight * unit + bias


@pytest.mark.parametrize("width", [24, 32])
@pytest.mark.parametrize("sentences", [1, 5])
def test_kernels_have_the_derivatives_of_the_formula(width: int, sentences: int) -> None:
    kernels = pytest.importorskip("textgan_bench.functional.triton_norm", exc_type=ImportError)
    torch.manual_seed(0)
    inputs = [
        *torch.randn(2, sentences, 7, width, dtype=DTYPE, device=DEVICE),
        *torch.randn(2, width, dtype=DTYPE, device=DEVICE),
    ]
    ours = derivatives(lambda *x: kernels.FusedResidualNorm.apply(*x, 1e-5), inputs, steep=2)
    assert_alike(ours, derivatives(plain, inputs, steep=2))


def test_kernels_refuse_to_differentiate_the_gradients_of_the_weights() -> None:
    kernels = pytest.importorskip("textgan_bench.functional.triton_norm", exc_type=ImportError)
    x, change = torch.randn(2, 3, 8, dtype=DTYPE, device=DEVICE)
    weight, bias = torch.randn(2, 8, dtype=DTYPE, device=DEVICE).requires_grad_()
    value = kernels.FusedResidualNorm.apply(x, change.requires_grad_(), weight, bias, 1e-5)
    (slope,) = torch.autograd.grad(value.square().sum(), weight, create_graph=True)
    with pytest.raises(NotImplementedError, match="have no derivative"):
        slope.sum().backward()


def test_it_is_the_normalised_sum() -> None:
    torch.manual_seed(0)
    inputs = [*torch.randn(2, 3, 7, 8).double(), *torch.randn(2, 8).double()]
    torch.testing.assert_close(residual_norm(*inputs), plain(*inputs))


@pytest.mark.gpu
def test_a_gpu_takes_the_kernels() -> None:
    inputs = [*torch.randn(2, 3, 8, device="cuda"), *torch.randn(2, 8, device="cuda")]
    value = residual_norm(inputs[0].requires_grad_(), *inputs[1:])
    assert type(value.grad_fn).__name__ == "FusedResidualNormBackward"
