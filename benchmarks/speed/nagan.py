"""A step of NAGAN, both players, against the step as the field writes it (``plain_nagan``).

At the published network, 5 blocks of width 128 and an embedding of 300: HMM (128 sentences of 20
words, V 500), COCO (64 captions padded to 32, V 4,839) and SNLI (64 sentences cut at 40, V 42,981).
Words are random. Lengths of COCO are those of the text, lengths of SNLI are drawn from the
log-normal law fitted to its sentences. The penalty of both is measured at the embedded sentence,
as our recipes do; for the paper's other reading, at the one-hot, only the plain step's operations
are counted.
"""

import torch
from torch import Tensor
from torch.optim import Optimizer

from benchmarks.speed.claims import ROUNDS, SEED, Claim, Texts, main, medians
from benchmarks.speed.plain_nagan import PlainNAGAN
from benchmarks.speed.work import work
from textgan_bench.methods import NAGAN
from textgan_bench.tokens import TokenBatch, length_mask

GEMM = 1024
SLOPE = 500, 20_000


class Bare(NAGAN):
    """Our step without a trainer."""

    def manual_backward(self, loss: Tensor) -> None:
        loss.backward()

    def log_losses(self, losses: dict[str, Tensor]) -> None:
        pass


class BarePlain(PlainNAGAN, Bare):
    """The plain step without a trainer."""


class Step:
    """One batch and one method; called, it trains on it."""

    def __init__(self, method: Bare, batch: TokenBatch) -> None:
        self.method = method
        self.batch = batch
        optimizers: list[Optimizer] = method.configure_optimizers()
        method.optimizers = lambda: optimizers  # type: ignore[method-assign]
        self()  # makes the states of the optimizers

    def __call__(self) -> None:
        self.method.training_step(self.batch, 0)


def random_batch(lengths: Tensor, vocab_size: int, max_length: int) -> TokenBatch:
    ids = torch.randint(1, vocab_size, (len(lengths), max_length))
    return TokenBatch(ids * length_mask(lengths, max_length), lengths)


def measure(texts: Texts) -> list[Claim]:
    torch.manual_seed(SEED)
    captions = torch.tensor([min(len(words), 32) for words in texts.sentences])
    snli = torch.randn(64).mul(0.41).add(2.14).exp().round().long().clamp(1, 40)
    settings = {  # lengths, V, padded length; bars on operations, time and memory; rounds
        "HMM": (torch.full((128,), 20), 501, 20, 1.4, 1.15, None, ROUNDS),
        "COCO": (captions[torch.randperm(len(captions))[:64]], 4_839, 32, 6, 4, 2, ROUNDS),
        "SNLI": (snli, 42_981, 40, 15, 12, 4, 3),
    }
    claims: list[Claim] = []
    for name, (lengths, vocab_size, longest, *bars, rounds) in settings.items():
        claims += compare(
            name, random_batch(lengths, vocab_size, longest), vocab_size, bars, rounds
        )
    return [*claims, slope()]


def compare(
    name: str, batch: TokenBatch, vocab_size: int, bars: list[float | None], rounds: int
) -> list[Claim]:
    max_length = batch.ids.shape[1]
    ours = Step(Bare(vocab_size, max_length), batch)
    plain = Step(BarePlain(vocab_size, max_length), batch)
    a, b = torch.randn(2, GEMM, GEMM)
    of_ours, of_plain = work(ours), work(plain)
    at_one_hot = work(Step(BarePlain(vocab_size, max_length, at_one_hot=True), batch))
    time = medians({"plain": plain, "ours": ours, "product": lambda: a @ b}, rounds)
    of_peak = of_ours.flops / time["ours"] / (2 * GEMM**3 / time["product"])
    flops, seconds, memory = bars
    assert flops is not None
    assert seconds is not None
    rows = [
        Claim(
            f"NAGAN step on {name}, operations: plain / ours",
            flops,
            of_plain.flops / of_ours.flops,
            note=f"{of_plain.flops / 1e9:.1f} and {of_ours.flops / 1e9:.1f} GFLOP; "
            f"{at_one_hot.flops / of_ours.flops:.1f} × with the plain penalty at the one-hot",
        ),
        Claim(f"its time: plain / ours ({name})", seconds, time["plain"] / time["ours"]),
        Claim(f"its rate / that of a matrix product ({name})", 25, 100 * of_peak, "%"),
    ]
    if memory:
        note = f"{of_plain.peak / 1e6:,.0f} and {of_ours.peak / 1e6:,.0f} MB beside the states"
        figure = of_plain.peak / of_ours.peak
        rows.append(Claim(f"its memory: plain / ours ({name})", memory, figure, note=note))
    return rows


def slope() -> Claim:
    """Seconds a word of the vocabulary, 16 sentences of 20 words without padding."""
    calls = {
        f"{kind.__name__} {vocab_size}": Step(
            kind(vocab_size, 20), random_batch(torch.full((16,), 20), vocab_size, 20)
        )
        for kind in (Bare, BarePlain)
        for vocab_size in SLOPE
    }
    time = medians(calls)  # type: ignore[arg-type]
    ours, plain = (
        time[f"{kind.__name__} {SLOPE[1]}"] - time[f"{kind.__name__} {SLOPE[0]}"]
        for kind in (Bare, BarePlain)
    )
    return Claim("its growth with the vocabulary: plain / ours", 2.5, plain / ours)


if __name__ == "__main__":
    main(measure)
