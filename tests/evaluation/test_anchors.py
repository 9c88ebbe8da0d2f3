"""Whether an anchor or a run has the extra scores that its data are judged by."""

from types import SimpleNamespace
from typing import Any

import pytest

from textgan_bench.evaluation.anchors import has_extras


@pytest.mark.parametrize(
    ("scores", "left_out", "had"),
    [
        ({"fed/usem3": 0.1}, {}, True),
        ({}, {"fed/usem3": "it is inf"}, True),
        ({}, {"SemanticFED": "a covariance needs at least 2 samples, not 1"}, True),
        ({"fed/hash128": 0.1}, {"FED": "too few"}, False),
    ],
)
def test_a_score_that_was_refused_is_not_asked_for_again(
    scores: dict[str, float], left_out: dict[str, str], had: bool
) -> None:
    data: Any = SimpleNamespace(extras=("usem3",))
    record: Any = SimpleNamespace(scores=scores, left_out=left_out)
    assert has_extras(data, record) == had
