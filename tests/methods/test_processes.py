"""Two processes that share a batch learn what one learns from the whole batch.

Noise is a pattern that repeats itself after half of a batch, so that processes with half of the
sentences each draw what one draws for all.
"""

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.multiprocessing.spawn import spawn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.methods.nagan.test_ablations import ABLATIONS
from tests.methods.small import COUNTS, DECIPHERS, LABELLED, SMALL
from tests.trainer import fit
from textgan_bench import methods
from textgan_bench.interfaces import Method
from textgan_bench.kernels.dropout import Dropout
from textgan_bench.networks import rollouts
from textgan_bench.networks.pretraining import Pretraining
from textgan_bench.tokens import CipherBatch, TokenBatch, TransferBatch, length_mask

VARIANTS: dict[str, dict[str, Any]] = {
    "ARAETransfer.three": {"styles": 3},
    "CrossAlignedAutoencoder.three": {"styles": 3},
    "DeepLatentSequence.pooling": {"pooling": 3, "annealing": 2},
    "FMGAN.phases": {"pretraining": Pretraining(likelihood=1, discriminator=1)},
    "FMGAN.sinkhorn": {"distance": "sinkhorn"},
    **{
        f"NAGAN.{name}": ABLATIONS[name]
        for name in ("soft", "gumbel", "cnn", "cnn_layer_norm", "rnn")
    },
    "LMDiscriminator.negatives": {"negatives": 1.0},
    "NAGAN.word_vectors": {
        "start": replace(SMALL["NAGAN"]["start"], word_vectors=True),
        "embedding_dim": 5,
    },
    "RelGAN.pretrained": {"pretraining": Pretraining(likelihood=2)},
}
NAMES = [*methods.__all__, *VARIANTS]
WORD_BY_WORD = {"NAGAN.soft", "NAGAN.gumbel"}
"""Draw noise once a place: halves unequally long would fall out of the pattern's step."""
VOCAB_SIZE, MAX_LENGTH, BATCH_SIZE = 6, 7, 26
STYLES = {
    2: ([0] * 9 + [1] * 3, [0] * 5 + [1] * 7),
    3: ([0] * 6 + [1] * 3 + [2] * 3, [0] * 4 + [1] * 5 + [2] * 3),
}
"""Labels in either half, more of a style in one than in the other; in the first, multiples of
``PERIOD``."""
PERIOD = 3
"""Of noise for the sentences of a style alone: in the second half it begins as in the first. Equal
noise would give equal codes, and the sign of what batch normalisation leaves of these, on which the
slope of a unit hangs, is one of rounding."""
STEPS, MANY_STEPS = 3, 50
TOLERANCE = {"64-true": 1e-6, "32-true": 1e-5}
SINGLE_PRECISION_STEPS = dict.fromkeys(("AAE", "ARAE", "ARAETransfer", "ARAETransfer.three"), 1)
"""Optimizer steps compared in single precision where not all are: the first codes are so alike that
batch normalisation magnifies rounding a thousandfold, and each step that of the last."""
NOTHING = 1e-10
"""A shorter gradient is one of rounding. That of ARAE's generator is 0 at first: its codes are so
alike that each unit of the critic is linear on all of them, and batch normalisation takes the mean
of what is linear out of the score."""
aten = torch.ops.aten
UNIFORM = {aten.rand.default, aten.rand_like.default, aten.uniform_.default}
WITHOUT_EFFECT = {  # the kernel has no dropout, and a loader of one process no use for its seed
    aten._scaled_dot_product_flash_attention_for_cpu.default,
    aten.random_.default,
}
NORMAL = {aten.randn.default, aten.randn_like.default, aten.normal_.default}


