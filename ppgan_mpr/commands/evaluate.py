"""The command ``mprnet-evaluate``: scores any method's restored pictures by a named protocol."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ..dependencies import cpu_count
from ..errors import UsageError
from ..file_names import shown
from ..metrics import PROTOCOLS, evaluate_folders, get_protocol
from ..metrics.scores import check_writable
from ..networks import weights_records
from .program import program_name, run_program

_EPILOG = """example:
  %(prog)s --restored results/GoPro --target data/GoPro/test/target \\
      --protocol gopro --output scores.json

exit code 0: scored; 1: the pictures cannot be scored; 2: an option is wrong
"""


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the options; wrong options end the program with exit code 2."""
    parser = argparse.ArgumentParser(
        prog=program_name(),
        description="Score restored pictures against their targets by a named protocol.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--restored", metavar="DIR", help="folder of restored pictures")
    parser.add_argument(
        "--target",
        metavar="DIR",
        help="folder of clean pictures with the same names; extensions do not count, nor does "
        "_restoration at the end of a restored picture's name",
    )
    parser.add_argument("--protocol", metavar="NAME", help="how to score; see --list")
    parser.add_argument(
        "--output",
        metavar="FILE",
        action="append",
        default=[],
        help="store the scores as .json or .csv; may be given more than once",
    )
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=int,
        default=cpu_count(),
        help="pictures scored concurrently (default: number of cores)",
    )
    parser.add_argument("--list", action="store_true", help="list the protocols and exit")
    args = parser.parse_args(argv)
    if not args.list:
        missing = [o for o in ("restored", "target", "protocol") if not getattr(args, o)]
        if missing:
            parser.error("these options are missing: " + ", ".join(f"--{o}" for o in missing))
        if args.jobs < 1:
            parser.error("--jobs must be at least 1")
    return args


def list_protocols() -> None:
    """Print every protocol with the scores published by it."""
    for protocol in PROTOCOLS.values():
        print(f"{protocol.name}: {protocol.description}")
        for record in weights_records():
            for score in record.scores:
                if score.protocol == protocol.name and score.source != "measured":
                    ssim = "" if score.ssim is None else f"  {score.ssim:.3f}"
                    network = f"{record.network} TLC" if score.local else record.network
                    print(
                        f"    {network:11} {score.dataset:22} {score.psnr:.2f} dB{ssim}"
                        f"  ({score.source})"
                    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    args = parse_args(argv)
    return run_program(
        lambda: _evaluate(args), failure=lambda error: 2 if isinstance(error, UsageError) else 1
    )


def _evaluate(args: argparse.Namespace) -> int:
    if args.list:
        list_protocols()
        return 0
    protocol = get_protocol(args.protocol)
    outputs = [check_writable(path) for path in args.output]
    table = evaluate_folders(
        args.restored, args.target, protocol, args.jobs, progress=sys.stderr.isatty()
    )
    print(*map(shown, str(table).split("\n")), sep="\n")
    for path in outputs:
        print(f"stored in {shown(table.save(path))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
