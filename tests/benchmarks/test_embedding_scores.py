"""The table of scores of embeddings: its rank correlations, directions and controls."""

import random
from pathlib import Path

import pytest
from scipy.stats import spearmanr

from benchmarks.figures.embedding_scores import (
    SCORES,
    SHOWN,
    distance,
    ngram_samples,
    rank_correlation,
    table,
)
from textgan_bench.leaderboard.columns import column

ROOT = Path(__file__).parents[2]


def test_rank_correlations_are_those_of_scipy() -> None:
    generator = random.Random(0)
    for _ in range(20):
        xs, ys = ([float(generator.randrange(6)) for _ in range(12)] for _ in range(2))
        assert rank_correlation(xs, ys) == pytest.approx(spearmanr(xs, ys).statistic, abs=1e-12)
    assert rank_correlation([1.0, 1.0], [0.0, 2.0]) == 0


def test_a_distance_has_the_direction_of_its_column() -> None:
    assert distance(column("kid/usem3"), 0.2, real=0.5) == 0.2
    assert distance(column("knn_coverage/usem3"), 0.2, real=0.5) == -0.2
    assert distance(column("vendi/usem3"), 0.2, real=0.5) == pytest.approx(0.3)


def test_the_table_follows_the_reverse_lm_score(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    rows = ["real,half,3,0.0,0.9", "model,a,4,0.1,0.8", "model,b,5,0.2,0.7", "model,c,6,0.3,0.75"]
    rows += [f"control,{name},7,0.05,0.1" for name in SHOWN]
    path.write_text(
        "\n".join(["kind,text,reverse_lm/kn4,kid/usem3,knn_coverage/usem3", *rows]), "utf-8"
    )
    lines = table(path).splitlines()
    assert lines[2].startswith("| `reverse_lm/kn4` ↓ | 1.00 | 1.00 | 3.00 | 7.00 |")
    assert lines[3].startswith("| `kid/usem3` ↓ | 1.00 | -")
    assert lines[4].startswith("| `knn_coverage/usem3` ↑ | 0.50 | ")
    assert lines[-1] == "3 models, 3 controls, 2,500 captions each."


def test_the_committed_scores_have_every_control() -> None:
    text = (ROOT / SCORES).read_text(encoding="utf-8")
    assert all(f",{name}," in text for name in SHOWN)
    assert table(ROOT / SCORES).count("\n") > 10


def test_n_grams_are_those_of_the_text() -> None:
    text = [["a", "cat", "sat"], ["a", "dog", "ran"], ["a", "cat", "ran"]]
    found = ngram_samples(text, 2, 50, random.Random(0))
    assert {tuple(words) for words in found} <= {
        ("a", "cat", "sat"),
        ("a", "dog", "ran"),
        ("a", "cat", "ran"),
    }
    assert len(found) == 50
