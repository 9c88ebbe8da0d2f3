"""A step of NAGAN on a GPU: replayed as one CUDA graph, against our step without one.

Without a graph nothing is padded and the penalty's second derivative is that of one sentence; the
graph, whose shapes are fixed, pads and differentiates all. At the published network: HMM (128
sentences of 20 words, V 500) and COCO (64 captions padded to 24 words, which nine batches of ten do
not exceed, V 4,839). Both take what a run takes, ``allow_tf32`` included, and are timed by the
device's own events. The notes say what bounds the replay: how many kernels it holds, for how long
the device is at work in them, and how long the matrix products alone would take at the rate of a
large one. The bars in milliseconds are for an H200, and no other GPU is held to them.
"""

import statistics
from collections.abc import Callable, Iterator
from itertools import cycle

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from benchmarks.speed.bare import Bare
from benchmarks.speed.claims import ROUNDS, SEED, Claim, Texts, main
from benchmarks.speed.nagan import captions, random_batch
from benchmarks.speed.work import work
from textgan_bench.methods import NAGAN
from textgan_bench.methods.nagan import Start
from textgan_bench.tokens import TokenBatch
from textgan_bench.training.capture import CapturedSteps

STEPS, WARM_UP, WATCHED = 20, 10, 5
GEMM = 8_192
BARS = {"COCO": 8.0, "HMM": 9.0}  # ms


def measure(texts: Texts) -> list[Claim]:
    """All claims.

    Raises:
        SystemExit: there is no GPU.
    """
    if not torch.cuda.is_available():
        raise SystemExit("graphs: this is measured on a GPU, and there is none")
    torch.manual_seed(SEED)
    torch.backends.cuda.matmul.allow_tf32 = True
    shapes = {
        "COCO": (captions(texts), 4_839, 24),
        "HMM": (torch.full((128,), 20), 501, 20),
    }
    return [claim for name, shape in shapes.items() for claim in compare(name, *shape)]


def compare(name: str, lengths: Tensor, vocab_size: int, longest: int) -> Iterator[Claim]:
    batch = random_batch(lengths, vocab_size, longest)
    flops = work(Bare(published(vocab_size), batch)).flops
    eager, graph = (on_gpu(published(vocab_size), batch, graphs) for graphs in (False, True))
    a, b = torch.randn(2, GEMM, GEMM, device="cuda")
    took = milliseconds({"eager": eager, "graph": graph, "product": lambda: a @ b})
    kernels, busy = at_work(graph)
    arithmetic = took["product"] * flops / (2 * GEMM**3)
    note = (
        f"{kernels:,.0f} kernels, the device at work in them for {busy:.2f} ms; matrix products "
        f"alone {arithmetic:.2f} ms"
    )
    if "H200" in torch.cuda.get_device_name():
        step = f"step of NAGAN on {name}, one CUDA graph on an H200"
        yield Claim(step, BARS[name], took["graph"], "ms", at_least=False, note=note)
    ratio = f"step of NAGAN on {name}: without / as one CUDA graph"
    note = f"{took['eager']:.1f} and {took['graph']:.2f} ms"
    yield Claim(ratio, 2.5, took["eager"] / took["graph"], note=note)


def published(vocab_size: int) -> NAGAN:
    return NAGAN(vocab_size, 32, start=Start(frequency_rate=0.1))  # as in the recipes of both


def on_gpu(method: NAGAN, batch: TokenBatch, graphs: bool) -> Bare:
    """Steps of ``method``, its graph captured."""
    step = Bare(method.cuda(), TokenBatch(batch.ids.cuda(), batch.lengths.cuda()))
    if graphs:
        CapturedSteps(method)
    for _ in range(WARM_UP):
        step()
    return step


def milliseconds(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median time of a call, all of them in turn in every round."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for name, call in cycle(calls.items()):
        if len(times[name]) == ROUNDS:
            break
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        start.record()
        for _ in range(STEPS):
            call()
        end.record()
        torch.cuda.synchronize()
        times[name].append(start.elapsed_time(end) / STEPS)
    return {name: statistics.median(measured) for name, measured in times.items()}


def at_work(call: Callable[[], object]) -> tuple[float, float]:
    """Kernels of a call, and the milliseconds they take together."""
    with profile(activities=[ProfilerActivity.CUDA]) as watched:
        for _ in range(WATCHED):
            call()
        torch.cuda.synchronize()
    kernels = [event for event in watched.events() if event.device_type.name == "CUDA"]
    busy = sum(event.device_time_total for event in kernels)  # µs
    return len(kernels) / WATCHED, busy / WATCHED / 1e3


if __name__ == "__main__":
    main(measure)
