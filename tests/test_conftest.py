"""How the tests themselves run."""

from types import SimpleNamespace

import pytest


@pytest.mark.parametrize(
    ("chosen", "alone"),
    [
        ({}, False),
        ({"markexpr": "slow"}, False),
        ({"capture": "no"}, True),  # pytest -s
        ({"markexpr": "gpu"}, True),
    ],
)
def test_tests_share_the_processors_unless_they_print_or_time_a_gpu(
    chosen: dict[str, str],
    alone: bool,
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "3")
    options = {"capture": "fd", "markexpr": "", "numprocesses": "auto", **chosen}
    config = SimpleNamespace(option=SimpleNamespace(**options))

    workers = pytestconfig.hook.pytest_xdist_auto_num_workers(config=config)

    assert workers == (0 if alone else 3)
