"""Train or score a model, with PaddleGAN's options.

python -u tools/main.py --config-file configs/mprnet_deblurring.yaml
python -u tools/main.py -c configs/mprnet_deblurring.yaml --evaluate-only --load WEIGHTS
python -m paddle.distributed.launch --nproc_per_node 4 tools/main.py -c CONFIG
"""

from __future__ import annotations

import argparse
import copy
import sys
import traceback
from pathlib import Path

from ..dependencies import require
from ..errors import RestorationError, UsageError


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Train or score MPRNet with PaddleGAN's Trainer.")
    add = parser.add_argument
    add("-c", "--config-file", metavar="FILE", required=True, help="yaml that describes the run")
    add(
        "-o",
        "--opt",
        metavar="KEY=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help="change options of the yaml, such as  dataset.train.batch_size=4",
    )
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        "--resume",
        metavar="FILE|auto",
        help="continue a run from its checkpoint; auto: the newest of this configuration",
    )
    start.add_argument(
        "--load",
        metavar="WEIGHTS",
        help="start from, or score, these weights: a file or a name such as published:Deblurring",
    )
    add("--evaluate-only", action="store_true", help="score the validation set, do not train")
    add("--seed", type=int, help="of weights, data order and augmentation (default: the yaml's)")
    add("--no-cuda", action="store_true", help="compute on the CPU")
    add("--amp", action="store_true", help="mixed precision (GPU)")
    add("--amp_level", choices=("O1", "O2"), help="how much of the network (default O1)")
    add(
        "-p",
        "--profiler_options",
        metavar="OPTIONS",
        help='profile iterations, such as "batch_range=[10, 20]; profile_path=trace"',
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    try:
        run(args)
    except RestorationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:  # an output folder that cannot be written, a full disk
        print(f"error: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def run(args: argparse.Namespace) -> None:
    require("paddle")
    from .. import plugin  # noqa: F401 - registers our classes in PaddleGAN
    from ..engine.config import load_config
    from ..engine.session import (
        choose_device,
        find_checkpoint,
        is_first_process,
        open_log,
        run_folder,
        store_config,
    )
    from ..engine.trainer import Trainer

    if args.evaluate_only and args.resume:
        raise UsageError("--evaluate-only scores weights: name them with --load, not --resume.")
    if args.evaluate_only and not args.load:
        raise UsageError("--evaluate-only scores weights: name them with --load.")
    if args.resume and args.seed is not None:
        raise UsageError("A resumed run goes on with its own seed: leave out --seed.")
    choose_device(args.no_cuda)
    seed = [] if args.seed is None else [f"seed={args.seed}"]
    cfg = load_config(args.config_file, [*args.opt, *seed])
    cfg.is_train = not args.evaluate_only
    cfg.profiler_options = args.profiler_options
    cfg.amp = cfg.amp or args.amp
    cfg.amp_level = args.amp_level or cfg.amp_level

    name = Path(args.config_file).stem
    checkpoint = args.resume and find_checkpoint(args.resume, cfg.output_dir, name)
    folder = checkpoint.parent if checkpoint else run_folder(cfg.output_dir, name)
    cfg.output_dir = str(folder)
    open_log(folder)
    stored = copy.deepcopy(cfg)  # the Trainer takes some options out

    trainer = _build(Trainer, cfg, folder / "log.txt")
    try:
        if checkpoint:
            trainer.resume(checkpoint)
            stored.seed = cfg.seed
        elif args.load:
            trainer.load(args.load)
        if is_first_process():
            store_config(stored, folder)
        if args.evaluate_only:
            trainer.test()
        else:
            trainer.train()
    finally:
        trainer.close()


def _build(trainer_class, cfg, log: Path):
    """A trainer; what Paddle and PaddleGAN raise for an impossible value becomes a sentence."""
    try:
        return trainer_class(cfg)
    except (RestorationError, OSError):
        raise
    except Exception as error:
        if log.exists():  # in the first process
            with log.open("a", encoding="utf-8") as file:
                traceback.print_exc(file=file)
        told = " ".join(str(error).split())[:300]
        raise UsageError(
            f"What the configuration describes cannot be built: {type(error).__name__}: {told} "
            f"(more in {log})"
        ) from None


if __name__ == "__main__":
    sys.exit(main())
