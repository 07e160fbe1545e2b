"""Restores the videos among the inputs of ``mprnet``."""

from __future__ import annotations

import argparse
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ImageError, RestorationError, UsageError
from .estimate import TimeLeft, duration
from .progress import LONG

if TYPE_CHECKING:
    from tqdm import tqdm

    from ..apps.plan import Plan
    from ..apps.result import Result
    from ..apps.sources import Source

logger = logging.getLogger(__name__)


def add_video_flags(parser: argparse.ArgumentParser) -> None:
    """Add the options that only apply to videos."""
    add = parser.add_argument_group("videos").add_argument
    add(
        "--codec", metavar="NAME",
        help="h264, hevc, vp9, av1, ffv1 (lossless), prores, mpeg4, … (default: as the input)",
    )  # fmt: skip
    add(
        "--crf", type=int, metavar="N",
        help="constant quality of the encoder; 0 is best (default: hardly any visible loss)",
    )  # fmt: skip


def split_videos(sources: Sequence[Source]) -> tuple[list[Source], list[Source]]:
    """Separate pictures from videos by their suffixes."""
    from ..imaging.formats import is_video_name

    videos = [s for s in sources if s.path is not None and is_video_name(s.path)]
    return [source for source in sources if source not in videos], videos


def check_video_options(
    arguments: argparse.Namespace, pictures: Sequence[Source], videos: Sequence[Source]
) -> None:
    """Check, before a network is loaded, that the options can be used with videos.

    Raises:
        UsageError: an option cannot be used with videos, or needs a video.
    """
    if not videos:
        for name in ("codec", "crf"):
            if getattr(arguments, name) is not None:
                raise UsageError(f"{name}= is for videos, but no input is a video: leave it out.")
        return
    from ..apps.task_names import is_auto
    from ..imaging.formats import is_video_name
    from ..video.encoding import find_encoder
    from ..video.preparation import AUTO_REFUSED, STAGES_REFUSED

    if is_auto(arguments.task):
        raise UsageError(AUTO_REFUSED)
    if arguments.stages:
        raise UsageError(STAGES_REFUSED)
    if arguments.codec is not None:
        find_encoder(arguments.codec)
    if arguments.right_image:
        raise UsageError("Videos have no right views: leave out right=.")
    if arguments.compare:
        raise UsageError("--compare does not support videos: leave it out.")
    if is_video_name(arguments.output_path) and len(videos) + len(pictures) > 1:
        raise UsageError(
            f"{arguments.output_path} names one video, but there are "
            f"{len(videos) + len(pictures)} inputs: name a folder."
        )


def plan_videos(
    videos: Sequence[Source], output_path: Path, predictor: Any, arguments: argparse.Namespace
) -> Plan:
    """Find out what :func:`restore_videos` would do; see there for the arguments."""
    from ..apps.plan import Plan, PlanRecord
    from ..video.planning import plan_video

    records, names = [], _Names()
    for source in videos:
        assert source.path is not None  # split_videos takes only sources with a path
        try:
            names.claim(source)
            records.append(
                plan_video(
                    source.path, output_path, predictor, codec=arguments.codec, crf=arguments.crf
                )
            )
        except ImageError as error:
            records.append(PlanRecord(source.name, error=str(error)))
    return Plan(records, predictor.download)


class _Names:
    """The names of videos, whose results go into one folder."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}

    def claim(self, source: Source) -> None:
        """Claim the name of a video.

        Raises:
            ImageError: another video has the same name.
        """
        assert source.path is not None
        owner = self._owners.setdefault(source.path.name.casefold(), source.name)
        if owner != source.name:
            raise ImageError(
                f"its result would overwrite that of {owner}: restore the two into different "
                "output folders"
            )


def restore_videos(
    videos: Sequence[Source],
    output_path: Path,
    predictor: Any,
    arguments: argparse.Namespace,
    stop: threading.Event,
) -> Iterator[Result]:
    """Restore videos one after another; if one fails, the others are still restored.

    Args:
        videos: the videos.
        output_path: see :func:`~ppgan_mpr.video.restore_video`.
        predictor: restores the frames.
        arguments: the command line, with ``codec`` and ``crf``.
        stop: when it is set, the iteration ends; finished parts are kept, and a warning says so.

    Yields:
        A result for each video.
    """
    if not videos:
        return
    from ..apps.batch import StoppedError
    from ..apps.result import Result
    from ..video import restore_video

    names = _Names()
    for source in videos:
        if stop.is_set():
            return
        assert source.path is not None  # split_videos takes only sources with a path
        bar = FrameProgress(source.path.name)
        try:
            names.claim(source)
            record = restore_video(
                source.path, output_path, predictor,
                codec=arguments.codec, crf=arguments.crf, progress=bar, stop=stop,
            )  # fmt: skip
        except StoppedError as error:
            logger.warning("%s: %s.", source.name, error)
            return
        except UsageError:
            raise
        except (RestorationError, OSError) as error:
            record = replace(predictor.common_record, source=source.name, error=str(error))
        except Exception as error:  # a bug, here or in a library, must not stop the other videos
            logger.debug("%s", source.name, exc_info=True)
            problem = f"unexpected {type(error).__name__}: {error}"
            record = replace(predictor.common_record, source=source.name, error=problem)
        finally:
            bar.close()
        yield Result(record, None, source)


class FrameProgress:
    """Shows the restored frames of a video: a bar on a terminal, else one line if it takes long.

    Args:
        name: name of the video.
        clock: returns seconds.
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic):
        self._name = name
        self._bar: tqdm | None = None
        self._left = TimeLeft({name: 1.0}, clock=clock)
        self._kept: int | None = None  # frames of an earlier run
        self._said = False

    def __call__(self, done: int, total: int | None) -> None:
        """Show progress; see :data:`~ppgan_mpr.video.restoration.Progress`."""
        if not sys.stderr.isatty():
            self._announce(done, total)
            return
        if self._bar is None:
            from tqdm import tqdm

            # A resumed video starts with the frames that were finished before.
            self._bar = tqdm(
                total=total, initial=done, unit="frame", desc=self._name, leave=False,
                position=1, file=sys.stderr,
            )  # fmt: skip
        self._bar.update(done - self._bar.n)

    def _announce(self, done: int, total: int | None) -> None:
        """Log the time left once, from the second restored frame on."""
        if self._kept is None:  # the first report
            self._kept = done if done > 1 else 0
        restored = done - self._kept
        if total is None or self._said or not restored:
            return
        seconds = self._left.note(self._name, min(done, total), total)
        # The first frame may include compiling the network.
        if restored > 1 and seconds is not None and seconds > LONG:
            self._said = True
            logger.info("about %s left for %s", duration(seconds), self._name)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
