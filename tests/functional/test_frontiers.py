"""Curves at equal diversity: areas by hand, errors against many sets of samples."""

import numpy as np
import pytest

from textgan_bench.functional.frontiers import (
    PLACES,
    Frontier,
    compare,
    envelope,
    frontier,
    mean_height,
    overlap,
)

KNOBS = np.linspace(0, 1, 6)


def line(slope: float, height: float, error: float = 0.0, seed: int = 0) -> Frontier:
    noise = np.random.default_rng(seed).normal(scale=error, size=(2, 200, len(KNOBS)))
    return Frontier(KNOBS, slope * KNOBS + height, noise[0] / 10, noise[1])


def test_where_a_curve_turns_back_its_better_part_counts() -> None:
    x, y = np.array([0.0, 2.0, 1.0]), np.array([0.0, 2.0, 4.0])
    places = np.array([-1.0, 0.0, 1.0, 1.5, 2.0])
    np.testing.assert_allclose(envelope(x, y, places, "↑"), [np.nan, 0, 4, 3, 2])
    np.testing.assert_allclose(envelope(x, y, places, "↓"), [np.nan, 0, 1, 1.5, 2])


def test_curves_that_cross_are_each_ahead_on_their_side() -> None:
    rising, flat = line(1.0, 0.0), line(0.0, 0.5)
    comparison = compare(rising, flat, "↑")
    assert comparison is not None
    assert comparison.distance == pytest.approx(0, abs=1e-12)
    assert comparison.ahead == comparison.behind == pytest.approx(0.5, abs=1 / PLACES)
    lower = compare(rising, line(1.0, 0.25), "↓")
    assert lower is not None
    assert lower.distance == pytest.approx(0.25)
    assert lower.ahead == 1


def test_the_area_is_over_what_both_reach() -> None:
    far = Frontier(KNOBS + 0.5, KNOBS, *np.zeros((2, 200, 6)))
    places = overlap([line(2.0, 0.0), far])
    assert places is not None
    assert (places[0], places[-1]) == (0.5, 1.0)
    mean, _ = mean_height(line(2.0, 0.0), places, "↑") or (np.nan, 0)
    assert mean == pytest.approx(1.5)
    comparison = compare(line(2.0, 0.0), far, "↑")
    assert comparison is not None
    assert comparison.distance == pytest.approx(1.5 - 0.25)
    apart = Frontier(KNOBS + 1, KNOBS, *np.zeros((2, 200, 6)))
    assert compare(line(1.0, 0.0), apart, "↑") is None


def test_the_error_is_that_of_other_sets_of_samples() -> None:
    """The deviation of the distance over curves that are drawn anew."""
    truth = KNOBS**2
    random = np.random.default_rng(3)

    def drawn(seed: int) -> Frontier:
        noise = random.normal(scale=0.02, size=len(KNOBS))
        spread = np.random.default_rng(seed).normal(scale=0.02, size=(200, len(KNOBS)))
        return Frontier(KNOBS, truth + noise, np.zeros_like(spread), spread)

    comparisons = [compare(drawn(2 * i), drawn(2 * i + 1), "↑") for i in range(200)]
    distances = [comparison.distance for comparison in comparisons if comparison is not None]
    errors = [comparison.error for comparison in comparisons if comparison is not None]
    assert np.std(distances) == pytest.approx(np.mean(errors), rel=0.2)
    # Neither is better: both are ahead by two standard errors at about a fortieth of the places.
    ahead = np.mean([comparison.ahead for comparison in comparisons if comparison is not None])
    assert 0.005 < ahead < 0.06


def test_a_curve_has_the_points_that_have_both_scores() -> None:
    points = [{"x": 0.0, "y": 1.0}, {"x": 1.0}, {"x": 2.0, "y": 3.0}]
    draws = [{"x": [0.1, -0.1], "y": [0.0, 0.0]}] * 3
    curve = frontier(points, draws, "x", "y")
    assert curve is not None
    assert curve.diversity.tolist() == [0, 2]
    assert curve.diversity_draws.tolist() == [[0.1, 0.1], [-0.1, -0.1]]
    assert frontier(points, [{}] * 3, "x", "y") is None
    assert frontier(points[:2], draws[:2], "x", "y") is None


def test_an_overlap_by_chance_compares_nothing() -> None:
    """Of four resamples one shares a diversity with the other curve."""
    shifts = np.array([[0.0], [-0.5], [-0.5], [-0.5]])
    one = Frontier(KNOBS, KNOBS, shifts + 0 * KNOBS, np.zeros((4, len(KNOBS))))
    right = KNOBS + float(np.ptp(KNOBS)) - 0.1
    other = Frontier(right, KNOBS, np.zeros((4, len(KNOBS))), np.zeros((4, len(KNOBS))))
    assert compare(one, other, "↑") is None
    places = overlap([one, other])
    assert places is not None
    assert mean_height(one, places, "↑") is None
    assert mean_height(other, places, "↑") is not None
