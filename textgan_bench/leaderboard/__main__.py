"""Render the tables of a leaderboard: ``python -m textgan_bench.leaderboard [leaderboard]``."""

import sys
from pathlib import Path

from textgan_bench.errors import print_anything
from textgan_bench.leaderboard.records import ROOT, RecordError
from textgan_bench.leaderboard.rendering import render


def main() -> None:
    """Render the tables of the folder named on the command line."""
    print_anything()
    root = Path(sys.argv[1]) if sys.argv[1:] else ROOT
    if not root.is_dir():
        sys.exit(f"{root}: no such folder")
    try:
        for path in render(root):
            print(path)
    except RecordError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")


if __name__ == "__main__":
    main()
