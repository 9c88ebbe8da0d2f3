"""Scores of embeddings against their functions, on copies, collapses and refused sizes."""

import random
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import polynomial_kernel
from torch import Tensor
from torchmetrics import MetricCollection

from textgan_bench.evaluation.scores import score_chunks
from textgan_bench.functional import nearest_balls
from textgan_bench.functional.hashed_ngrams import HashedNGrams
from textgan_bench.metrics import (
    KID,
    MAUVE,
    EffectiveNumber,
    NeighbourCoverage,
    NeighbourPrecision,
    embeddings,
    fed,
)
from textgan_bench.metrics.inputs import TextMetric

ANIMALS = Path(__file__).parents[1] / "golden/animals.txt"
TEXT = [line.split() for line in ANIMALS.read_text(encoding="utf-8").splitlines()]
REFERENCES, REAL, OTHERS = TEXT[:120], TEXT[120:240], TEXT[240:]
HASHED = HashedNGrams.fit(OTHERS, dim=8)
WORDS = [word for words in OTHERS for word in words]
RANDOM = [random.Random(i).choices(WORDS, k=len(words)) for i, words in enumerate(REAL)]
COLLAPSED = REAL[:4] * 30


class Vectors:
    """Each sentence is one number, the row of a table."""

    name = "vectors"

    def __init__(self, table: Tensor) -> None:
        self.table = table

    def __call__(self, sentences: Sequence[Sequence[str]]) -> Tensor:
        rows = [int(words[0]) for words in sentences if words]
        return self.table[torch.tensor(rows, dtype=torch.int64)]


def numbered(start: int, stop: int) -> list[list[str]]:
    return [[str(number)] for number in range(start, stop)]


def scores(metric: TextMetric, samples: Sequence[Sequence[str]]) -> dict[str, float]:
    metric.reset()
    metric.update(samples)
    return {key.partition("/")[0]: float(value) for key, value in metric.compute().items()}


def test_the_kernel_of_kid_takes_embeddings_of_mean_square_one() -> None:
    table = 5 * torch.randn(70, 9, generator=torch.Generator().manual_seed(0))
    metric = KID(numbered(0, 40), Vectors(table))
    metric.update(numbered(40, 50))
    metric.update(numbered(50, 70))
    x, y = table[40:].double().numpy(), table[:40].double().numpy()
    scale = (y**2).sum(1).mean()
    xx, yy, xy = (polynomial_kernel(a, b, gamma=1 / scale) for a, b in ((x, x), (y, y), (x, y)))
    for kernel in (xx, yy):
        np.fill_diagonal(kernel, 0)
    expected = xx.sum() / (30 * 29) + yy.sum() / (40 * 39) - 2 * xy.mean()
    found = metric.compute()
    assert list(found) == ["kid/vectors", "kid_se/vectors"]
    assert float(found["kid/vectors"]) == pytest.approx(expected, rel=1e-10)


def test_each_tells_real_text_from_broken_text() -> None:
    kid, cover, precision, number = (
        KID(REFERENCES, HASHED),
        NeighbourCoverage(REFERENCES, HASHED),
        NeighbourPrecision(REFERENCES, HASHED),
        EffectiveNumber(HASHED),
    )
    real, noise, collapse = (scores(kid, text) for text in (REAL, RANDOM, COLLAPSED))
    assert abs(real["kid"]) < 4 * real["kid_se"]
    assert min(noise["kid"], collapse["kid"]) > 4 * real["kid_se"]
    real, noise, collapse = (scores(cover, text) for text in (REAL, RANDOM, COLLAPSED))
    assert real["knn_coverage"] > noise["knn_coverage"] + 0.1
    assert noise["knn_coverage"] > 2 * collapse["knn_coverage"]
    real, collapse = (scores(precision, text) for text in (REAL, COLLAPSED))
    assert collapse["knn_recall"] < 0.2 < real["knn_recall"]
    real, collapse = (scores(number, text) for text in (REAL, COLLAPSED))
    assert 1 <= collapse["rke"] <= collapse["vendi"] <= 4 + 1e-9 < real["vendi"] <= 8


def test_a_copy_is_perfect_however_often_it_repeats() -> None:
    text = REFERENCES[:20] * 8
    assert scores(NeighbourCoverage(text, HASHED), text)["knn_coverage"] == 1
    found = scores(NeighbourPrecision(text, HASHED), text)
    assert found["knn_precision"] == found["knn_recall"] == 1
    assert 1 <= found["knn_density"] < 1.2
    assert scores(KID(text, HASHED), text)["kid"] < 0  # nearer than other real text


