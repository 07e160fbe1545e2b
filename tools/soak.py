"""Stress the program with damaged files, faults and load; see ``tests/soak``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "helpers"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "soak"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from soak_main import main

if __name__ == "__main__":
    sys.exit(main())
