"""NAGAN's step as a CUDA graph: what can be known without a GPU, and what needs one."""

import math
import time
from dataclasses import replace
from typing import Any, cast

import pytest
import pytorch_lightning as pl
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.trainer import fit
from textgan_bench.kernels import cuda_graphs
from textgan_bench.kernels.cuda_graphs import CaptureError, CountedRAdam
from textgan_bench.methods import NAGAN
from textgan_bench.methods.nagan import Start
from textgan_bench.tokens import TokenBatch, length_mask
from textgan_bench.training.capture import CapturedSteps, CaptureSteps

VOCAB_SIZE, MAX_LENGTH = 9, 10
START = Start(
    score_std=6.0,
    word_vectors=True,
    neighbours=True,
    frequency_rate=0.02,
    warm_up=4,
    young_average=True,
    epsilon=1e-5,
)
READ_BACK = {
    "_local_scalar_dense",
    "_unique2",
    "is_nonzero",
    "item",
    "masked_select",
    "nonzero",
    "repeat_interleave",
    "unique_dim",
}


class OnTheDevice(TorchDispatchMode):
    """Refuses what a capture refuses: values read back, and shapes made of them."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        masks = name in ("index", "index_put", "index_put_") and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        )
        assert name not in READ_BACK, name
        assert not masks, f"{name} by a boolean mask"
        return func(*args, **(kwargs or {}))


class NoGraph:
    """Stands for ``GraphedStep`` where there is no GPU: calls the step as it is."""

    def __init__(self, step: Any) -> None:
        self.step = step
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, *inputs: torch.Tensor) -> Any:
        self.shapes.append(tuple(inputs[0].shape))
        return self.step(*inputs)


class Refused(NoGraph):
    """A capture that does not come off."""

    def __call__(self, *inputs: torch.Tensor) -> Any:
        raise CaptureError("operation not permitted")


def build(kind: type[NAGAN] = NAGAN, **changes: Any) -> NAGAN:
    torch.manual_seed(0)
    return kind(
        VOCAB_SIZE,
        MAX_LENGTH,
        width=8,
        blocks=2,
        heads=2,
        feed_forward=8,
        latent_dim=4,
        embedding_dim=6,
        **{"start": START, **changes},
    )


def batches(n: int) -> list[TokenBatch]:
    generator = torch.Generator().manual_seed(3)
    made = []
    for i in range(n):
        longest = (4, 7, 10)[i % 3]
        lengths = torch.randint(1, longest, (6,), generator=generator)
        lengths[0] = longest
        ids = torch.randint(1, VOCAB_SIZE, (6, MAX_LENGTH), generator=generator)
        made.append(TokenBatch(ids * length_mask(lengths, MAX_LENGTH), lengths))
    return made


def train(method: NAGAN, n: int, **options: Any) -> pl.Trainer:
    torch.manual_seed(5)
    return fit(method, batches(n), **options)


def state(method: NAGAN) -> list[torch.Tensor]:
    return [x.detach().cpu().clone() for x in method.state_dict().values()]


class Everywhere(CaptureSteps):
    """Takes the path of a GPU on a processor, and keeps what stood in the place of the step."""

    def obstacle(self, trainer: pl.Trainer) -> str:
        return ""

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.steps = self._captured and self._captured._graphed
        super().on_train_end(trainer, pl_module)


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> Everywhere:
    monkeypatch.setattr("textgan_bench.training.capture.GraphedStep", NoGraph)
    return Everywhere()


@pytest.mark.usefixtures("everywhere")
def test_the_captured_step_reads_nothing_back() -> None:
    method = build()
    train(method, 1)
    (batch,) = batches(1)
    captured = CapturedSteps(method)
    with OnTheDevice():
        captured._step_of_fixed_shapes(*batch)
    captured.release()
    with pytest.raises(AssertionError, match="nonzero"), OnTheDevice():
        method.step(*batch)


def test_the_captured_step_moves_everything_and_lightning_counts_it(everywhere: Everywhere) -> None:
    method = build()
    train(method, 1)
    before = state(method)
    trainer = train(method, 6, callbacks=[everywhere])
    assert trainer.global_step == 12
    moved = [not torch.equal(a, b) for a, b in zip(before, state(method), strict=True)]
    assert sum(moved) > 0.9 * len(moved)
    assert int(method.updates) == 7
    assert isinstance(everywhere.steps, NoGraph)
    assert everywhere.steps.shapes == [(6, 4), (6, 8), (6, 10)] * 2


def test_a_method_has_its_own_step_again_after_training(everywhere: Everywhere) -> None:
    """A graph must not outlive the places of its parameters."""
    method = build()
    train(method, 1, callbacks=[everywhere])
    assert everywhere._captured is None
    assert not {"step", "descend"} & vars(method).keys()
    optimizers = cast("list[CountedRAdam]", method.optimizers(use_pl_optimizer=False))
    assert [optimizer.within_graph for optimizer in optimizers] == [False, False]


def test_what_is_drawn_at_the_start_does_not_hang_on_the_graphs(everywhere: Everywhere) -> None:
    """Calibration and word vectors change weights between the replacement and the first step."""
    start = replace(START, frequency_rate=0.0)
    still: dict[str, Any] = {f"{player}_lr": 0.0 for player in ("generator", "discriminator")}
    plain, captured = (build(start=start, **still) for _ in range(2))
    train(plain, 1)
    train(captured, 1, callbacks=[everywhere])
    torch.testing.assert_close(state(plain), state(captured), rtol=0, atol=0)


def test_a_step_that_cannot_be_captured_is_carried_out_without_a_graph(
    everywhere: Everywhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("textgan_bench.training.capture.GraphedStep", Refused)
    method = build()
    with pytest.warns(UserWarning, match="not permitted"):
        trainer = train(method, 3, callbacks=[everywhere])
    assert trainer.global_step == 6
    assert int(method.updates) == 3
    plain = build()
    train(plain, 3)
    torch.testing.assert_close(state(method), state(plain))


@pytest.mark.parametrize("discriminator", ["transformer", "rnn"])
def test_a_step_is_replaced_only_where_a_graph_can_hold_it(
    discriminator: str, everywhere: Everywhere
) -> None:
    train(build(discriminator=discriminator), 1, callbacks=[everywhere])
    assert (everywhere.steps is not None) == (discriminator == "transformer")


def test_steps_stay_as_they_are_without_a_gpu() -> None:
    capture = CaptureSteps()
    trainer = train(build(), 1, callbacks=[capture])
    assert capture.obstacle(trainer) == "no GPU"


class Measured(NAGAN):
    def on_fit_start(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def step(self, ids: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, ...]:
        self.shapes.append(tuple(ids.shape))
        return super().step(ids, lengths)


def test_a_batch_is_cut_to_its_longest_sentence_before_it_is_on_the_device() -> None:
    method = build(Measured)
    assert isinstance(method, Measured)
    train(method, 3)
    assert method.shapes == [(6, 4), (6, 7), (6, 10)]


def test_a_state_saved_within_a_graph_goes_on_without_one() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.ones(2)
    captured, optimizer = (CountedRAdam([parameter], lr=0.1) for _ in range(2))
    captured.place(within_graph=True)
    captured.update()
    optimizer.load_state_dict(captured.state_dict())
    optimizer.step()
    (group,) = optimizer.param_groups
    assert group["step"] == 2
    assert group["lr"] == 0.1


class Watched(NAGAN):
    """Keeps its losses."""

    def on_fit_start(self) -> None:
        self.losses: list[list[float]] = []

    def log_losses(self, losses: dict[str, torch.Tensor]) -> None:
        self.losses.append([float(x.detach()) for x in losses.values()])


class Replayed(CaptureSteps):
    """Counts the graphs at the end, and replays one of them twice."""

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert self._captured is not None
        graphed = self._captured._graphed
        self.graphs = len(graphed._captured)
        self.losses: list[float] = []
        if self.graphs:
            (batch,) = batches(1)
            inputs = batch.ids[:, :4].to(pl_module.device), batch.lengths.to(pl_module.device)
            self.losses = [float(graphed(*inputs)[-1]) for _ in range(2)]
        super().on_train_end(trainer, pl_module)


def on_gpu(n: int, kind: type[Watched] = Watched, **changes: Any) -> tuple[Watched, Replayed]:
    """A method after ``n`` batches, and what took its steps."""
    method, replayed = build(kind, **changes), Replayed()
    assert isinstance(method, Watched)
    train(method, n, accelerator="gpu", devices=1, callbacks=[replayed])
    return method, replayed


@pytest.mark.gpu
def test_a_graphed_run_equals_the_static_step_without_a_graph(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same kernels in the same order draw the same noise, dropout included."""
    graphed, replayed = on_gpu(20)
    assert replayed.graphs == 3
    monkeypatch.setattr(cuda_graphs.GraphedStep, "WARM_UP", math.inf)
    plain, replayed = on_gpu(20)
    assert replayed.graphs == 0
    torch.testing.assert_close(graphed.losses, plain.losses, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(state(graphed), state(plain), rtol=1e-3, atol=1e-4)


@pytest.mark.gpu
def test_two_replays_draw_different_noise_and_a_seeded_run_repeats() -> None:
    still = {"generator_lr": 0.0, "discriminator_lr": 0.0}
    (one, replayed), (again, _) = (on_gpu(9, Watched, **still) for _ in range(2))
    torch.testing.assert_close(one.losses, again.losses, rtol=1e-5, atol=1e-6)
    first, second = replayed.losses
    assert first != second


@pytest.mark.gpu
def test_a_seeded_training_repeats() -> None:
    """Sums in the order in which the device comes to them differ by rounding."""
    (one, _), (again, _) = (on_gpu(30) for _ in range(2))
    torch.testing.assert_close(one.losses, again.losses, rtol=1e-3, atol=1e-4)


class Reading(Watched):
    """Looks at a loss within its step."""

    def step(self, ids: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, ...]:
        losses = super().step(ids, lengths)
        assert math.isfinite(losses[0].item())
        return losses


@pytest.mark.gpu
def test_a_step_that_reads_back_trains_without_a_graph_and_says_why() -> None:
    with pytest.warns(UserWarning, match="no CUDA graph, so each step is several times slower"):
        method, replayed = on_gpu(9, Reading)
    assert replayed.graphs == 0
    assert int(method.updates) == 9


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("vocab_size", "max_length", "sentences", "bar"),
    [(4_839, 32, 64, 8.0), (501, 20, 128, 9.0)],
    ids=["coco", "hmm"],
)
def test_a_graphed_step_is_fast(
    vocab_size: int, max_length: int, sentences: int, bar: float
) -> None:
    """Milliseconds a step of the published network on an H200, and against our eager step."""
    torch.backends.cuda.matmul.allow_tf32 = True
    lengths = torch.full((sentences,), max_length)
    if max_length > 20:
        lengths = torch.randint(8, 24, (sentences,))
    ids = torch.randint(1, vocab_size, (sentences, max_length)) * length_mask(lengths, max_length)
    took = {}
    for graphs in (False, True):
        method = Fast(vocab_size, max_length, start=Start(frequency_rate=0.02))
        clock = Clock(warm_up=20)
        capture = [CaptureSteps()] if graphs else []
        data = [TokenBatch(ids, lengths)] * 120
        fit(method, data, accelerator="gpu", devices=1, callbacks=[clock, *capture])
        took[graphs] = clock.milliseconds
    assert took[True] <= bar, took
    assert took[False] >= 2.5 * took[True], took


class Fast(Watched):
    """Does not look at its losses, which would wait for the device."""

    def log_losses(self, losses: dict[str, torch.Tensor]) -> None:
        pass


class Clock(pl.Callback):
    """Milliseconds a batch after a warm-up, the device waited for at both ends."""

    def __init__(self, warm_up: int) -> None:
        self.warm_up = warm_up
        self.milliseconds = math.nan
        self._start = 0.0

    def on_train_batch_end(self, *arguments: Any) -> None:
        batch_idx = arguments[-1]
        if batch_idx == self.warm_up:
            torch.cuda.synchronize()
            self._start = time.perf_counter()
        elif batch_idx > self.warm_up:
            self._last = batch_idx

    def on_train_end(self, *_: Any) -> None:
        torch.cuda.synchronize()
        passed = time.perf_counter() - self._start
        self.milliseconds = 1e3 * passed / (self._last - self.warm_up)
