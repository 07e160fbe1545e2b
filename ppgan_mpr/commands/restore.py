"""The command line: ``mprnet``, also ``python applications/tools/mprnet.py``."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from ..errors import RestorationError, UsageError
from ..inference.backends import BACKENDS, PRECISIONS
from ..networks.tasks import NETWORK_TASKS
from ..version import __version__
from ..weights import CATALOGUE, MODELS

# Options that the predictor takes under the same names.
_INFERENCE = (
    "backend", "precision", "threads", "memory", "tile", "overlap", "local", "ensemble"
)  # fmt: skip

FORMATS = ("png", "jpg", "tif", "webp", "avif", "bmp")

_EPILOG = """\
examples:
  mprnet --input_image photo.jpg --task Deblurring
  mprnet --input_image "rainy/*.jpg" --task Deraining --model lite
  mprnet --input_image scans/ --recursive --task Denoising --skip-existing

  mprnet --input_image evening.jpg --task LowLight
  mprnet --input_image small.png --task SuperResolution --scale 4
  mprnet --input_image left.png --right_image right.png --task DualPixelDeblurring

tasks:
  Deblurring           motion blur: a moving camera or subject (not focus, not low resolution)
  Denoising            grain and colour noise of real cameras
  Deraining            streaks of falling rain
 of MIRNet-v2 (and MIRNet, with weights of your own):
  RealDenoising        noise of smartphone cameras
  LowLight             pictures taken with too little light
  Retouching           colours and contrast as a photographer would set them
  SuperResolution      pictures of low resolution, enlarged 2, 3 or 4 times
  DualPixelDeblurring  defocus, from the two views of a dual-pixel camera

exit code: 0 all restored, 1 some picture failed, 2 wrong usage
"""


def build_parser() -> argparse.ArgumentParser:
    """The options, PaddleGAN's first."""
    parser = argparse.ArgumentParser(
        prog="mprnet",
        description="Restore photographs with MPRNet, MIRNet and MIRNet-v2.",
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
    add("-t", "--task", metavar="TASK", help="what to restore, see below")
    add(
        "-n", "--network", type=str.lower, choices=[name.lower() for name in NETWORK_TASKS],
        help="default: the one that has published weights for the task",
    )  # fmt: skip
    add("--scale", type=int, metavar="N", help="SuperResolution: how many times to enlarge")
    add(
        "--right_image", nargs="+", default=[], metavar="IMAGE",
        help="DualPixelDeblurring: the right views, --input_image being the left ones",
    )  # fmt: skip
    add("--cpu", action="store_true", help="the same as --device cpu")
    add(
        "-m", "--model", choices=MODELS, default="published",
        help="published: downloaded once; lite: small embedded weights for MPRNet's tasks, faster "
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
    speed = parser.add_argument_group("speed and memory")
    add = speed.add_argument
    add(
        "--backend", choices=BACKENDS, default="auto",
        help="what runs the network (default: the fastest that is installed)",
    )  # fmt: skip
    add(
        "--precision", choices=PRECISIONS, default="auto",
        help="auto: bf16 where the processor computes in it, else f32",
    )  # fmt: skip
    add("--threads", type=int, metavar="N", help="CPU threads (default: all cores)")
    add(
        "--memory", metavar="SIZE",
        help="what the network may work in, such as 800M or 1.5G; larger pictures are restored "
        "in tiles (default: half of what is free, 600M at most)",
    )  # fmt: skip
    add(
        "--tile",
        type=int,
        metavar="N",
        help="longest side of a tile (default: what fits; "
        "the smaller, the further the result moves away from that for the whole photo)",
    )
    add(
        "--overlap",
        type=int,
        metavar="N",
        help="of tiles, in pixels, or a little more (default: 32)",
    )
    quality = parser.add_argument_group("better and slower")
    add = quality.add_argument
    add(
        "--local", action="store_true",
        help="attention over windows of the size seen in training (TLC), for large pictures",
    )  # fmt: skip
    add("--ensemble", action="store_true", help="average over eight flips and rotations")
    add = parser.add_argument
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
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - as long as the process
        elif hasattr(getattr(sys, name), "reconfigure"):  # names may hold what it cannot show
            getattr(sys, name).reconfigure(errors="backslashreplace")
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
    except OSError as error:  # nobody reads the output, or it has no room
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"mprnet: {error.strerror or error}", file=sys.stderr)
        return 1


def _restore(options: argparse.Namespace) -> int:
    images = options.images + options.input_image
    if not images:
        raise UsageError("Name a picture: mprnet --input_image photo.jpg --task Deblurring")
    if options.cpu and options.device not in ("auto", "cpu"):
        raise UsageError(f"--cpu contradicts --device {options.device}: give one of them.")
    from tqdm import tqdm

    from ..apps.predictor import Predictor
    from ..apps.sources import expand, pair_views

    output_path = Path(os.path.expanduser(options.output_path))
    # Paths are checked before the network is loaded: a typing mistake should not cost seconds.
    sources = expand(images, options.recursive, output_path)
    if options.right_image:
        right = expand(options.right_image, options.recursive, output_path)
        sources = pair_views(sources, right)
    existing = "overwrite" if options.overwrite else "skip" if options.skip_existing else "error"
    bar = tqdm(total=len(sources), unit="photo", disable=not sys.stderr.isatty())

    def show_tiles(name: str, done: int, total: int) -> None:
        if total > 1:
            bar.set_postfix_str(f"{Path(name).name}: tile {done} of {total}")

    predictor = Predictor(
        output_path,
        options.weight_path,
        task=options.task,
        network=options.network,
        scale=options.scale,
        model=options.model,
        device="cpu" if options.cpu else options.device,
        existing=existing,
        suffix=f".{options.format}" if options.format else None,
        quality=options.quality,
        jobs=options.jobs,
        tile_progress=show_tiles,
        **{name: getattr(options, name) for name in _INFERENCE},
    )
    return _report(predictor.iterate(sources), bar)


def _report(results: Iterable, bar) -> int:
    """Print each result and a summary; returns the exit code."""
    started = time.perf_counter()
    restored = skipped = failed = 0
    with bar:
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
    source, output = _shown(result.source), _shown(result.output)
    if not result.ok:
        return f"{source}: failed: {_shown(result.error)}"
    if result.skipped:
        return f"{source}: skipped, {output} exists"
    width, height = result.size
    return f"{source} -> {output}  {width}x{height}  {result.seconds:.1f} s"


def _shown(text) -> str:
    """``text`` without the control characters that a file name may hold."""
    return re.sub(r"[\x00-\x1f\x7f]", lambda match: repr(match.group())[1:-1], str(text))


def print_models() -> None:
    """Print the catalogue of weights with their scores."""
    for record in CATALOGUE:
        size = f"{record.parameters / 1e6:.1f} M parameters"
        where = record.url or ("embedded" if record.resource else "use --weight_path")
        print(f"{record.name:33} {record.network:8} {size:17} {where}")
        for score in record.scores:
            ssim = "" if score.ssim is None else f" / {score.ssim:.4f}"
            print(
                f"{'':33} {score.dataset}: {score.psnr:.2f} dB{ssim}  "
                f"[{score.protocol}; {score.source}]"
            )
        if record.note:
            print(f"{'':33} {record.note}")
        print(f"{'':33} licence: {record.licence}")


if __name__ == "__main__":
    sys.exit(main())