class PatternedNoise(TorchDispatchMode):
    """Random numbers that hang on the last axis, on how many were drawn before, and on the row.

    Tensors whose first axis is not a batch, such as those of packed words, have equal rows.

    Args:
        by_style: whether all noise is for the sentences of a style.
    """

    def __init__(self, by_style: bool) -> None:
        super().__init__()
        self.by_style = by_style
        self.draws = 0

    def uniform(self, like: Tensor) -> Tensor:
        """In (0, 1), in the shape of ``like``."""
        self.draws += 1
        number = (
            0.618034 * torch.arange(1, like.shape[-1] + 1, dtype=like.dtype) + self.draws * 0.377
        )
        sizes = (BATCH_SIZE // 2, BATCH_SIZE, 2 * BATCH_SIZE)  # the last is both sides of a cipher
        is_batch = self.by_style or len(like) in sizes
        if like.dim() > 1 and is_batch:
            period = PERIOD if self.by_style else BATCH_SIZE // 2
            row = torch.arange(len(like), dtype=like.dtype) % period
            number = number + 0.293 * row.view(-1, *[1] * (like.dim() - 1))
        return (number % 1 * 0.98 + 0.01).expand_as(like)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in UNIFORM:
            result.copy_(self.uniform(result))
        elif func in NORMAL:
            result.copy_(torch.erfinv(2 * self.uniform(result) - 1) * 2**0.5)
        elif func is aten.exponential_.default:
            result.copy_(-self.uniform(result).log())
        elif func is aten.bernoulli_.float:
            keep = args[1] if len(args) > 1 else 0.5  # the default is not passed on
            result.copy_(self.uniform(result) < keep)
        elif func is aten.multinomial.default:
            weights = args[0].cumsum(-1)
            uniform = self.uniform(result.to(weights.dtype))
            result.copy_(torch.searchsorted(weights, uniform * weights[..., -1:]))
        elif torch.Tag.nondeterministic_seeded in func.tags and func not in WITHOUT_EFFECT:
            raise AssertionError(f"{func} draws numbers this test does not know")
        return result


class Gradients(pl.Callback):
    """The gradients of every optimizer step."""

    def __init__(self) -> None:
        self.seen: list[list[Tensor]] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for optimizer in trainer.optimizers:
            optimizer.register_step_pre_hook(self._keep)

    def _keep(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        groups = optimizer.param_groups
        parameters = [parameter for group in groups for parameter in group["params"]]
        self.seen.append([p.grad.clone() for p in parameters if p.grad is not None])


def batches(n: int, alike: bool) -> list[TokenBatch]:
    """``n`` whole batches of sentences of unequal lengths, of halves equally long if ``alike``."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(n):
        lengths = torch.randint(1, MAX_LENGTH, (BATCH_SIZE,), generator=generator)
        if alike:
            lengths[[0, BATCH_SIZE // 2]] = MAX_LENGTH
        ids = torch.randint(1, VOCAB_SIZE, (BATCH_SIZE, MAX_LENGTH), generator=generator)
        found.append(TokenBatch(ids * length_mask(lengths, MAX_LENGTH), lengths))
    return found


def noisy(noise: PatternedNoise, hook: Callable[..., None]) -> Callable[..., None]:
    def factors(dropout: Dropout, x: Tensor) -> Tensor:
        keep = 1 - dropout.rate
        return (noise.uniform(x) < keep).to(x.dtype) / keep

    def with_noise(*arguments: Any) -> None:
        # Halves of completions would take fewer blocks, and so fewer draws.
        whole = patch.object(rollouts, "ROWS", 10_000)
        with noise, whole, patch.object(Dropout, "_factors", factors):
            hook(*arguments)

    return with_noise


def train(name: str, precision: Any, steps: int, patterned: bool) -> dict[str, Any]:
    """Gradients, parameters, buffers and one further random number of this process."""
    rank, processes = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    pl.seed_everything(1, verbose=False)
    stem = name.partition(".")[0]
    kind: type[Method] = getattr(methods, stem)
    options = {**SMALL.get(stem, {}), **VARIANTS.get(name, {})}
    method = kind(VOCAB_SIZE, MAX_LENGTH, **options)
    if patterned:
        noise = PatternedNoise(by_style=stem == "ARAETransfer")
        for hook in ("on_train_start", "training_step"):
            setattr(method, hook, noisy(noise, getattr(method, hook)))
    gradients = Gradients()
    whole: list[Any] = batches(steps, alike=name in WORD_BY_WORD)
    size = BATCH_SIZE
    if stem in LABELLED:
        styles = options.get("styles", 2)
        labels = torch.tensor([*chain(*STYLES[styles])])
        targets, size = (labels + 1) % styles, len(labels)
        whole = [
            TransferBatch(batch.ids[:size], batch.lengths[:size], labels, targets)
            for batch in whole
        ]
    if stem in DECIPHERS:
        whole = [CipherBatch(*a, *b) for a, b in zip(whole, whole[1:] + whole[:1], strict=True)]
    share = slice(rank * size // processes, (rank + 1) * size // processes)
    mine = [type(batch)(*(column[share] for column in batch)) for batch in whole]

    fit(
        method,
        mine,
        devices=processes,
        strategy="auto" if processes == 1 else "ddp_find_unused_parameters_true",
        precision=precision,
        callbacks=[gradients],
        use_distributed_sampler=False,
    )

    return {"gradients": gradients.seen, "state": method.state_dict(), "noise": torch.rand(())}


def process(rank: int, port: int, folder: str) -> None:
    torch.set_num_threads(1)
    os.environ |= {
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(port),
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "GROUP_RANK": "0",
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "TORCHELASTIC_RUN_ID": "test",
    }
    results = {
        (name, precision): train(name, precision, STEPS, patterned=True)
        for name in NAMES
        for precision in TOLERANCE
    }
    many = {name: train(name, "32-true", MANY_STEPS, patterned=False) for name in NAMES}
    torch.save((results, many), Path(folder) / f"{rank}.pt")


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What each of two processes has learnt of its half of each batch."""
    folder = tmp_path_factory.mktemp("ranks")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    spawn(process, (port, str(folder)), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def distance(ours: list[Tensor], whole: list[Tensor]) -> float:
    """Of two gradients, relative to the length of the second, or to that of nothing."""
    error = torch.cat([(a - b).flatten() for a, b in zip(ours, whole, strict=True)])
    length = torch.cat([gradient.flatten() for gradient in whole]).norm()
    return float(error.norm() / length.clamp(min=NOTHING))


@pytest.mark.slow
@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_the_whole_batch(
    name: str, precision: str, ranks: list[Any]
) -> None:
    alone = train(name, precision, STEPS, patterned=True)
    compared = SINGLE_PRECISION_STEPS.get(name) if precision == "32-true" else None
    for results, _ in ranks:
        shared = results[name, precision]
        steps = 0 if name in COUNTS else STEPS
        assert len(shared["gradients"]) == len(alone["gradients"]) >= steps
        pairs = zip(shared["gradients"], alone["gradients"], strict=True)
        distances = [distance(ours, whole) for ours, whole in pairs]
        assert max(distances[:compared], default=0) <= TOLERANCE[precision], distances
        if precision == "64-true":
            for key, value in alone["state"].items():
                assert torch.allclose(shared["state"][key], value, rtol=1e-4, atol=1e-6), key


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_processes_stay_alike_and_draw_apart(name: str, ranks: list[Any]) -> None:
    first, second = (many[name] for _, many in ranks)
    assert first["noise"] != second["noise"]
    for key, value in first["state"].items():
        assert torch.equal(value, second["state"][key]), key
