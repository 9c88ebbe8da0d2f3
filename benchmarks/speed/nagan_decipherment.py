"""A step of NAGAN's decipherment, both players, against a pass a loss on one-hots.

At the published network, 5 blocks of width 128 and an embedding of 300, with the 9,378 words of our
word substitution (``yelp-wordsub``) and 64 sentences a side. Words are random, lengths those of the
same text. Before anything is timed the losses of both are compared in double precision, without
noise.
"""

import torch
from torch import Tensor

from benchmarks.speed.bare import Bare
from benchmarks.speed.claims import SEED, Claim, Texts, check, main, medians
from benchmarks.speed.plain_nagan_decipherment import PlainNAGANDecipherment
from benchmarks.speed.work import work
from textgan_bench.methods import NAGANDecipherment
from textgan_bench.tokens import CipherBatch, length_mask

VOCABULARY, LENGTH = 9_380, 15
LENGTHS = {3: 2, 4: 2, 5: 4, **dict.fromkeys(range(6, 12), 6), **dict.fromkeys(range(12, 16), 5)}
"""How many of 64 quantiles of the lengths of ``yelp-wordsub`` are which; 9.5 words on average."""
COMPARED = slice(None, None, 8)
"""Sentences whose losses are compared."""
ROUNDS = 3


class First(NAGANDecipherment):
    """Of a training's first batch, always: alpha and beta count in full."""

    @property
    def batches_done(self) -> int:
        return 0


class Quiet(PlainNAGANDecipherment):
    """Draws no noise."""

    def perturb(self, scores: Tensor) -> Tensor:
        return scores

    def gumbel(self, scores: Tensor) -> Tensor:
        return torch.zeros_like(scores)


def random_batch(lengths: Tensor) -> CipherBatch:
    """Sentences of ``lengths`` (2 B,), the first half plain."""
    ids = torch.randint(1, VOCABULARY, (len(lengths), LENGTH)) * length_mask(lengths, LENGTH)
    (plain, cipher), (long, short) = ids.chunk(2), lengths.chunk(2)
    return CipherBatch(plain, long, cipher, short)


def measure(texts: Texts) -> list[Claim]:
    torch.manual_seed(SEED)
    lengths = torch.tensor(list(LENGTHS)).repeat_interleave(torch.tensor(list(LENGTHS.values())))
    both = torch.cat([lengths, lengths[torch.randperm(len(lengths))]])
    compare(random_batch(both[COMPARED]))
    batch = random_batch(both)
    ours, plain = (
        Bare(kind(VOCABULARY, LENGTH), batch) for kind in (First, PlainNAGANDecipherment)
    )
    for step in (ours, plain):
        step()  # makes the states of the optimizers
    of_ours, of_plain = work(ours), work(plain)
    time = medians({"plain": plain, "ours": ours}, ROUNDS)
    note = (
        f"{time['ours']:.2g} s of the processor; {of_plain.flops / 1e9:,.0f} and "
        f"{of_ours.flops / 1e9:,.0f} GFLOP; {lengths.float().mean():.1f} words a sentence"
    )
    ratio = time["plain"] / time["ours"]
    return [Claim("step of NAGAN's decipherment: plain / ours", 3, ratio, note=note)]


def compare(batch: CipherBatch) -> None:
    """Check that both have the same losses, where nothing is drawn."""
    method = Quiet(VOCABULARY, LENGTH, dropout=0, drop=0, shuffle=0).double()
    text = method.sides(batch)
    losses, written = method.translator_losses(text)
    losses["discriminator"] = method.discriminator_loss(text, written)
    expected = method.plain_translator_losses(batch)
    expected["discriminator"] = method.plain_discriminator_loss(batch)
    for name, loss in losses.items():
        check(torch.allclose(loss, expected[name], rtol=1e-9), f"{name} loss")


if __name__ == "__main__":
    main(measure)
