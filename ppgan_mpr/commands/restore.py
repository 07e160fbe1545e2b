"""The command ``mprnet``, which restores photographs and videos."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..ending_signals import ENDING, handled_by
from ..errors import UsageError
from ..file_names import shown
from ..version import __version__
from .flags import as_flags
from .inference_flags import add_restoration_flags, chosen_options
from .messages import show_messages
from .program import INTERRUPTED, run_program
from .progress import Progress, photo_bar
from .result_lines import JsonLines, Lines, report_results
from .task_choice import (
    add_task_flag,
    add_weights_flag,
    better_commands,
    check_task,
    make_predictor,
    task_steps,
)
from .video import (
    add_video_flags,
    check_video_options,
    plan_videos,
    restore_videos,
    split_videos,
)

if TYPE_CHECKING:
    from .comparisons import Targets

_EXIT = """exit code:
  0    every picture is restored, was restored earlier (--skip-existing), or was left alone by
       --task auto
  1    some picture failed or could not be compared (--compare), some folder could not be searched,
       or the output could not be written
  2    wrong usage: nothing was restored
  130  interrupted: finished pictures are complete"""


def build_parser() -> argparse.ArgumentParser:
    """The options of ``mprnet``; the ones that PaddleGAN also has come first."""
    from ..networks import networks

    titles = [spec.title for spec in networks()]
    parser = argparse.ArgumentParser(
        prog="mprnet",
        description="Restore photographs and videos with "
        f"{', '.join(titles[:-1])} and {titles[-1]}.",
        epilog=f"{_examples()}\n\n{_tasks()}\n\n{_EXIT}\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "images", nargs="*", metavar="IMAGE",
        help="pictures, videos, folders or globs; videos in folders are skipped",
    )  # fmt: skip
    add(
        "-i", "--input_image", nargs="+", default=[], metavar="IMAGE",
        help="the same as IMAGE without a flag",
    )  # fmt: skip
    add(
        "-o", "--output_path", default="output_dir", metavar="PATH",
        help="folder for the outputs, or the output file of a single picture or video "
        "(default: %(default)s)",
    )  # fmt: skip
    add_weights_flag(parser)
    add_task_flag(parser)
    add(
        "--right_image", nargs="+", default=[], metavar="IMAGE",
        help="right views, for tasks with two views; --input_image names the left ones",
    )  # fmt: skip
    add_restoration_flags(parser)
    add("--report", metavar="FILE", help="write how each picture was restored, as JSON")
    add(
        "--compare", action="store_true",
        help="also write comparison/NAME_comparison.jpg (before, after and a magnified detail) and "
        "a gallery, comparison/index.html",
    )  # fmt: skip
    add(
        "--target", metavar="PATH",
        help="for --compare: clean pictures with the same names, to show and score next to the "
        "results",
    )  # fmt: skip
    add(
        "--protocol", metavar="NAME",
        help="for --target: how to score; see mprnet-evaluate --list (default: gopro, the whole "
        "picture in RGB)",
    )  # fmt: skip
    add(
        "--json", action="store_true",
        help="print one JSON object per picture (as in --report) instead of a line of text",
    )  # fmt: skip
    add_video_flags(parser)
    add(
        "--dry-run", action="store_true",
        help="print what would be done (files, tiles, outputs, an estimate of time and memory) and "
        "exit; nothing is restored, downloaded or written",
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
        "--input_image holiday/ --task auto --model lite",
        f"--input_image scans/ --recursive --task {first} --skip-existing",
        f"--input_image clip.mp4 --task {first}",
    ]
    lines += [f"--input_image small.png --task {t.name} --scale 4" for t in known if t.enlarges]
    lines += [
        f"--input_image left.png --right_image right.png --task {t.name}"
        for t in known
        if t.views == 2
    ]
    lines.append("download --all DIR   (as mprnet-download: weights for use without internet)")
    return "examples:\n" + "\n".join(f"  mprnet {line}" for line in lines)


def _tasks() -> str:
    from ..networks import networks, tasks

    width = max(map(len, tasks()))
    lines = ["tasks:"]
    for task in tasks().values():
        titles = ", ".join(spec.title for spec in networks() if task in spec.tasks)
        lines.append(f"  {task.name:{width}}  {task.purpose} ({titles})")
    return "\n".join(lines)


def main(argv: list[str] | None = None, ready: Callable[[object], object] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name; default: ``sys.argv``.
        ready: called with the predictor as soon as it exists. Pass it only if the process ends
            after the command: the network of a single picture is then freed while the result is
            written.

    Returns:
        The exit code, see the end of ``mprnet --help``.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - open until the process ends
        elif hasattr(getattr(sys, name), "reconfigure"):  # file names may not fit its encoding
            getattr(sys, name).reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["download"]:  # to restore a folder of this name, type ./download
        from .download import main as download

        return download(arguments[1:])
    options = build_parser().parse_args(arguments)
    with show_messages(arguments):
        code = run_program(
            lambda: _run(options, ready),
            message=lambda error: shown(as_flags(error)),  # in one line
            prefix="mprnet",
            unwritable=1,
        )
    if code == INTERRUPTED:
        print("mprnet: interrupted; finished pictures are complete", file=sys.stderr)
    return code


def _run(arguments: argparse.Namespace, ready: Callable[[object], object] | None) -> int:
    if arguments.list:
        from .listing import print_models

        print_models()
        return 0
    return _restore(arguments, ready)


def _restore(arguments: argparse.Namespace, ready: Callable[[object], object] | None) -> int:
    from ..networks import tasks

    images = arguments.images + arguments.input_image
    if not images:
        example = next(iter(tasks()))
        raise UsageError(f"Name a picture: mprnet --input_image photo.jpg --task {example}")
    from ..apps.report import check_writable_report
    from ..apps.source_search import expand
    from ..apps.sources import may_need_isolation, unique
    from ..apps.views import pair_views
    from ..imaging import PhotoReader

    options = chosen_options(arguments)
    output_path = Path(os.path.expanduser(arguments.output_path))
    # Paths are checked before the network is loaded, so that typing mistakes show at once.
    passed_over: Counter[str] = Counter()
    sources = unique(expand(images, options.recursive, output_path, passed_over))
    if arguments.right_image:
        right = unique(expand(arguments.right_image, options.recursive, output_path))
        sources = pair_views(sources, right)
    sources, videos = split_videos(sources)
    check_video_options(arguments, sources, videos)
    check_task(arguments.task, sources, arguments.weight_path)
    if arguments.report:
        check_writable_report(arguments.report)
    lines = JsonLines() if arguments.json else Lines()
    if arguments.dry_run:
        from ..apps.plan import Plan
        from .dry_run import print_plan

        planner = make_predictor(
            arguments.task, output_path, arguments.weight_path, ask=False, options=options,
            dry_run=True,
        )  # fmt: skip
        if ready:
            ready(planner)
        plan = planner.plan(sources) if sources else Plan()
        if videos:
            of_videos = plan_videos(videos, output_path, planner, arguments)
            plan = Plan([*plan, *of_videos], of_videos.download, plan.memory, plan.devices)
        print_plan(plan, lines, passed_over)
        return 0
    targets = _targets(arguments)
    reader = PhotoReader(options.limits)
    isolated = len(sources) > 1 or options.read_timeout is not None
    if sources and (isolated or may_need_isolation(sources[0])):
        reader.start()  # it starts while the network is loaded
    bar = photo_bar(len(sources) + len(videos))
    progress = Progress(sources, bar, task_steps(arguments.task))
    predictor = make_predictor(
        arguments.task,
        output_path if sources else None,  # for pictures; restore_videos gets it as an argument
        arguments.weight_path,
        ask=not arguments.json,
        options=options,
        tile_progress=progress,
        reader=reader,
    )
    if ready:
        ready(predictor)
        # Freeing memory takes time. It is done while the only picture is written, so that nobody
        # waits for it.
        if len(sources) == task_steps(arguments.task) == 1 and not videos:
            progress.when_computed = predictor.release
    comparisons = None
    if arguments.compare and predictor.output_folder:
        from .comparisons import Comparisons

        comparisons = Comparisons(predictor.output_folder, targets)
    with _interrupt_as_event() as stop:
        restored = progress.watch(predictor.iterate(sources, stop)) if sources else iter(())
        results = itertools.chain(
            restored, restore_videos(videos, output_path, predictor, arguments, stop)
        )
        code, records = report_results(
            results, bar, lines, arguments.report, passed_over, comparisons
        )
        for command in better_commands(records, options, output_path):
            print(f"mprnet: better weights:  {shown(command)}", file=sys.stderr)
        if stop.is_set():
            raise KeyboardInterrupt
    return code


def _targets(arguments: argparse.Namespace) -> Targets | None:
    if not arguments.target:
        if arguments.protocol:
            raise UsageError("--protocol needs targets to score results with: give --target, too.")
        return None
    if not arguments.compare:
        raise UsageError("--target is for comparisons: give --compare, too.")
    from ..metrics import get_protocol
    from .comparisons import Targets

    return Targets(Path(arguments.target).expanduser(), get_protocol(arguments.protocol or "gopro"))


@contextlib.contextmanager
def _interrupt_as_event() -> Iterator[threading.Event]:
    """While the block runs, the first Ctrl-C, SIGTERM or SIGHUP sets an event.

    So finished pictures are still listed. A second signal ends the program at once.
    """
    event = threading.Event()

    def note(*_: object) -> None:
        event.set()
        for number in ENDING:
            if signal.getsignal(number) == note:
                again = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
                signal.signal(number, again)

    with handled_by(note):
        yield event


if __name__ == "__main__":
    sys.exit(main())
