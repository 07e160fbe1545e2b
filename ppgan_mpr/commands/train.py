"""The command ``mprnet-train``: trains or scores a network as a yaml file describes."""

from __future__ import annotations

import argparse
import logging
import re
import sys
import traceback
from collections.abc import Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..dependencies import require
from ..engine.config_files import find_config, packaged_configs, summary
from ..errors import RestorationError, UsageError
from .flags import as_flags
from .program import program_name, run_program

if TYPE_CHECKING:
    from ..engine.config import AttrDict
    from ..engine.scoring import Scorer
    from ..engine.trainer import Trainer

logger = logging.getLogger(__name__)

_EXAMPLES = """examples:
  %(prog)s -c mprnet_deblurring -o dataset.train.rgb_dir=data/mine
  %(prog)s -c mprnet_deblurring --resume auto
  %(prog)s -c mprnet_deblurring --evaluate-only --load iter_1000_weight.pdparams
several processes:
  python -m paddle.distributed.launch --nproc_per_node 4 PROGRAM -c ...
  where PROGRAM is the path of mprnet-train or tools/main.py
"""


class _ListConfigs(argparse.Action):
    """Print the configurations that come with the package, and exit."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        configs = packaged_configs()
        width = max(map(len, configs))
        for name, path in configs.items():
            print(f"{name:{width}}  {summary(path)}")
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog=program_name(),
        description="Train or score a network as a yaml file in PaddleGAN's format describes.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "-c",
        "--config-file",
        metavar="FILE",
        required=True,
        help="configuration of the run: a yaml file, or a name that --list-configs prints",
    )
    add(
        "--list-configs",
        action=_ListConfigs,
        nargs=0,
        help="list the configurations that come with the package and exit",
    )
    add(
        "-o",
        "--opt",
        metavar="KEY=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help="change options of the yaml, such as  dataset.train.batch_size=4",
    )
    add(
        "--resume",
        metavar="FILE|auto",
        help="continue a run from its checkpoint; auto: from the newest checkpoint of this "
        "configuration, or start a new run if there is none",
    )
    add(
        "--load",
        metavar="WEIGHTS",
        help="weights to start from or to score: a file, or a name that `mprnet --list` prints; "
        "with --resume auto they are used only if there is nothing to resume",
    )
    add("--evaluate-only", action="store_true", help="score the validation set, do not train")
    add(
        "--seed", type=int,
        help="random seed of weights, data order and augmentation (default: that of the yaml)",
    )  # fmt: skip
    add("--no-cuda", action="store_true", help="compute on the CPU")
    add("--amp", action="store_true", help="mixed precision (GPU)")
    add(
        "--amp_level", choices=("O1", "O2"),
        help="how much of the network runs in mixed precision (default O1)",
    )  # fmt: skip
    add(
        "-p",
        "--profiler_options",
        metavar="OPTIONS",
        help='profiler options, such as "batch_range=[10, 20]; profile_path=trace"',
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (0: done, 1: an error, 130: interrupted).

    Raises:
        SystemExit: a signal ended the training, which saved first; 143 for SIGTERM, 129 for SIGHUP.
    """
    args = build_parser().parse_args(argv)
    return run_program(lambda: run(args), failure=1, message=lambda error: _with_flags(str(error)))


def _with_flags(message: str) -> str:
    """A library message with this command's flags; yaml options stay as they are."""
    # This command has no option `model`, and lite weights fit only the lite configurations.
    message = re.sub(r", or use model='[^.]*", "", message)
    return as_flags(message, {"load": "--load", "resume": "--resume"})


