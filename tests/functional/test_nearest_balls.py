"""Precision, recall, density and coverage against the papers' formulas, and where those fail."""

from math import comb

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from benchmarks.speed.work import work
from textgan_bench.functional import nearest_balls
from textgan_bench.functional.nearest_balls import Balls, coverage

K = 5


def normal(n: int, seed: int, shift: float = 0.0, dim: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return shift + torch.randn(n, dim, generator=generator, dtype=torch.float64)


def ours(samples: Tensor, references: Tensor) -> dict[str, float]:
    shares = coverage(Balls.around(samples, K), Balls.around(references, K))
    return {name: float(value) for name, value in shares._asdict().items()}


def of_the_papers(samples: Tensor, references: Tensor) -> dict[str, float]:
    """As in the package prdc: open balls, k for what each one holds; written from the formulas."""

    def radii(points: Tensor) -> np.ndarray:
        tree = NearestNeighbors(n_neighbors=K + 1).fit(points)  # a point is its own nearest
        return tree.kneighbors(points)[0][:, K]

    distances = torch.cdist(references, samples).numpy()  # (N, M)
    in_real = distances < radii(references)[:, None]
    in_sample = distances < radii(samples)[None]
    return {
        "precision": in_real.any(0).mean(),
        "recall": in_sample.any(1).mean(),
        "density": in_real.sum(0).mean() / K,
        "coverage": in_real.any(1).mean(),
    }


@pytest.mark.parametrize("cells", [1, 1000, 2**22])
@pytest.mark.parametrize("far", [0.0, 1000.0])
def test_equals_the_papers_where_no_distances_are_equal(
    cells: int, far: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearest_balls, "CELLS", cells)
    samples, references = normal(150, 0, far + 0.7), normal(120, 1, far)
    expected = of_the_papers(samples, references)
    assert 0.1 < min(expected.values()) < max(expected.values()) < 1
    assert ours(samples, references) == pytest.approx(expected, rel=1e-12)


def test_a_copy_of_repeated_sentences_is_perfect_here_and_nothing_in_the_papers() -> None:
    text = normal(30, 0).repeat(K + 2, 1)
    shuffled = text[torch.randperm(len(text), generator=torch.Generator().manual_seed(0))]
    assert set(of_the_papers(shuffled, text).values()) == {0.0}
    found = ours(shuffled, text)
    assert found["precision"] == found["recall"] == found["coverage"] == 1
    assert found["density"] == pytest.approx((K + 2) / (K + 1))  # a ball has itself, here, too


def test_a_copy_in_other_digits_is_a_copy() -> None:
    """Encoders in float32 move a vector by rounding when it comes in another batch."""
    text = torch.nn.functional.normalize(normal(40, 0, dim=16)).repeat(K + 2, 1)
    moved = text * (1 + 1e-7 * normal(len(text), 1, dim=1)).float()
    assert set(list(ours(moved.double(), text).values())[:2]) == {1.0}
    assert ours(moved.double(), text)["coverage"] == 1


def test_one_point_only_is_a_copy_of_itself() -> None:
    text = torch.full((20, 4), 0.1, dtype=torch.float64)
    assert ours(text[:10], text)["coverage"] == 1


def test_the_expectations_of_the_same_distribution() -> None:
    """Density 1; coverage 1 - C(2N - k - 1, N) / C(2N - 1, N) (Naeem et al., lemma 2)."""
    n, repeats = 100, 150
    found = [ours(normal(n, 2 * i), normal(n, 2 * i + 1)) for i in range(repeats)]
    lemma = 1 - comb(2 * n - K - 1, n) / comb(2 * n - 1, n)
    for key, expected in (("density", 1), ("coverage", lemma)):
        values = np.array([each[key] for each in found])
        assert abs(values.mean() - expected) < 4 * values.std() / repeats**0.5


def test_density_of_repeated_points_is_near_one_where_the_papers_have_none() -> None:
    generator = torch.Generator().manual_seed(0)
    points, papers, found = normal(12, 0), [], []
    for _ in range(60):
        samples, references = (
            points[torch.randint(12, (150,), generator=generator)] for _ in range(2)
        )
        papers.append(of_the_papers(samples, references)["density"])
        found.append(ours(samples, references)["density"])
    assert np.mean(papers) < 0.1
    assert 1 < np.mean(found) < 1 + 1 / K


def test_a_collapse_recalls_little() -> None:
    references = normal(600, 0)
    collapsed = normal(600, 1)[:12].repeat(50, 1)
    assert ours(normal(600, 2), references)["recall"] > 0.9
    assert ours(collapsed, references)["recall"] == 0
    assert ours(collapsed, references)["coverage"] < 0.2


@pytest.mark.slow
def test_memory_is_bounded_at_20_000_by_20_000() -> None:
    points = normal(20_000, 0, dim=4)
    # A whole matrix of distances has 3.2 GB, a block 32 MB.
    assert work(lambda: coverage(Balls.around(points, K), Balls.around(points, K))).peak < 2e8
