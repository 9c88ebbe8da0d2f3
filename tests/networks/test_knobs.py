import math

import pytest

from textgan_bench.networks.knobs import check_dropout, check_temperature


def test_the_ends_of_a_range_are_in_it() -> None:
    for temperature in (1e-3, 1.0, 1e3):
        check_temperature(temperature)
    for rate in (0.0, 0.999):
        check_dropout(rate)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0, 1e-300, 0.0, 1001.0])
def test_what_scores_cannot_be_divided_by_is_no_temperature(value: float) -> None:
    with pytest.raises(ValueError, match=f"from 0.001 to 1000, not {value}"):
        check_temperature(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.1, 1.0, 5.0])
def test_what_is_no_probability_or_leaves_nothing_is_no_dropout(value: float) -> None:
    with pytest.raises(ValueError, match=f"less than 1, not {value}"):
        check_dropout(value)
