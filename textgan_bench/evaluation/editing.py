"""``edit``: a sentence gets another word by a step, or several, of the latents it is written from.

Huang et al. (under review, ICLR 2021), sections 3.4, 4.3 and A.5. A sentence X = G(Z) has the
source word, and is to have the target word x'.

Gradient descent (eq. 30) goes, for each position t, along

    Z := Z + d(o_{t, x'} + β sum_{i != t} o_{i, x_i}) / dZ,    β = 0.1,

o being the relaxed words of the generator, until the sentence has the target word. Of the positions
that succeed the smallest change is kept. The paper also lets other optimizers take the step.

An offset vector (Zhao et al., 2018) ignores the sentence: Z := Z + β Δ, where Δ is the mean of the
latents of sentences with the target word minus that of sentences with the source word.

Read into the paper, which does not say: the smallest change is that of fewest words (``overlap``),
of several the shortest way in Z; sources do not have the target word already; Δ has a mean for each
position, over the sentences that reach it; at most ``LIMIT`` steps are taken; the rates below.

Shapes: B sentences, K sentences times positions, T time, W words, Z latent.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from textgan_bench.errors import UserError, meant
from textgan_bench.functional.subsequences import overlap
from textgan_bench.interfaces import Latents, LatentWriter, TextDataModule, WordwiseWriter
from textgan_bench.tokens import PAD, Sentence, TokenBatch, Vocabulary, length_mask

KEEP = 0.1
"""β of eq. 30: how much a word that is to stay weighs, against the target word."""

OFFSET_STEP = 0.1
"""β of the offset vector's step."""

LIMIT = 100
"""Steps, at most."""

POOL = 100_000
"""Sentences that sources are taken from, and means are of (A.5)."""

DRAWN = 500
"""Sentences written at once: memory grows with it and speed no longer does."""

ROWS = 64
"""Sentences that are differentiated at once; likewise."""

BETAS, EPSILON = (0.9, 0.999), 1e-8
"""Of Adam (Kingma and Ba, 2015)."""

QUIET_SECONDS = 3  # before a progress bar appears


class Rule(NamedTuple):
    """How far a gradient moves the latents."""

    rate: float
    adaptive: bool
    """Whether Adam makes the step of it."""


OFFSET = "offset"

RULES = {
    "adam": Rule(0.005, adaptive=True),
    "sgd": Rule(4.0, adaptive=False),
    "plain": Rule(1.0, adaptive=False),
    OFFSET: None,
}
"""Eq. 30 with the optimizers that A.5 names, and as printed; and the offset vector, which follows
no gradient. The rates are ours: on six captions, black to white, Adam succeeds at 0.005, 0.02, 0.1
and 0.3, and keeps 0.84, 0.76, 0.55 and 0.38 of a sentence; SGD at 4 and 30 keeps 0.77 and 0.54."""


@dataclass(frozen=True)
class Edit:
    """What became of a sentence."""

    source: Sentence
    edited: Sentence | None
    """With the target word; None where it was not reached."""
    position: int | None
    """The place, counted from 1, whose word the gradient was to change; None of an offset."""
    steps: int | None

    @property
    def overlap(self) -> float:
        """Share of words that stayed, in [0, 1]; nan of an edit that failed."""
        return float("nan") if self.edited is None else overlap(self.source, self.edited)


class Pair(NamedTuple):
    """A word that a sentence has, and the one that it shall have, as indices."""

    source: int
    target: int


@dataclass(frozen=True)
class Pool:
    """What is known of many sentences of a generator."""

    sources: dict[Pair, Latents]
    """Latents of the first sentences that have the source word and lack the target word."""
    means: dict[int, Tensor | None]
    """(T, Z) mean latents of the sentences that have a word, nan at a position that none of them
    has; None for a word that none has."""

    def offset(self, pair: Pair) -> Tensor | None:
        """(T, Z) the offset vector, 0 at positions where it has no evidence; None without any."""
        source, target = self.means[pair.source], self.means[pair.target]
        return None if source is None or target is None else (target - source).nan_to_num(0.0)


