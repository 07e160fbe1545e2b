"""The command line: ``mprnet``, also ``python applications/tools/mprnet.py``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from ..errors import RestorationError, UsageError
from ..tasks import TASKS
from ..version import __version__
from ..weights import CATALOGUE, MODELS

FORMATS = ("png", "jpg", "tif", "webp", "avif", "bmp")

_EPILOG = """\
examples:
  mprnet --input_image photo.jpg --task Deblurring
  mprnet --input_image "rainy/*.jpg" --task Deraining --model lite
  mprnet --input_image scans/ --recursive --task Denoising --skip-existing

tasks:
  Deblurring   motion blur: a moving camera or subject (not focus, not low resolution)
  Denoising    grain and colour noise of real cameras
  Deraining    streaks of falling rain

exit code: 0 all restored, 1 some picture failed, 2 wrong usage
"""


def build_parser() -> argparse.ArgumentParser:
    """The options, PaddleGAN's first."""
    parser = argparse.ArgumentParser(
        prog="mprnet",
        description="Restore blurred, noisy or rainy photographs with MPRNet.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("images", nargs="*", metavar="IMAGE", help="the same as --input_image")
    add(
        "-i", "--input_image", nargs="+", default=[], metavar="IMAGE",
        help="files, folders or globs",
    )  # fmt: skip
    add("-o", "--output_path", default="output_dir", metavar="DIR", help="default: %(default)s")
    add("--weight_path", metavar="FILE", help="your own weights (.pdparams, .pth, .safetensors)")
    add("-t", "--task", metavar="TASK", help=f"one of {', '.join(TASKS)}")
    add("--cpu", action="store_true", help="the same as --device cpu")
    add(
        "-m", "--model", choices=MODELS, default="published",
        help="published: PaddleGAN's weights, downloaded once; lite: small embedded ones, faster "
        "and weaker (default: %(default)s)",
    )  # fmt: skip
    add("--device", default="auto", metavar="NAME", help="auto, cpu, gpu or gpu:N")
    add("-r", "--recursive", action="store_true", help="search sub-folders")
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace earlier outputs")
    existing.add_argument("--skip-existing", action="store_true", help="keep earlier outputs")
    add("--format", choices=FORMATS, help="of the outputs (default: that of the input)")
    add("--quality", type=int, default=95, metavar="N", help="of JPEG, 1-100 (default: 95)")
    add(
        "-j", "--jobs", type=int, default=1, metavar="N",
        help="pictures in work at once: reading and writing overlap with computing (default: 1)",
    )  # fmt: skip
    add("--list", action="store_true", help="list the models and exit")
    add("--version", action="version", version=f"ppgan_mpr {__version__}")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name; default: ``sys.argv``.

    Returns:
        0 when every picture was restored, 1 when some failed, 2 for wrong usage.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # file names may hold what the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    options = build_parser().parse_args(argv)
    try:
        if options.list:
            print_models()
            return 0
        return _restore(options)
    except RestorationError as error:
        print(f"mprnet: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mprnet: interrupted; finished pictures are complete", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _restore(options: argparse.Namespace) -> int:
    images = options.images + options.input_image
    if not images:
        raise UsageError("Name a picture: mprnet --input_image photo.jpg --task Deblurring")
    if options.cpu and options.device not in ("auto", "cpu"):
        raise UsageError(f"--cpu contradicts --device {options.device}: give one of them.")
    from .predictor import MPRPredictor
    from .sources import expand

    output_path = Path(options.output_path).expanduser()
    # Paths are checked before the network is loaded: a typing mistake should not cost seconds.
    sources = expand(images, options.recursive, output_path)
    existing = "overwrite" if options.overwrite else "skip" if options.skip_existing else "error"
    predictor = MPRPredictor(
        output_path,
        options.weight_path,
        task=options.task,
        model=options.model,
        device="cpu" if options.cpu else options.device,
        existing=existing,
        suffix=f".{options.format}" if options.format else None,
        quality=options.quality,
        jobs=options.jobs,
    )
    return _report(predictor.iterate(sources), len(sources))


def _report(results: Iterable, total: int) -> int:
    """Print each result and a summary; returns the exit code."""
    from tqdm import tqdm

    started = time.perf_counter()
    restored = skipped = failed = 0
    show_bar = sys.stderr.isatty() and total > 1
    with tqdm(total=total, unit="photo", disable=not show_bar, dynamic_ncols=True) as bar:
        for result in results:
            failed += not result.ok
            skipped += result.skipped
            restored += result.ok and not result.skipped
            with bar.external_write_mode(file=sys.stderr):
                stream = sys.stdout if result.ok else sys.stderr
                print(_line(result), file=stream, flush=True)
            bar.update()
    parts = [f"{restored} restored"]
    parts += [f"{skipped} skipped"] if skipped else []
    parts += [f"{failed} failed"] if failed else []
    print(f"{', '.join(parts)} in {time.perf_counter() - started:.1f} s")
    return 1 if failed else 0


def _line(result) -> str:
    if not result.ok:
        return f"{result.source}: failed: {result.error}"
    if result.skipped:
        return f"{result.source}: skipped, {result.output} exists"
    width, height = result.size
    return f"{result.source} -> {result.output}  {width}x{height}  {result.seconds:.1f} s"


def print_models() -> None:
    """Print the catalogue of weights with their scores."""
    for record in CATALOGUE:
        size = f"{record.parameters / 1e6:.1f} M parameters"
        where = record.url or ("embedded" if record.resource else "use --weight_path")
        print(f"{record.model:10} {record.task:11} {size:21} {where}")
        for score in record.scores:
            ssim = "" if score.ssim is None else f" / {score.ssim:.4f}"
            print(
                f"{'':22} {score.dataset}: {score.psnr:.2f} dB{ssim}  "
                f"[{score.protocol}; {score.source}]"
            )
        if record.note:
            print(f"{'':22} {record.note}")
        print(f"{'':22} licence: {record.licence}")


if __name__ == "__main__":
    sys.exit(main())