def test_pieces_are_embedded_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = [
        KID(REFERENCES, HASHED),
        NeighbourCoverage(REFERENCES, HASHED),
        NeighbourPrecision(REFERENCES, HASHED),
    ]
    for metric in (*metrics, EffectiveNumber(HASHED)):
        whole = scores(metric, REAL)
        monkeypatch.setattr(fed, "CHUNK", 7)
        assert scores(metric, REAL) == pytest.approx(whole, rel=1e-9)
        monkeypatch.undo()


@pytest.mark.parametrize("rows", [1, 7, 256])
def test_coverage_forgets_no_ball_that_is_asked_for_later(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against all distances at once, where a ball that holds a sample is not passed over."""
    monkeypatch.setattr(nearest_balls, "ROWS", rows)
    metric = NeighbourCoverage(REFERENCES, HASHED)
    expected = nearest_balls.coverage(
        *(nearest_balls.Balls.around(HASHED(text), 5) for text in (RANDOM, REFERENCES))
    ).coverage
    for start in range(0, len(RANDOM), 50):
        metric.update(RANDOM[start : start + 50])
    assert 0.1 < expected < 0.9
    assert metric.compute()["knn_coverage/hash8"] == expected


def test_few_references_leave_coverage_out_and_nothing_else() -> None:
    metrics = MetricCollection([NeighbourCoverage(REFERENCES[:5], HASHED), EffectiveNumber(HASHED)])
    found, left_out = score_chunks(metrics, [REAL])
    assert set(found) == {"vendi/hash8", "rke/hash8"}
    reason = "NeighbourCoverage needs at least 6 references, not 5"
    assert left_out == {"NeighbourCoverage": reason}


def test_empty_sentences_have_a_direction_of_their_own() -> None:
    class Zeros:
        name = "zeros"

        def __call__(self, sentences: Sequence[Sequence[str]]) -> Tensor:
            return torch.tensor([[float(len(words)), 0.0] for words in sentences])

    found = scores(EffectiveNumber(Zeros()), [["a"], [], ["a", "b"], []])
    assert found["vendi"] == found["rke"] == pytest.approx(2)


@pytest.mark.parametrize(
    ("make", "least"), [(KID, 3), (NeighbourPrecision, embeddings.NEIGHBOURS + 1)]
)
def test_needs_sentences_on_both_sides(make: Any, least: int) -> None:
    with pytest.raises(ValueError, match=f"at least {least} references, not 2"):
        make(REFERENCES[:2], HASHED)
    metric = make(REFERENCES, HASHED)
    metric.update(REAL[:2])
    with pytest.raises(ValueError, match=f"at least {least} samples, not 2"):
        metric.compute()
    number = EffectiveNumber(HASHED)
    number.update([])
    with pytest.raises(ValueError, match="needs at least one"):
        number.compute()


def test_references_that_are_all_zero_have_no_kernel() -> None:
    with pytest.raises(ValueError, match="vectors maps all references to zero"):
        KID(numbered(0, 5), Vectors(torch.zeros(5, 2)))


def test_mauve_is_the_mean_over_seeds_of_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def compute_mauve(**given: Any) -> SimpleNamespace:
        asked.append(given)
        return SimpleNamespace(mauve=0.5 + given["seed"] / 100)

    package = ModuleType("mauve")
    monkeypatch.setattr(package, "compute_mauve", compute_mauve, raising=False)
    monkeypatch.setitem(sys.modules, "mauve", package)
    metric = MAUVE(REFERENCES, HASHED)
    metric.update(REAL[:50])
    metric.update(REAL[50:])
    assert float(metric.compute()["mauve/hash8"]) == pytest.approx(0.52)
    assert [given["seed"] for given in asked] == [0, 1, 2, 3, 4]
    for given in asked:
        np.testing.assert_array_equal(given["p_features"], HASHED(REFERENCES).numpy())
        np.testing.assert_array_equal(given["q_features"], HASHED(REAL).numpy())


def test_without_its_package_mauve_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mauve", None)
    with pytest.raises(ValueError, match=r"textgan_bench\[mauve\]") as error:
        MAUVE(REFERENCES, HASHED)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_mauve_puts_text_in_order() -> None:
    pytest.importorskip("mauve", reason="needs the packages of the extra [mauve]")
    metric = MAUVE(REFERENCES, HASHED)
    copy, real, noise = (scores(metric, text)["mauve"] for text in (REFERENCES, REAL, RANDOM))
    assert copy == pytest.approx(1, abs=1e-6)
    assert 1 >= real > noise >= 0
