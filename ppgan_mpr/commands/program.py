"""How the running command was started, for its help and its messages."""

from __future__ import annotations

import sys
from pathlib import Path


def program_name() -> str:
    """The command as typed, such as ``mprnet-train`` or ``python tools/main.py``."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec is not None:
        return f"python -m {spec.name}"
    script = Path(sys.argv[0])
    return f"python {script}" if script.suffix == ".py" else script.stem
