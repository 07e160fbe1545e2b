"""Restores photographs: the command ``mprnet``, also ``python applications/tools/mprnet.py``."""

from __future__ import annotations

import argparse
import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RestorationError, UsageError
from ..version import __version__
from .flags import as_flags
from .inference_flags import add_inference_flag

if TYPE_CHECKING:
    from tqdm import tqdm

    from ..apps.result import Result
    from .comparisons import Comparisons, Targets

# Options that have a flag of another form than --name VALUE.
_OWN_FORM = ("existing", "progress", "recursive", "suffix")
_EXIT = "exit code: 0 all restored, 1 some picture failed, 2 wrong usage"


def build_parser() -> argparse.ArgumentParser:
    """The options, PaddleGAN's first."""
    from ..inference.options import InferenceOptions
    from ..networks import networks

    titles = [spec.title for spec in networks()]
    parser = argparse.ArgumentParser(
        prog="mprnet",
        description=f"Restore photographs with {', '.join(titles[:-1])} and {titles[-1]}.",
        epilog=f"{_examples()}\n\n{_tasks()}\n\n{_EXIT}\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("images", nargs="*", metavar="IMAGE", help="the same as --input_image")
    add(
        "-i", "--input_image", nargs="+", default=[], metavar="IMAGE",
        help="files, folders or globs",
    )  # fmt: skip
    add(
        "-o", "--output_path", default="output_dir", metavar="PATH",
        help="folder for the outputs, or the output file of a single picture (default: "
        "%(default)s)",
    )  # fmt: skip
    add("--weight_path", metavar="FILE", help="your own weights (.pdparams, .pth, .safetensors)")
    add("-t", "--task", metavar="TASK", help="what to restore, see below")
    add(
        "--right_image", nargs="+", default=[], metavar="IMAGE",
        help="right views, for tasks with two; --input_image are the left ones",
    )  # fmt: skip
    add("--cpu", action="store_true", help="the same as --device cpu")
    groups: dict[str, Any] = {}
    for option in InferenceOptions.documented():
        details = option.metadata
        place: Any = parser
        if "group" in details:
            if details["group"] not in groups:
                groups[details["group"]] = parser.add_argument_group(details["group"])
            place = groups[details["group"]]
        if option.name not in _OWN_FORM:
            add_inference_flag(place, option)
    help_of = {option.name: option.metadata["help"] for option in InferenceOptions.documented()}
    add("-r", "--recursive", action="store_true", help=help_of["recursive"])
    add("--format", dest="suffix", metavar="FORMAT", help=help_of["suffix"])
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace earlier outputs")
    existing.add_argument("--skip-existing", action="store_true", help="keep earlier outputs")
    add("--report", metavar="FILE", help="write how each picture was restored, as JSON")
    add(
        "--compare", action="store_true",
        help="also write comparison/NAME_comparison.jpg (before, after, a detail magnified), and "
        "for several pictures a gallery, comparison/index.html",
    )  # fmt: skip
    add(
        "--target", metavar="PATH",
        help="for --compare: clean pictures of the same names, to show and score beside them",
    )  # fmt: skip
    add(
        "--protocol", metavar="NAME", default="gopro",
        help="for --target: how to score; see mprnet-evaluate --list (default: %(default)s, the "
        "whole picture in RGB)",
    )  # fmt: skip
    add("--list", action="store_true", help="list the weights and exit")
    add("--version", action="version", version=f"ppgan_mpr {__version__}")
    return parser


def _examples() -> str:
    from ..networks import tasks

    known = tasks().values()
    first = next(iter(known)).name
    lines = [
        f"--input_image photo.jpg --task {first}",
        f'--input_image "holiday/*.jpg" --task {first} --model lite',
        f"--input_image scans/ --recursive --task {first} --skip-existing",
    ]
    lines += [f"--input_image small.png --task {t.name} --scale 4" for t in known if t.enlarges]
    lines += [
        f"--input_image left.png --right_image right.png --task {t.name}"
        for t in known
        if t.views == 2
    ]
    return "examples:\n" + "\n".join(f"  mprnet {line}" for line in lines)


def _tasks() -> str:
    from ..networks import networks, tasks

    width = max(map(len, tasks()))
    lines = ["tasks:"]
    for task in tasks().values():
        titles = ", ".join(spec.title for spec in networks() if task in spec.tasks)
        lines.append(f"  {task.name:{width}}  {task.purpose} ({titles})")
    return "\n".join(lines)


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
    handler = _Warnings()
    logger = logging.getLogger("ppgan_mpr")
    logger.addHandler(handler)
    try:
        if options.list:
            print_models()
            return 0
        return _restore(options)
    except RestorationError as error:
        print(f"mprnet: {as_flags(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mprnet: interrupted; finished pictures are complete", file=sys.stderr)
        return 130
    except OSError as error:  # nobody reads the output, or it has no room
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"mprnet: {error.strerror or error}", file=sys.stderr)
        return 1
    finally:
        logger.removeHandler(handler)


