"""Compare published scores with measured ones: ``mprnet-verify``, run from a checkout."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_mpr.commands.verify import main

if __name__ == "__main__":
    sys.exit(main())
