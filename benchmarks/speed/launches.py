"""Kernels launched by a step of NAGAN as its CUDA graph holds it, against the same of plain parts.

The plain parts are PyTorch's RAdam for graphs, which counts and rectifies for each parameter, and
attention with a layer each for queries, keys and values. Operations are counted as they reach a
processor, but for views and allocations. Dropout is one of them here, and within attention none, as
on a GPU without our kernels, which carry it out themselves. An operation on lists of tensors is
one, too, for which a GPU launches a kernel for some fifty at a time.

The published network on 64 captions padded to 20 words, as the median batch of COCO is.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import RAdam, radam
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.speed.claims import SEED, Claim, Texts, main
from benchmarks.speed.nagan import random_batch
from textgan_bench.kernels.shapes import fixed_shapes
from textgan_bench.methods import NAGAN
from textgan_bench.networks import transformer
from textgan_bench.networks.transformer import Attention
from textgan_bench.tokens import length_mask

VOCAB_SIZE, WORDS, SENTENCES = 4_839, 20, 64
NO_KERNEL = {"_local_scalar_dense", "_unsafe_view", "empty", "empty_like", "new_empty"}


class Launches(TorchDispatchMode):
    """Counts operations that compute or copy something."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        aliases = (result.alias_info for result in func._schema.returns)
        is_view = any(alias is not None and not alias.is_write for alias in aliases)
        self.count += not is_view and func.overloadpacket.__name__ not in NO_KERNEL
        return func(*args, **(kwargs or {}))


class ThreeLayers(Attention):
    """Attention with a layer each for queries, keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        del self.inputs
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(3))

    def _project(self, *states: Tensor) -> list[Tensor]:
        return [layer(x) for layer, x in zip(self.layers, states, strict=True)]


class WithTorchsRAdam(NAGAN):
    """With PyTorch's optimizer as a graph needs it."""

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        return [
            RAdam(
                optimizer.param_groups[0]["params"],
                **{**optimizer.defaults, "lr": torch.tensor(optimizer.defaults["lr"])},
                decoupled_weight_decay=True,
                foreach=True,
                capturable=True,
            )
            for optimizer in super().configure_optimizers()
        ]


@contextmanager
def as_on_a_gpu() -> Iterator[None]:
    """What PyTorch has for a GPU alone: RAdam for graphs, fused dropout, also within attention."""
    attention = F.scaled_dot_product_attention

    def fused(*states: Any, dropout_p: float, **options: Any) -> Tensor:
        return attention(*states, **options)

    with (
        patch.object(radam, "_get_capturable_supported_devices", lambda **_: ["cpu"]),
        patch.object(F, "scaled_dot_product_attention", fused),
        patch.object(F, "dropout", lambda x, p: torch.native_dropout(x, p, True)[0] if p else x),
    ):
        yield


def launches(method: NAGAN) -> dict[str, int]:
    """Of each part of a step."""
    lengths = torch.linspace(8, WORDS, SENTENCES).long()
    ids = random_batch(lengths, VOCAB_SIZE, WORDS).ids
    optimizers = method.configure_optimizers()

    mask = length_mask(lengths, WORDS)

    def discriminator() -> None:
        fake, _ = method.generator.fake(mask, method.dropout, method.discriminator.embedding)
        adversarial, penalty, regulariser = method.discriminator_losses(ids, fake, lengths)
        weighted = method.gradient_penalty * penalty + method.score_regulariser * regulariser
        (adversarial + weighted).backward()

    def generator() -> None:
        with method.frozen(method.discriminator):
            method.generator_loss(mask).backward()

    def update() -> None:
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()

    parts: dict[str, Callable[[], None]] = {
        "discriminator": discriminator,
        "generator": generator,
        "optimizers": update,
        "average": method._average_parameters,
    }
    counts = {}
    with as_on_a_gpu(), fixed_shapes():
        for part in parts.values():
            part()  # makes the states of the optimizers
        for name, part in parts.items():
            with Launches() as counted:
                part()
            counts[name] = counted.count
    return counts


def measure(texts: Texts) -> list[Claim]:
    torch.manual_seed(SEED)
    ours = launches(NAGAN(VOCAB_SIZE, WORDS))
    with patch.object(transformer, "Attention", ThreeLayers):
        plain = launches(WithTorchsRAdam(VOCAB_SIZE, WORDS))
    note = "; ".join(f"{name} {plain[name]:,} and {ours[name]:,}" for name in ours)
    return [
        Claim(
            "kernels of a graphed step of NAGAN: plain parts / ours",
            1.8,
            sum(plain.values()) / sum(ours.values()),
            note=note,
        )
    ]


if __name__ == "__main__":
    main(measure)
