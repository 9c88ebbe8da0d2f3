"""Every metric gives one score, however the samples are shared out between processes."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from torch import Tensor, distributed
from torch.multiprocessing.spawn import spawn
from torchmetrics import Metric, MetricCollection

from textgan_bench.functional.hashed_ngrams import HashedNGrams
from textgan_bench.metrics import (
    BLEU,
    FED,
    KID,
    CorpusBLEU,
    DistinctNGrams,
    Diversity,
    EffectiveNumber,
    LengthDistance,
    LMScore,
    NearestEmbedding,
    NearestNGram,
    NeighbourCoverage,
    NeighbourPrecision,
    NovelSentences,
    OracleNLL,
    ParseRate,
    Perplexity,
    ReverseLMScore,
    ReversePerplexity,
    SelfBLEU,
    TokenAccuracy,
)
from textgan_bench.metrics.language_models import RNN
from textgan_bench.tokens import TokenBatch, Vocabulary

ANIMALS = Path(__file__).parents[1] / "golden/animals.txt"
TEXT = [line.split() for line in ANIMALS.read_text(encoding="utf-8").splitlines()]
REFERENCES, SAMPLES, OTHERS = TEXT[:120], [*TEXT[120:250], [], TEXT[0], TEXT[0]], TEXT[250:]
TRAIN = [*OTHERS, *SAMPLES[:20]]  # so that some samples are copies
VOCABULARY = Vocabulary(("<pad>", *sorted({word for words in TEXT for word in words})))
SHARES = SAMPLES[:50], SAMPLES[50:]  # unequal


class UniformOracle:
    entropy, entropy_se, knows_lengths = 1.0, 0.0, False

    def log_prob(self, batch: TokenBatch) -> Tensor:
        return -batch.lengths * torch.tensor(len(VOCABULARY) - 1.0).log()


def all_metrics() -> dict[str, Metric]:
    return {
        "bleu": BLEU(REFERENCES),
        "bleu_skip": BLEU(REFERENCES, [1], "skip"),
        "self_bleu": SelfBLEU(),
        "lm_score": LMScore(REFERENCES, VOCABULARY),
        "reverse_lm": ReverseLMScore(REFERENCES, VOCABULARY),
        "fed": FED(REFERENCES, HashedNGrams.fit(OTHERS, dim=8)),
        "diversity": Diversity(),
        "oracle_nll": OracleNLL(UniformOracle(), VOCABULARY),
        "distinct": DistinctNGrams(),
        "novelty": NovelSentences(TRAIN),
        "lengths": LengthDistance(REFERENCES),
        "parse_rate": ParseRate(starts_early),
        "nearest_ngram": NearestNGram(TRAIN),
        "nearest_embedding": NearestEmbedding(TRAIN, HashedNGrams.fit(OTHERS, dim=8)),
        "perplexity": Perplexity(TRAIN, VOCABULARY),
        "reverse_perplexity": ReversePerplexity(REFERENCES, VOCABULARY),
        "kid": KID(REFERENCES, HashedNGrams.fit(OTHERS, dim=8)),
        "coverage": NeighbourCoverage(REFERENCES, HashedNGrams.fit(OTHERS, dim=8)),
        "precision": NeighbourPrecision(REFERENCES, HashedNGrams.fit(OTHERS, dim=8)),
        "number": EffectiveNumber(HashedNGrams.fit(OTHERS, dim=8)),
    }


def starts_early(words: list[str]) -> bool:
    return words[:1] < ["m"]


def paired_metrics() -> dict[str, Metric]:
    return {"token_accuracy": TokenAccuracy(), "corpus_bleu": CorpusBLEU()}


def paired(samples: list[list[str]]) -> dict[str, list[list[str]]]:
    """Samples with references that are a little longer."""
    return {"samples": samples, "references": [[*words, "."] for words in samples]}


def floats(scores: dict[str, Tensor]) -> dict[str, float]:
    return {key: float(value) for key, value in scores.items()}


pytestmark = pytest.mark.filterwarnings("ignore:the text is too small or too uniform")


@pytest.fixture(scope="module")
def expected() -> dict[str, float]:
    """Each metric alone, all samples at once."""
    scores: dict[str, float] = {}
    for metric in all_metrics().values():
        metric.update(SAMPLES)
        new = floats(metric.compute())
        assert not scores.keys() & new.keys()
        scores |= new
    return scores


@pytest.fixture(scope="module")
def paired_expected() -> dict[str, float]:
    scores: dict[str, float] = {}
    for metric in paired_metrics().values():
        metric.update(**paired(SAMPLES))
        scores |= floats(metric.compute())
    assert 0 < min(scores.values()) <= max(scores.values()) < 1
    return scores


def test_a_collection_keeps_keys_and_states_apart(expected: dict[str, float]) -> None:
    metrics = MetricCollection({**all_metrics()})
    for share in SHARES:
        metrics.update(samples=share)
    assert floats(metrics.compute()) == pytest.approx(expected, rel=1e-9)
    metrics.reset()
    metrics.update(samples=SAMPLES)
    assert floats(metrics.compute()) == pytest.approx(expected, rel=1e-9)


def test_merged_states_score_as_one(expected: dict[str, float]) -> None:
    scores: dict[str, float] = {}
    for metric, other in zip(all_metrics().values(), all_metrics().values(), strict=True):
        metric.update(SHARES[0])
        other.update(SHARES[1])
        metric.merge_state(other)
        scores |= floats(metric.compute())
    assert scores == pytest.approx(expected, rel=1e-9)


def test_merged_paired_states_score_as_one(paired_expected: dict[str, float]) -> None:
    first, second = (MetricCollection({**paired_metrics()}) for _ in SHARES)
    first.update(**paired(SHARES[0]))
    second.update(**paired(SHARES[1]))
    for name, metric in first.items(copy_state=True):
        metric.merge_state(second[name])
        for key, value in floats(metric.compute()).items():
            assert value == pytest.approx(paired_expected[key], rel=1e-12)


def score_share(rank: int, folder: str) -> None:
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2
    )
    metrics = MetricCollection({**all_metrics()})
    metrics.update(samples=SHARES[rank])
    aligned = MetricCollection({**paired_metrics()})
    aligned.update(**paired(SHARES[rank]))
    scores = floats(metrics.compute()) | floats(aligned.compute())
    torch.save(scores, Path(folder) / f"scores{rank}.pt")
    distributed.destroy_process_group()


def rnn_metrics() -> list[Metric]:
    return [
        Perplexity(TRAIN, VOCABULARY, RNN()),
        ReversePerplexity(REFERENCES, VOCABULARY, RNN()),
    ]


def score_share_by_networks(rank: int, folder: str) -> None:
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2
    )
    scores: dict[str, float] = {}
    for metric in rnn_metrics():
        metric.update(SHARES[rank])
        scores |= floats(metric.compute())
    torch.save(scores, Path(folder) / f"scores{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_train_the_network_of_one() -> None:
    """The samples of both in the order of the ranks, and a seed of its own: the same network."""
    whole: dict[str, float] = {}
    for metric in rnn_metrics():
        metric.update(SAMPLES)
        whole |= floats(metric.compute())
    with TemporaryDirectory() as folder:
        spawn(score_share_by_networks, (folder,), nprocs=2)
        for rank in range(2):
            scores = torch.load(Path(folder) / f"scores{rank}.pt")
            assert scores.keys() == {"perplexity/rnn", "reverse_perplexity/rnn"}
            assert scores == pytest.approx(whole, rel=1e-4)


@pytest.mark.slow
def test_two_processes_score_as_one(
    expected: dict[str, float], paired_expected: dict[str, float]
) -> None:
    with TemporaryDirectory() as folder:
        spawn(score_share, (folder,), nprocs=2)
        for rank in range(2):
            scores = torch.load(Path(folder) / f"scores{rank}.pt")
            assert scores == pytest.approx(expected | paired_expected, rel=1e-9)