class _Warnings(logging.Handler):
    """Prints the package's warnings in the command line's words."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        print(f"mprnet: {as_flags(record.getMessage())}", file=sys.stderr)


def _restore(arguments: argparse.Namespace) -> int:
    from ..networks import find_task, tasks

    images = arguments.images + arguments.input_image
    if not images:
        example = next(iter(tasks()))
        raise UsageError(f"Name a picture: mprnet --input_image photo.jpg --task {example}")
    from tqdm import tqdm

    from ..apps.predictor import Predictor
    from ..apps.result import check_writable_report
    from ..apps.sources import check_views, expand, pair_views, unique

    options = _options(arguments)
    output_path = Path(os.path.expanduser(arguments.output_path))
    # Paths are checked before the network is loaded: a typing mistake should not cost seconds.
    sources = unique(expand(images, options.recursive, output_path))
    if arguments.right_image:
        right = unique(expand(arguments.right_image, options.recursive, output_path))
        sources = pair_views(sources, right)
    if arguments.task:
        check_views(sources, find_task(arguments.task))
    if arguments.report:
        check_writable_report(arguments.report)
    targets = _targets(arguments)
    bar = tqdm(total=len(sources), unit="photo", disable=not sys.stderr.isatty())

    def show_tiles(name: str, done: int, total: int) -> None:
        if total > 1:
            bar.set_postfix_str(f"{Path(name).name}: tile {done} of {total}")

    predictor = Predictor(
        output_path,
        arguments.weight_path,
        task=arguments.task,
        options=options,
        tile_progress=show_tiles,
    )
    comparisons = None
    if arguments.compare:
        from .comparisons import Comparisons

        comparisons = Comparisons(predictor.output_folder, targets)
    with _InterruptAsEvent() as stop:
        code = _report(predictor.iterate(sources, stop), bar, arguments.report, comparisons)
        if stop.is_set():
            raise KeyboardInterrupt
    return code


def _targets(arguments: argparse.Namespace) -> Targets | None:
    if not arguments.target:
        return None
    if not arguments.compare:
        raise UsageError("--target shows pictures beside the results: give --compare too.")
    from ..metrics import get_protocol
    from .comparisons import Targets

    return Targets(Path(arguments.target).expanduser(), get_protocol(arguments.protocol))


class _InterruptAsEvent:
    """Inside its block the first Ctrl-C sets an event, so that finished pictures are listed.

    A second Ctrl-C interrupts at once.
    """

    def __enter__(self) -> threading.Event:
        self._event = threading.Event()
        self._main = threading.current_thread() is threading.main_thread()
        if self._main:  # only there may handlers be installed
            self._previous = signal.signal(signal.SIGINT, self._note)
        return self._event

    def __exit__(self, *_: object) -> None:
        if self._main:
            signal.signal(signal.SIGINT, self._previous)

    def _note(self, *_: object) -> None:
        self._event.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _options(arguments: argparse.Namespace) -> Any:
    from ..inference.options import InferenceOptions

    given = vars(arguments)
    if arguments.cpu and arguments.device not in ("auto", "cpu"):
        raise UsageError(f"--cpu contradicts --device {arguments.device}: give one of them.")
    names = [option.name for option in InferenceOptions.documented() if option.name in given]
    options = {name: given[name] for name in names}
    if arguments.cpu:
        options["device"] = "cpu"
    if arguments.overwrite or arguments.skip_existing:
        options["existing"] = "overwrite" if arguments.overwrite else "skip"
    return InferenceOptions(**options)


def _report(
    results: Iterable[Result], bar: tqdm, report: str | None, comparisons: Comparisons | None
) -> int:
    """Print each result and a summary; returns the exit code."""
    from ..apps.result import write_report

    started = time.perf_counter()
    restored = skipped = failed = incomplete = 0
    records = []
    try:
        with bar:
            for result in results:
                failed += not result.ok
                skipped += result.skipped
                restored += result.ok and not result.skipped
                records.append(result.record)
                with bar.external_write_mode(file=sys.stderr):
                    stream = sys.stdout if result.ok else sys.stderr
                    print(_line(result), file=stream, flush=True)
                    for warning in result.record.warnings:
                        text = as_flags(_shown(warning))
                        print(f"{_shown(result.source)}: {text}", file=sys.stderr)
                    if comparisons and not _compare(comparisons, result):
                        incomplete += 1
                bar.update()
        page = comparisons.finish("Before and after") if comparisons else None
        if page:
            print(f"gallery: {_shown(page)}")
    finally:
        if report:
            write_report(report, records)
    parts = [f"{restored} restored"]
    parts += [f"{skipped} skipped"] if skipped else []
    parts += [f"{failed} failed"] if failed else []
    print(f"{', '.join(parts)} in {time.perf_counter() - started:.1f} s")
    return 1 if failed or incomplete else 0


def _compare(comparisons: Comparisons, result: Result) -> bool:
    """Write and print a comparison; returns whether it could be made."""
    try:
        scores = comparisons.add(result)
    except (RestorationError, OSError) as error:
        print(f"{_shown(result.source)}: not compared: {_shown(error)}", file=sys.stderr)
        return False
    if scores:
        print(f"{_shown(result.source)}: {scores}", flush=True)
    return True


def _line(result: Result) -> str:
    source, output = _shown(result.source), _shown(result.output)
    if not result.ok:
        return f"{source}: failed: {as_flags(_shown(result.error))}"
    if result.skipped:
        return f"{source}: skipped, {output} exists"
    width, height = result.size or (0, 0)
    return f"{source} -> {output}  {width}x{height}  {result.seconds:.1f} s"


def _shown(text: object) -> str:
    """``text`` without the control characters that a file name may hold."""
    return re.sub(r"[\x00-\x1f\x7f]", lambda match: repr(match.group())[1:-1], str(text))


_LOCAL = {True: "--local", False: "--no-local"}


def print_models() -> None:
    """Print the known weights with their scores."""
    from ..networks import find_network, weights_records

    records = weights_records()
    print(
        "Fewer GMACs (thousand million multiply-adds for 256x256 pixels) are faster; more dB on\n"
        "the same test set, by the same [protocol], are better. Weights with an address are\n"
        "downloaded on first use.\n"
    )
    indent = max(len(record.name) for record in records) + 2
    for record in records:
        size = f"{record.parameters / 1e6:.1f} M parameters"
        work = f"{record.gmacs:.0f} GMACs" if record.gmacs else ""
        bring = "a file that you bring (--weight_path)"
        where = record.url or ("embedded" if record.resource else bring)
        title = find_network(record.network).title
        print(f"{record.name:{indent}}{title:10} {size:18} {work:10} {where}")
        for score in record.scores:
            ssim = "" if score.ssim is None else f" / {score.ssim:.4f}"
            local = "" if score.local == record.local else f" with {_LOCAL[score.local]}"
            print(
                f"{'':{indent}}{score.dataset}: {score.psnr:.2f} dB{ssim}{local}  "
                f"[{score.protocol}; {score.source}]"
            )
        if record.note:
            print(f"{'':{indent}}{record.note}")
        print(f"{'':{indent}}licence: {record.licence}")


if __name__ == "__main__":
    sys.exit(main())
