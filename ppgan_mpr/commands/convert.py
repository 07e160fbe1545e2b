"""Convert weights: mprnet-convert IN OUT

IN is a published .pdparams, a training checkpoint, a PyTorch .pth or a .safetensors file, or the
name of weights that mprnet --list shows as embedded or with an address. The suffix of OUT sets
the format.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..networks import find_task, tasks
from ..weights.conversion import convert
from .program import program_name, run_program


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code (0: done, 2: a mistake of the user)."""
    parser = argparse.ArgumentParser(
        prog=program_name(),
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", metavar="IN")
    parser.add_argument("target", metavar="OUT", help=".pdparams or .safetensors")
    parser.add_argument("--task", help=f"task of the weights: {', '.join(tasks())}")
    parser.add_argument("--scale", type=int, metavar="N",
                        help="enlargement factor (.safetensors only)")  # fmt: skip
    parser.add_argument("--torch-names", action="store_true",
                        help="name parameters as PyTorch does (.safetensors only)")  # fmt: skip
    parser.add_argument("--half", action="store_true", help="store float16 (.safetensors only)")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing OUT")
    options = parser.parse_args(argv)
    return run_program(lambda: _convert(options))


def _convert(options: argparse.Namespace) -> int:
    weights = convert(
        options.source, options.target, options.task, options.half, options.overwrite,
        options.scale, options.torch_names,
    )  # fmt: skip
    task = find_task(options.task).name if options.task else weights.task
    size = Path(options.target).stat().st_size
    print(
        f"{options.target}: {weights.network}, task {task or 'unknown'}, "
        f"{len(weights.tensors)} tensors, {size:,} bytes"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
