"""How the samples of a data set are judged, and the reference rows that they are read beside.

A corpus chooses one of these: written from nothing (``Judging``), with a known distribution
(``WithOracle``), made of a sentence each (``Paired``), rewritten in another style (``Transfer``).
"""

from collections.abc import Callable
from functools import partial
from itertools import cycle
from typing import Protocol

import torch

from datamodules.arrow import Encoded
from datamodules.batches import select
from datamodules.cheats import cheats
from textgan_bench.errors import UserError
from textgan_bench.interfaces import Oracle, Split
from textgan_bench.metrics import CorpusBLEU, OracleNLL, TokenAccuracy
from textgan_bench.metrics.profiles import (
    DEFAULT,
    PERPLEXITY,
    PROFILES,
    REVERSE_PERPLEXITY,
    Entry,
)
from textgan_bench.metrics.transfer import TransferScores, style_classifier
from textgan_bench.tokens import PAD, Sentence, TokenBatch, TransferBatch, length_mask

ANCHOR_SEED = 1_000
"""Added to the seed of fresh samples of an oracle, so that no split is drawn again."""


class Judging:
    """Samples are written from nothing, and judged as a set by held-out text.

    Args:
        entries: metrics that judge a text against references of its kind.
    """

    is_paired = False
    """Whether each sample is made of a sentence of the split, which is its own reference."""

    def __init__(self, entries: tuple[Entry, ...] = PROFILES[DEFAULT].entries) -> None:
        self.entries = entries

    def of_test(self, data: Encoded) -> tuple[Entry, ...]:
        """Metrics that judge a whole text of the test split beside ``entries``."""
        return ()

    def halves(self, data: Encoded) -> tuple[list[Sentence], list[Sentence]] | None:
        """Samples and references: the test text cut in two, None where fresh text can be had."""
        test = data.sentences("test")
        if len(test) < 4:  # a spread needs two of a half
            return None
        order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0)).tolist()
        shuffled = [test[row] for row in order]
        size = len(test) // 2
        return shuffled[:size], shuffled[size : 2 * size]

    def anchors(self, data: Encoded, n: int, seed: int) -> dict[str, list[Sentence]]:
        """``real``: training text, without repetition; ``unigram`` and ``uniform`` words.

        Where training is smaller than ``n``, validation text is drawn too.

        Raises:
            UserError: ``n`` exceeds both together.
        """
        known = data.splits["train"]
        if n > len(known.ids):
            pairs = zip(known, data.splits["validation"], strict=True)
            known = type(known)(*(torch.cat(pair) for pair in pairs))
        if n > len(known.ids):
            raise UserError(
                f"{n} real sentences were asked for, training and validation have {len(known.ids)}"
            )
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randperm(len(known.ids), generator=generator)[:n]
        real = data.decode(select(known, rows))
        return {"real": real} | frequency_anchors(data, n, generator)

    def cheats(self, data: Encoded, n: int, seed: int) -> dict[str, Callable[[], list[Sentence]]]:
        """Reference rows that are built to win a score, each written when it is called for.

        None where a sample is made of a sentence: such a table is not of generation.
        """
        return {} if self.is_paired else cheats(data, n, seed)

    def rewritings(self, data: Encoded) -> dict[str, list[Sentence]]:
        """Reference rows that rewrite the test sentences, each aligned with them."""
        return {}


def frequency_anchors(
    data: Encoded, n: int, generator: torch.Generator
) -> dict[str, list[Sentence]]:
    """``unigram``: words at training frequencies, and ``uniform``; lengths as in training."""
    train = data.splits["train"]
    lengths = train.lengths[torch.randint(len(train.lengths), (n,), generator=generator)]
    unigram = torch.bincount(train.ids.ravel(), minlength=len(data.vocabulary)).double()
    weights = {"unigram": unigram, "uniform": torch.ones_like(unigram)}
    mask = length_mask(lengths, train.ids.shape[1])
    anchors = {}
    for name, weight in weights.items():
        weight[PAD] = 0
        ids = torch.multinomial(weight, mask.numel(), replacement=True, generator=generator)
        anchors[name] = data.decode(TokenBatch(ids.view(mask.shape).where(mask, PAD), lengths))
    return anchors


class Sampler(Oracle, Protocol):
    """An oracle that sentences can be drawn from."""

    def sample(self, n: int, seed: int) -> TokenBatch:
        """``n`` sentences, always the same of a seed."""
        ...


class WithOracle(Judging):
    """The distribution of the text is known: its likelihood judges too, and it is drawn afresh."""

    def __init__(
        self, oracle: Sampler, entries: tuple[Entry, ...] = PROFILES[DEFAULT].entries
    ) -> None:
        super().__init__((Entry(partial(OracleNLL, oracle), ("vocabulary",)), *entries))
        self.oracle = oracle

    def halves(self, data: Encoded) -> None:
        return None

    def anchors(self, data: Encoded, n: int, seed: int) -> dict[str, list[Sentence]]:
        """``oracle``: fresh samples of it; ``unigram`` and ``uniform`` words."""
        generator = torch.Generator().manual_seed(ANCHOR_SEED + seed)
        fresh = data.decode(self.oracle.sample(n, ANCHOR_SEED + seed))
        return {"oracle": fresh} | frequency_anchors(data, n, generator)


class Paired(Judging):
    """A sample is made of a sentence of the split, and judged against that one as well."""

    is_paired = True

    def __init__(self) -> None:
        super().__init__(
            (*PROFILES[DEFAULT].entries, Entry(TokenAccuracy), Entry(CorpusBLEU)),
        )


class Transfer(Judging):
    """A sample is a sentence of the split rewritten in another of two styles, or of several.

    Test scores are joined by those of Zhao et al. (2018) for transferred text: accuracy by a
    classifier fitted on the training text, BLEU against the sources, and both perplexities of
    5-grams; and by means of accuracy and BLEU.
    """

    is_paired = True

    def of_test(self, data: Encoded) -> tuple[Entry, ...]:
        # Several processes validate, and none has all sentences in order; a half has not all.
        return (Entry(partial(_transfer_scores, data)), PERPLEXITY, REVERSE_PERPLEXITY)

    def rewritings(self, data: Encoded) -> dict[str, list[Sentence]]:
        """``copy``: the source as it is; ``other_style``: real sentences of the style to reach."""
        of_style = [cycle(sentences) for sentences in _by_style(data, "test")]
        targets = _tokens(data, "test").targets.tolist()
        return {
            "copy": data.sentences("test"),
            "other_style": [next(of_style[target]) for target in targets],
        }


def _tokens(data: Encoded, split: Split) -> TransferBatch:
    tokens = data.splits[split]
    assert isinstance(tokens, TransferBatch)
    return tokens


def _by_style(data: Encoded, split: Split) -> list[list[Sentence]]:
    """The sentences of each style."""
    texts: list[list[Sentence]] = [[] for _ in range(int(_tokens(data, split).labels.max()) + 1)]
    labels = _tokens(data, split).labels.tolist()
    for sentence, label in zip(data.sentences(split), labels, strict=True):
        texts[label].append(sentence)
    return texts


def _transfer_scores(data: Encoded) -> TransferScores:
    targets = _tokens(data, "test").targets.tolist()
    return TransferScores(style_classifier(*_by_style(data, "train")), targets)
