"""Threads of OpenMP wait as the program or the user wants: what GNU's library itself reads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from textgan_bench.cli.openmp import CHOICES, SPIN_COUNT

LIBRARY = Path(torch.__file__).parent / "lib/libgomp.so.1"
# The library as torch loads it, after the program has started and before any command.
PROGRAM = f"""
import contextlib, ctypes, sys
from textgan_bench.cli.main import main
sys.argv = ["textgan_bench", "--help"]
with contextlib.suppress(SystemExit):
    main()
assert "torch" not in sys.modules
ctypes.CDLL({str(LIBRARY)!r})
"""


@pytest.mark.skipif(not LIBRARY.exists(), reason="torch has brought another library of OpenMP")
@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        ({}, SPIN_COUNT),
        ({"GOMP_SPINCOUNT": "", "OMP_WAIT_POLICY": ""}, SPIN_COUNT),
        ({"GOMP_SPINCOUNT": "5"}, "5"),
        ({"OMP_WAIT_POLICY": "passive"}, "0"),
        ({"OMP_WAIT_POLICY": "active"}, "30000000000"),
    ],
)
def test_threads_spin_shortly_unless_the_user_has_chosen(
    chosen: dict[str, str], count: str
) -> None:
    others = {name: value for name, value in os.environ.items() if name not in CHOICES}
    environment = others | {"OMP_DISPLAY_ENV": "verbose"} | chosen
    program = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=True)
    assert f"GOMP_SPINCOUNT = '{count}'" in done.stderr
