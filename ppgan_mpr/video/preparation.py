"""Decides how a video is restored and written, before any frame is restored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ..apps.predictor import Predictor
from ..apps.result import ResultRecord
from ..errors import UsageError
from ..imaging.reduce import reduced_size
from ..networks import find_task
from .clip import ClipFacts
from .encoding import Encoding, choose_encoding
from .muxing import Copied, check_container, container_of

# The command line prints these messages before it loads a network.
AUTO_REFUSED = (
    "task='auto' chooses a task for each picture, but all frames of a video need the same task: "
    "name the task."
)
STAGES_REFUSED = "stages=True writes pictures of all stages: leave it out for videos."


def check_predictor(predictor: Any) -> None:
    """Check that a predictor can restore frames of a video.

    Raises:
        UsageError: it cannot.
    """
    if not isinstance(predictor, Predictor):
        raise UsageError(AUTO_REFUSED)
    names = predictor.task.split("+")
    if any(find_task(name).views > 1 for name in names):
        raise UsageError(f"task={predictor.task!r} takes two views, but a video has one.")
    if predictor.options.stages:
        raise UsageError(STAGES_REFUSED)


def record_of(
    source: Path, predictor: Predictor, codec: str | None, crf: int | None
) -> ResultRecord:
    """How a video is going to be restored, for the manifest.

    Args:
        source: the video.
        predictor: restores the frames.
        codec, crf: see :func:`.restoration.restore_video`.
    """
    record = replace(predictor.common_record, source=str(source))
    chosen = {name: value for name, value in record.options.items() if name != "quality"}
    return replace(record, options={**chosen, "codec": codec, "crf": crf})


def how_to_write(
    source: Path,
    output: Path,
    facts: ClipFacts,
    predictor: Predictor,
    codec: str | None,
    crf: int | None,
) -> tuple[Encoding, Copied]:
    """Choose the encoder, and check that the container holds all streams.

    Args:
        source: the video.
        output: the result.
        facts: the properties of the source.
        predictor: restores the frames.
        codec, crf: see :func:`.restoration.restore_video`.

    Raises:
        UsageError, ImageError: see :func:`.encoding.choose_encoding` and
            :func:`.muxing.check_container`.
    """
    options = predictor.options
    width, height = reduced_size(*facts.shown_size, options.max_size)
    encoding = choose_encoding(
        facts,
        (predictor.scale * width, predictor.scale * height),
        container_of(output),
        codec,
        crf,
        options.allow_loss,
    )
    copied = check_container(source, output, encoding, options.limits, options.allow_loss)
    return encoding, copied
