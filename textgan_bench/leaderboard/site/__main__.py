"""Write the page of a leaderboard: ``python -m textgan_bench.leaderboard.site [leaderboard]``."""

import sys
from pathlib import Path

from textgan_bench.errors import one_line, print_anything
from textgan_bench.leaderboard.records import ROOT
from textgan_bench.leaderboard.site import write


def main() -> None:
    """Write the page of the folder named on the command line."""
    print_anything()
    root = Path(sys.argv[1]) if sys.argv[1:] else ROOT
    if not root.is_dir():
        sys.exit(f"{root}: no such folder")
    try:
        path, left_out = write(root)
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")
    for name, reason in left_out:
        print(one_line(f"left out: {root / name}: {reason}"), file=sys.stderr)
    print(path)


if __name__ == "__main__":
    main()