class Editor:
    """Edits sentences of a trained generator.

    Args:
        model: its method.
        data: its data, set up.

    Raises:
        UserError: its sentences do not follow from latents.
    """

    def __init__(self, model: object, data: TextDataModule) -> None:
        if not isinstance(model, LatentWriter):
            raise UserError(
                f"{type(model).__name__} does not write its sentences from latents alone, as NAGAN "
                "does"
            )
        self.model = model
        self.data = data

    @property
    def rules(self) -> list[str]:
        """Names of the ways in which sentences of this generator can be edited."""
        return list(RULES) if isinstance(self.model, WordwiseWriter) else [OFFSET]

    def pair(self, source: str, target: str) -> Pair:
        """The indices of two words.

        Raises:
            UserError: the vocabulary lacks one, or they are the same.
        """
        if source == target:
            raise UserError(f"'{source}' is to become another word, not '{target}'")
        return Pair(*(index_of(word, self.data.vocabulary) for word in (source, target)))

    @torch.no_grad()
    def pool(self, pairs: Sequence[Pair], n: int, *, size: int = POOL, whole: bool = True) -> Pool:
        """Write ``size`` sentences, keep ``n`` sources a pair and the means of their words.

        Args:
            pairs: words to be changed.
            n: number of sources of each pair, at most: there may be fewer.
            size: number of sentences.
            whole: whether all of them are wanted, for means. Otherwise no more sentences are
                written than the sources take, and there are no means.
        """
        words = torch.tensor(sorted({word for pair in pairs for word in pair}))
        column = {int(word): i for i, word in enumerate(words)}
        found: dict[Pair, list[tuple[Tensor, Tensor]]] = {pair: [] for pair in pairs}
        totals: Totals | None = None
        bar = tqdm(total=size, desc="sentences", leave=False, delay=QUIET_SECONDS)
        for latents, batch in self._written(size):
            bar.update(len(batch.ids))
            has = (batch.ids[:, None] == words.to(batch.ids.device)[:, None]).any(2)  # (B, W)
            for pair, kept in found.items():
                fits = has[:, column[pair.source]] & ~has[:, column[pair.target]]
                for i in fits.nonzero().flatten()[: n - len(kept)].tolist():
                    # A copy: a view would keep the latents of all sentences written with it.
                    kept.append((latents.z[i, : latents.counts[i]].clone(), latents.counts[i]))
            if whole:
                totals = totals or Totals.empty(len(words), self.data.max_length, latents.z)
                totals.add(has, latents)
            elif all(len(kept) == n for kept in found.values()):
                break
        bar.close()
        sources = {pair: stacked(kept) for pair, kept in found.items() if kept}
        means = {} if totals is None else dict(zip(column, totals.means(), strict=True))
        return Pool(sources, means)

    def _written(self, size: int) -> Iterator[tuple[Latents, TokenBatch]]:
        for first in range(0, size, DRAWN):
            latents = self.model.draw_latents(min(DRAWN, size - first))
            yield latents, self.model.write_latents(latents)

    def edit(self, pair: Pair, sources: Latents, rule: str, pool: Pool) -> list[Edit]:
        """Edit each source.

        Args:
            pair: source word and target word.
            sources: latents of sentences that lack the target word.
            rule: one of ``rules``.
            pool: means of both words where the rule is an offset; without those of the words no
                edit succeeds.

        Raises:
            UserError: there is no such rule for this generator.
        """
        if rule not in self.rules:
            raise UserError(
                f"sentences of {type(self.model).__name__} are not edited by {rule}: choose one "
                f"of {', '.join(self.rules)}"
            )
        before = self.data.text(self.model.write_latents(sources))
        way = RULES[rule]
        if way is None or not isinstance(self.model, WordwiseWriter):
            offset = pool.offset(pair)
            found = [] if offset is None else shift(self.model, sources, pair.target, offset)
        else:
            found = descend(self.model, sources, pair.target, way)
        best = [Edit(source, None, None, None) for source in before]
        moves = [0.0] * len(best)
        for reached in found:
            (after,) = self.data.text(reached.sentence)
            i = reached.row
            edit = Edit(before[i], after, reached.position, reached.steps)
            if best[i].edited is None or (edit.overlap, -reached.moved) > (
                best[i].overlap,
                -moves[i],
            ):
                best[i], moves[i] = edit, reached.moved
        return best