def run(args: argparse.Namespace) -> int:
    """Train or score as the options say; returns the exit code 0.

    Nothing is written until the trainer of every process is built and has its weights.

    Raises:
        RestorationError: a mistake of the user.
        OSError: the output folder cannot be created or written.
    """
    if args.evaluate_only and not args.load:
        raise UsageError("--evaluate-only needs weights to score: name them with --load.")
    if args.evaluate_only and args.resume:
        raise UsageError("--evaluate-only scores the weights of --load: leave out --resume.")
    if args.resume and args.load and args.resume != "auto":
        raise UsageError(
            "--resume continues with the weights of its checkpoint: leave out --load, or use "
            "--resume auto, which uses --load only if there is nothing to resume."
        )
    if args.resume and args.seed is not None:
        raise UsageError("A resumed run keeps its own seed: leave out --seed.")
    file = find_config(args.config_file)
    require("paddle")
    from .. import plugin  # noqa: F401 - registers our classes in PaddleGAN
    from ..engine.config import load_config
    from ..engine.interrupt import Interrupt
    from ..engine.processes import wait_for_all
    from ..engine.session import (
        RunLog,
        check_same_checkpoint,
        choose_device,
        find_checkpoint,
        open_run_folder,
        store_config,
    )

    choose_device(args.no_cuda)
    with RunLog() as log:
        logger.info("Configuration: %s", file)
        seed = [] if args.seed is None else [f"seed={args.seed}"]
        cfg = load_config(file, [*args.opt, *seed])
        cfg.amp = cfg.amp or args.amp
        cfg.amp_level = args.amp_level or cfg.amp_level
        checkpoint = None
        if args.resume:
            checkpoint = find_checkpoint(args.resume, cfg.output_dir, file.stem)
            if checkpoint is None:
                logger.info("Nothing to resume in %s: this is a new run", cfg.output_dir)
        runner: Any = _build(cfg, args)
        with closing(runner):
            if args.resume:
                check_same_checkpoint(checkpoint)
            if checkpoint:
                runner.resume(checkpoint)
                if args.load:
                    logger.info("The run has its own weights: --load %s is ignored", args.load)
                cfg.seed = runner.state.seed
            elif args.load:
                runner.load(args.load)
            wait_for_all()
            # A signal ends scoring at once, but training only after it has saved.
            deferred = nullcontext() if args.evaluate_only else Interrupt()
            with deferred, open_run_folder(cfg, file.stem, checkpoint) as folder:
                runner.output_dir = str(folder)
                log.write_to(folder / "log.txt")
                logger.info("Output folder: %s", folder)
                store_config(cfg, folder)
                if args.evaluate_only:
                    runner.score()
                else:
                    runner.train()
    return 0


def _build(cfg: AttrDict, args: argparse.Namespace) -> Trainer | Scorer:
    """Build the trainer or the scorer; errors of Paddle and PaddleGAN become a UsageError."""
    from ..engine.scoring import Scorer
    from ..engine.trainer import Trainer

    try:
        if args.evaluate_only:
            return Scorer(cfg)
        return Trainer(cfg, args.profiler_options)
    except UsageError as error:
        sections = ("test",) if args.evaluate_only else ("train", "test")
        options = _options_of_folder(str(error), cfg, sections)
        if not options:
            raise
        raise UsageError(f"{' and '.join(options)}: {error}") from None
    except (RestorationError, OSError):
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        reason = " ".join(str(error).split())[:300]
        raise UsageError(
            f"{_what_failed(error, cfg)} cannot be built: {type(error).__name__}: {reason} "
            f"({Path(place.filename).name}, line {place.lineno})."
        ) from error


def _options_of_folder(message: str, cfg: AttrDict, sections: Sequence[str]) -> list[str]:
    """The yaml options whose value is the folder that a message begins with."""
    found = []
    for part in sections:
        section = cfg.dataset.get(part) or {}
        inner = "dataset." if "dataset" in section else ""  # the data set inside a RepeatDataset
        for key, value in section.get("dataset", section).items():
            folder = Path(value) if isinstance(value, str) and value else None
            if folder and message.startswith((f"{folder} ", f"{folder}/")):
                found.append(f"dataset.{part}.{inner}{key}")
    return found


def _what_failed(error: Exception, cfg: AttrDict) -> str:
    """What cannot be built, as the subject of a sentence.

    This is the network with its arguments if its constructor failed. Otherwise the part is not
    known, and the text only says "A part of the configuration".
    """
    from ..ppgan_compat import registry_table

    arguments = dict(cfg.model.generator)
    network = registry_table("GENERATORS").get(arguments.pop("name"))
    for frame, _ in traceback.walk_tb(error.__traceback__):
        inside = frame.f_code.co_name == "__init__" and frame.f_locals.get("self")
        if network and type(inside) is network:
            given = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
            return f"model.generator, {network.__name__}({given}),"
    return "A part of the configuration"


if __name__ == "__main__":
    sys.exit(main())
