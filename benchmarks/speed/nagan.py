"""A step of NAGAN, both players, against the step as the field writes it (``plain_nagan``).

At the published network, 5 blocks of width 128 and an embedding of 300: HMM (128 sentences of 20
words, V 500), COCO (64 captions padded to 32, V 4,839) and SNLI (64 sentences cut at 40, V 42,981).
Words are random. Lengths of COCO are those of Texygen's file, in which a full stop is part of the
last word; where it is a word, as in our split, captions fill more of their padding, and operations
are counted for it, too. Lengths of SNLI are drawn from the log-normal law fitted to its sentences.
The penalty of both is measured at the embedded sentence, as our recipes do; for the paper's other
reading, at the one-hot, only the plain step's operations are counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.speed.bare import Bare
from benchmarks.speed.claims import ROUNDS, SEED, Claim, Texts, main, medians
from benchmarks.speed.plain_nagan import PlainNAGAN
from benchmarks.speed.work import work
from textgan_bench.kernels.shapes import fixed_shapes
from textgan_bench.methods import NAGAN
from textgan_bench.tokens import TokenBatch, length_mask

TEXYGEN = {8: 12, 9: 13, 10: 14, 11: 9, 12: 6, 13: 4, 14: 3, 15: 1, 17: 1, 19: 1}
"""How many of 64 quantiles of the lengths of Texygen's 10,000 captions (image_coco.txt) are which;
10.5 words on average."""

GEMM = 1024
SLOPE = 500, 20_000
SAMPLES = 256


def random_batch(lengths: Tensor, vocab_size: int, max_length: int) -> TokenBatch:
    ids = torch.randint(1, vocab_size, (len(lengths), max_length))
    return TokenBatch(ids * length_mask(lengths, max_length), lengths)


@dataclass(frozen=True)
class Setting:
    """A published setting, and the bars of plain / ours."""

    name: str
    lengths: Tensor
    vocab_size: int
    max_length: int
    operations: float
    time: float
    memory: float | None
    rounds: int = ROUNDS


def settings() -> list[Setting]:
    coco = torch.tensor(list(TEXYGEN)).repeat_interleave(torch.tensor(list(TEXYGEN.values())))
    snli = torch.randn(64).mul(0.41).add(2.14).exp().round().long().clamp(1, 40)
    return [
        Setting("HMM", torch.full((128,), 20), 501, 20, 1.4, 1.15, None),
        Setting("COCO", coco, 4_839, 32, 6, 4, 2),
        Setting("SNLI", snli, 42_981, 40, 15, 12, 4, rounds=3),
    ]


def measure(texts: Texts) -> list[Claim]:
    torch.manual_seed(SEED)
    steps = [claim for setting in settings() for claim in compare(setting)]
    return [*steps, split(captions(texts)), slope(), sampling(captions(texts))]


def captions(texts: Texts) -> Tensor:
    """(64,) lengths, quantiles of the text's."""
    lengths = torch.tensor([min(len(words), 32) for words in texts.sentences]).sort().values
    return lengths[len(lengths) // 128 :: len(lengths) // 64][:64]


def compare(setting: Setting) -> Iterator[Claim]:
    shape = setting.vocab_size, setting.max_length
    batch = random_batch(setting.lengths, *shape)
    ours, plain = Bare(NAGAN(*shape), batch), Bare(PlainNAGAN(*shape), batch)
    for step in (ours, plain):
        step()  # makes the states of the optimizers
    of_ours, of_plain = work(ours), work(plain)
    a, b = torch.randn(2, GEMM, GEMM)
    time = medians({"plain": plain, "ours": ours, "product": lambda: a @ b}, setting.rounds)
    note = f"{of_plain.flops / 1e9:,.0f} and {of_ours.flops / 1e9:.1f} GFLOP"
    yield Claim(
        f"step of NAGAN on {setting.name}, operations: plain / ours",
        setting.operations,
        of_plain.flops / of_ours.flops,
        note=note,
    )
    ratio = time["plain"] / time["ours"]
    yield Claim(f"time, {setting.name}: plain / ours", setting.time, ratio)
    if setting.memory:
        note = f"{of_plain.peak / 1e6:,.0f} and {of_ours.peak / 1e6:,.0f} MB of tensors made"
        ratio = of_plain.peak / of_ours.peak
        yield Claim(f"memory, {setting.name}: plain / ours", setting.memory, ratio, note=note)
    rate = of_ours.flops / time["ours"] / (2 * GEMM**3 / time["product"])
    yield Claim(f"rate, {setting.name}: ours / a matrix product", 25, 100 * rate, "%")


def split(lengths: Tensor) -> Claim:
    """Captions whose full stops are words."""
    batch = random_batch(lengths, 4_839, 32)
    ours, plain = (work(Bare(kind(4_839, 32), batch)).flops for kind in (NAGAN, PlainNAGAN))
    return Claim(
        "the same on COCO at the lengths of our split: plain / ours",
        5.5,
        plain / ours,
        note=f"{lengths.float().mean():.1f} words, full stops included",
    )


def slope() -> Claim:
    """Seconds a word of the vocabulary, 16 sentences of 20 words without padding."""
    calls = {
        f"{kind.__name__} {vocab_size}": Bare(
            kind(vocab_size, 20), random_batch(torch.full((16,), 20), vocab_size, 20)
        )
        for kind in (NAGAN, PlainNAGAN)
        for vocab_size in SLOPE
    }
    for step in calls.values():
        step()
    time = medians(dict(calls))
    ours, plain = (
        time[f"{kind.__name__} {SLOPE[1]}"] - time[f"{kind.__name__} {SLOPE[0]}"]
        for kind in (NAGAN, PlainNAGAN)
    )
    return Claim(
        "time of a step of NAGAN a word of the vocabulary: plain / ours", 2.5, plain / ours
    )


def sampling(lengths: Tensor) -> Claim:
    """Sentences of the lengths of captions, against padding them all to 32."""
    method = NAGAN(4_839, 32)
    method.length_counts.copy_(torch.bincount(lengths, minlength=33))

    @torch.no_grad()
    def padded() -> Tensor:
        drawn = torch.multinomial(method.length_counts, SAMPLES, replacement=True)
        z = torch.randn(SAMPLES, 32, 64)
        with fixed_shapes():
            return method.average(z, length_mask(drawn, 32), method.dropout).argmax(-1)

    time = medians({"padded": padded, "ours": lambda: method.sample(SAMPLES)})
    return Claim("samples of NAGAN: padded / ours", 2, time["padded"] / time["ours"])


if __name__ == "__main__":
    main(measure)
