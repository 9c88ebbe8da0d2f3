"""NAGAN's step by the kernels of a GPU, in their interpreter where there is none."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from unittest.mock import Mock

import pytest
import torch

from tests.derivatives import DEVICE, DTYPE, TOLERANCE
from tests.methods.nagan.test_graph import MAX_LENGTH, batches, build
from textgan_bench.kernels.dropout import Dropout
from textgan_bench.kernels.shapes import fixed_shapes
from textgan_bench.methods import NAGAN
from textgan_bench.tokens import length_mask


def losses_and_gradients(method: NAGAN) -> list[torch.Tensor]:
    (batch,) = batches(1)
    ids, lengths = batch.ids[:2].to(DEVICE), batch.lengths[:2].to(DEVICE)
    method.zero_grad()
    torch.manual_seed(1)
    mask = length_mask(lengths, MAX_LENGTH)
    fake, _ = method.generator.fake(mask, method.dropout, method.discriminator.embedding)
    adversarial, penalty, regulariser = method.discriminator_losses(ids, fake, lengths)
    generator = method.generator_loss(mask)
    losses = [adversarial, 10 * penalty, regulariser, generator]
    torch.stack(losses).sum().backward()
    gradients = [x.grad for x in method.parameters() if x.grad is not None]
    return [torch.stack(losses).detach(), *gradients]


@pytest.mark.parametrize("shapes", [nullcontext, fixed_shapes])
def test_losses_and_gradients_are_those_without_the_kernels(
    shapes: Callable[[], AbstractContextManager[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("triton")
    method = build(dropout=0.0).to(DEVICE, DTYPE)
    results = []
    refuse, take = Mock(return_value=False), Mock(return_value=True)
    for answer in (refuse, take):
        for module in ("attention", "residual_norm"):
            monkeypatch.setattr(f"textgan_bench.kernels.{module}.can_take", answer)
        with shapes():
            results.append(losses_and_gradients(method))
    plain, ours = results
    assert take.call_count == refuse.call_count > 20
    assert len(ours) == len(plain) > 50
    largest = max(x.norm() for x in plain[1:])
    for one, other in zip(ours, plain, strict=True):
        assert (one - other).norm() <= TOLERANCE * (other.norm() + largest)


def test_the_kernels_drop_what_they_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("triton")
    for module in ("attention", "residual_norm"):
        monkeypatch.setattr(f"textgan_bench.kernels.{module}.can_take", lambda *x: True)
    by_itself, seeds = Mock(side_effect=lambda self, x: x), Mock(wraps=Dropout.seed)
    monkeypatch.setattr(Dropout, "__call__", lambda *arguments: by_itself(*arguments))
    monkeypatch.setattr(Dropout, "add", Mock(side_effect=AssertionError("by no kernel")))
    monkeypatch.setattr(Dropout, "seed", lambda *arguments: seeds(*arguments))
    method = build(dropout=0.25).to(DEVICE, DTYPE)
    mask = length_mask(torch.tensor([3, 5], device=DEVICE), MAX_LENGTH)

    z = torch.randn(*mask.shape, method.generator.latent_dim, dtype=DTYPE, device=DEVICE)

    def scores(seed: int, dropout: float) -> float:
        torch.manual_seed(seed)
        by_itself.reset_mock()
        seeds.reset_mock()
        with torch.no_grad(), fixed_shapes():
            return float(method.generator(z, mask, dropout).square().sum())

    one = scores(1, 0.25)
    assert by_itself.call_count == 1, "of the latents, which no kernel computes, and left out here"
    assert seeds.call_count == 7 * len(method.generator.blocks)
    assert scores(1, 0.25) == one
    assert len({one, scores(2, 0.25), scores(1, 0.5), scores(1, 0.0)}) == 4
