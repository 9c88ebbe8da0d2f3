"""Balanced brackets: of the words of two letters and length 2n, the Catalan number is balanced."""

from itertools import product
from math import comb

import pytest

from textgan_bench.metrics import ParseRate


def balanced(words: list[str]) -> bool:
    depth = 0
    for word in words:
        depth += 1 if word == "(" else -1
        if depth < 0:
            return False
    return depth == 0


@pytest.mark.parametrize("pairs", [0, 1, 3, 5])
def test_share_of_balanced_brackets(pairs: int) -> None:
    metric = ParseRate(balanced)
    metric.update([list(words) for words in product("()", repeat=2 * pairs)])
    catalan = comb(2 * pairs, pairs) / (pairs + 1)
    assert float(metric.compute()["parse_rate"]) == pytest.approx(catalan / 4**pairs)


def test_a_symbol_behind_a_blank_spoils_the_string_and_not_its_prefix() -> None:
    metric = ParseRate(balanced)
    metric.update(
        [
            ["(", ")"],
            ["(", ")", "<pad>", "<pad>"],
            ["(", ")", "<pad>", "(", ")"],
            ["(", "<pad>", ")"],
            ["<pad>", "(", ")"],
        ]
    )
    rates = {key: float(value) for key, value in metric.compute().items()}
    assert rates == {"parse_rate": 2 / 5, "prefix_parse_rate": 4 / 5}


def test_no_samples() -> None:
    metric = ParseRate(balanced)
    metric.update([])
    with pytest.raises(ValueError, match="at least one sample"):
        metric.compute()
