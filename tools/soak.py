"""Attack the program with damaged files, faults and load: see ``tests/soak``."""

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT / "tests" / "helpers"))
sys.path.insert(0, str(_ROOT / "tests" / "soak"))
sys.path.insert(0, str(_ROOT))

from soak_main import main

if __name__ == "__main__":
    sys.exit(main())