@dataclass(frozen=True)
class Totals:
    """Sums of latents of the sentences that have each of some words."""

    sums: Tensor
    """(W, T, Z)"""
    counts: Tensor
    """(W, T) sentences that reach a position."""

    @classmethod
    def empty(cls, words: int, max_length: int, like: Tensor) -> "Totals":
        """Of no sentence; ``like`` (B, T, Z) holds latents."""
        sums = like.new_zeros(words, max_length, like.shape[2], dtype=torch.float64)
        return cls(sums, sums.new_zeros(words, max_length))

    def add(self, has: Tensor, latents: Latents) -> None:
        """Add sentences that have words as ``has`` (B, W) says."""
        steps = latents.z.shape[1]
        mask = length_mask(latents.counts, steps).to(self.sums)  # (B, T)
        z = latents.z.to(self.sums) * mask[:, :, None]
        having = has.to(self.sums).T  # (W, B)
        self.sums[:, :steps] += (having @ z.flatten(1)).unflatten(1, z.shape[1:])
        self.counts[:, :steps] += having @ mask

    def means(self) -> list[Tensor | None]:
        """(T, Z) means for each word, nan at a position that none reaches; None without any."""
        means = (self.sums / self.counts[:, :, None]).float()
        return [
            mean if int(count[0]) else None for mean, count in zip(means, self.counts, strict=True)
        ]


class Reached(NamedTuple):
    """A sentence with the target word."""

    row: int
    """Of its source."""
    sentence: TokenBatch
    """Itself, a batch of one."""
    position: int | None
    steps: int
    moved: float
    """Length of the way from the source's latents."""


def shift(model: LatentWriter, sources: Latents, target: int, offset: Tensor) -> list[Reached]:
    """Move latents (B, T, Z) along an offset (T', Z) until their sentences have the target word."""
    z, counts = sources
    rows = torch.arange(len(z), device=z.device)
    step = OFFSET_STEP * offset[: z.shape[1]].to(z)
    found = []
    for taken in range(1, LIMIT + 1):
        z = z + step
        batch = model.write_latents(Latents(z, counts))
        done = (batch.ids == target).any(1)
        for i in done.nonzero().flatten().tolist():
            way = (z[i] - sources.z[rows[i]])[: counts[i]]
            found.append(Reached(int(rows[i]), row_of(batch, i), None, taken, float(way.norm())))
        z, counts, rows = z[~done], counts[~done], rows[~done]
        if not len(rows):
            break
    return found


