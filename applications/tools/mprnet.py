"""Restore photographs: python applications/tools/mprnet.py --input_image a.jpg --task Deblurring

This is the console command ``mprnet``, run from a checkout.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_mpr.commands.mprnet import main

if __name__ == "__main__":
    try:
        sys.exit(main())
    except ModuleNotFoundError as error:
        print(f"mprnet: {error.name} is not installed: run  pip install '.[cpu]'", file=sys.stderr)
        sys.exit(2)
