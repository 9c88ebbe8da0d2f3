import pytest
import torch
from torch import Tensor

from tests.derivatives import DEVICE, DTYPE, assert_alike, derivatives
from textgan_bench.functional.self_attention import self_attention

HEADS = 2


def plain(qkv: Tensor, bias: Tensor) -> Tensor:
    heads = qkv.unflatten(-1, (3, HEADS, -1))  # (B, T, 3, heads, D)
    query, key, value = heads.unbind(2)
    scores = torch.einsum("bthd,bshd->bhts", query, key) / query.shape[-1] ** 0.5 + bias
    return torch.einsum("bhts,bshd->bthd", scores.softmax(-1), value).flatten(2)


def padded(time: int, width: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    qkv = torch.randn(3, time, 3 * width, dtype=DTYPE, device=DEVICE)
    bias = torch.zeros(3, 1, 1, time, device=DEVICE)
    bias[1, :, :, time // 2 :] = -torch.inf
    bias[2, :, :, 1:] = -torch.inf
    return qkv, bias


@pytest.mark.parametrize(("time", "width"), [(6, 8), (17, 40), (20, 64)])
def test_kernels_have_the_derivatives_of_the_formula(time: int, width: int) -> None:
    kernels = pytest.importorskip("textgan_bench.functional.triton_attention", exc_type=ImportError)
    qkv, bias = padded(time, width)
    ours = derivatives(lambda x: kernels.SelfAttention.apply(x, bias, HEADS), [qkv], steep=1)
    assert_alike(ours, derivatives(lambda x: plain(x, bias), [qkv], steep=1))


def test_it_attends_to_words_alone() -> None:
    qkv, bias = padded(6, 8)
    qkv, bias = qkv.cpu(), bias.cpu()
    torch.testing.assert_close(self_attention(qkv, bias, HEADS), plain(qkv, bias))
    other = qkv.clone()
    other[2, 1:] = torch.nan
    alone = self_attention(other[2:, :1], bias[2:, ..., :1], HEADS)
    torch.testing.assert_close(alone, self_attention(qkv, bias, HEADS)[2:, :1])


@pytest.mark.gpu
def test_a_gpu_takes_the_kernels() -> None:
    qkv, bias = torch.randn(3, 6, 24, device="cuda"), torch.zeros(3, 1, 1, 6, device="cuda")
    value = self_attention(qkv.requires_grad_(), bias, HEADS)
    assert type(value.grad_fn).__name__ == "SelfAttentionBackward"