def descend(model: WordwiseWriter, sources: Latents, target: int, rule: Rule) -> list[Reached]:
    """Move latents (B, T, Z) along the gradient of eq. 30, for each position by itself.

    All sentences and positions go at once; those that have the target word go no farther.
    """
    ids = model.write_latents(sources).ids[:, : sources.z.shape[1]]  # (B, T)
    mask = length_mask(sources.counts, ids.shape[1])
    order = sources.counts.argsort(stable=True)  # like lengths side by side: little padding
    row, place = mask[order].nonzero(as_tuple=True)  # (K,)
    row = order[row]
    wanted = ids[row]  # (K, T)
    weights = torch.full(wanted.shape, KEEP, device=wanted.device)
    one = torch.arange(len(row), device=wanted.device)
    wanted[one, place], weights[one, place] = target, 1.0
    z, counts = sources.z[row], sources.counts[row]
    step = _steps_of(rule)
    found = []
    bar = tqdm(total=LIMIT, desc="steps", leave=False, delay=QUIET_SECONDS)
    for taken in range(LIMIT + 1):
        gradient, batch = _gradient(model, Latents(z, counts), wanted, weights)
        done = (batch.ids == target).any(1)
        for i in done.nonzero().flatten().tolist():
            way = (z[i] - sources.z[row[i]])[: counts[i]]
            sentence = row_of(batch, i)
            found.append(
                Reached(int(row[i]), sentence, int(place[i]) + 1, taken, float(way.norm()))
            )
        going = ~done
        if taken == LIMIT or not going.any():
            break
        z = z[going] + step(gradient[going], going)
        counts, row, place = counts[going], row[going], place[going]
        wanted, weights = wanted[going], weights[going]
        bar.update()
    bar.close()
    return found


def _steps_of(rule: Rule) -> Callable[[Tensor, Tensor], Tensor]:
    """A function from the gradient of rows that go on, and which of the last these are, to steps.

    Adam's are those of ``torch.optim.Adam``, whose state cannot follow rows that leave.
    """
    if not rule.adaptive:
        return lambda gradient, going: rule.rate * gradient
    first, second, taken = torch.zeros(()), torch.zeros(()), 0

    def step(gradient: Tensor, going: Tensor) -> Tensor:
        nonlocal first, second, taken
        taken += 1
        if taken > 1:
            first, second = first[going], second[going]
        else:
            first, second = torch.zeros_like(gradient), torch.zeros_like(gradient)
        first = torch.lerp(first, gradient, 1 - BETAS[0])
        second = torch.lerp(second, gradient.square(), 1 - BETAS[1])
        mean, square = (
            moment / (1 - beta**taken) for moment, beta in zip((first, second), BETAS, strict=True)
        )
        return rule.rate * mean / (square.sqrt() + EPSILON)

    return step


def _gradient(
    model: WordwiseWriter, latents: Latents, wanted: Tensor, weights: Tensor
) -> tuple[Tensor, TokenBatch]:
    """(K, T, Z) gradient of the weighted entries of the words ``wanted`` (K, T), and sentences."""
    gradient = torch.zeros_like(latents.z)
    ids = torch.full_like(wanted, PAD)
    parts = (tensor.split(ROWS) for tensor in (latents.z, latents.counts, wanted, weights))
    first = 0
    for z, counts, words, weight in zip(*parts, strict=True):
        rows, steps = slice(first, first + len(z)), int(counts.max())
        first += len(z)
        with torch.enable_grad():
            leaf = z[:, :steps].detach().requires_grad_()
            entries, batch = model.relax_latents(Latents(leaf, counts), words[:, :steps])
            (slope,) = torch.autograd.grad((entries * weight[:, :steps]).sum(), leaf)
        gradient[rows, :steps], ids[rows, :steps] = slope, batch.ids
    return gradient, TokenBatch(ids, latents.counts)


def index_of(word: str, vocabulary: Vocabulary) -> int:
    """The index of a word that a generator may write.

    Raises:
        UserError: the vocabulary lacks it.
    """
    words = vocabulary.tokens[PAD + 1 :]
    if word not in words:
        raise UserError(f"'{word}' is not a word of this run's vocabulary{meant(word, words)}")
    return words.index(word) + PAD + 1


def row_of(batch: TokenBatch, i: int) -> TokenBatch:
    """One sentence of a batch."""
    return TokenBatch(batch.ids[i : i + 1], batch.lengths[i : i + 1])


def stacked(kept: Sequence[tuple[Tensor, Tensor]]) -> Latents:
    """One batch of latents (T, Z) and their counts; padding is 0."""
    counts = torch.stack([count for _, count in kept])
    return Latents(torch.nn.utils.rnn.pad_sequence([z for z, _ in kept], batch_first=True), counts)
