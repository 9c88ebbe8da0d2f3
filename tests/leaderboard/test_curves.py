"""Training curves are thinned, rounded, stored whole and refused where they are damaged."""

import json
import math
from pathlib import Path

import pytest

from tests.leaderboard.test_leaderboard import RUN
from textgan_bench.leaderboard import RecordError
from textgan_bench.leaderboard.curves import KEPT, curve_of, load_curve, store_curve, values_at


def test_a_curve_keeps_both_ends_and_what_tables_show(tmp_path: Path) -> None:
    validations = {
        10 * number: {"oracle_nll": 1 / (number + 3), "bleu_f/2": 0.5, "own": 1.0}
        for number in range(1, 1001)
    }
    curve = curve_of(RUN, validations)
    assert len(curve.batches) == KEPT
    assert (curve.batches[0], curve.batches[-1]) == (10, 10_000)
    gaps = {b - a for a, b in zip(curve.batches, curve.batches[1:], strict=False)}
    assert max(gaps) - min(gaps) <= 10, "evenly spread"
    assert list(curve.scores) == ["oracle_nll"], "BLEU of pairs has no column"
    assert curve.scores["oracle_nll"][-1] == 0.00099701
    path = store_curve(curve, tmp_path)
    assert path == tmp_path / "curves/hmm/nagan-quick-seed0-0123456789ab.json"
    assert load_curve(path) == curve
    assert path.stat().st_size < 2_000


def test_a_gap_stays_a_gap(tmp_path: Path) -> None:
    one = curve_of(RUN, {1: {"oracle_nll": math.nan}, 2: {"oracle_nll": 4.0}, 3: {"nll": 2.0}})
    assert one.scores == {"nll": [None, None, 2.0], "oracle_nll": [None, 4.0, None]}
    assert load_curve(store_curve(one, tmp_path)) == one
    other = curve_of(RUN, {2: {"oracle_nll": 5.0}, 4: {"oracle_nll": 6.0}})
    assert values_at([one, other], "oracle_nll") == {2: [4.0, 5.0], 4: [6.0]}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"batches": [2, 1]}, "its batches do not rise"),
        ({"batches": [1]}, "has 2 of 1 validations"),
        ({"scores": {"oracle_nll": ["<b>", 1.0]}}, "is '<b>'"),
        ({"scores": 3}, "holds no curve"),
        ({"data": "coco"}, "its content belongs to coco/"),
        ({"more": 1}, "holds no curve"),
    ],
)
def test_a_damaged_curve_is_refused(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    path = store_curve(curve_of(RUN, {1: {"oracle_nll": 2.0}, 2: {"oracle_nll": 1.0}}), tmp_path)
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | change), encoding="utf-8")
    with pytest.raises(RecordError, match=reason):
        load_curve(path)
