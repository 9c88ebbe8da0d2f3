"""``python -m textgan_bench fit | test | bench | data | sample | interpolate | …``."""

import sys

from textgan_bench.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
