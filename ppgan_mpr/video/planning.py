"""Plans the restoration of a video from its header, without restoring it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ..apps.plan import PlanRecord
from ..apps.predictor import Predictor
from ..errors import RestorationError, UsageError
from .clip import inspect
from .destination import choose_destination
from .preparation import check_predictor, how_to_write, record_of


def plan_video(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    predictor: Predictor,
    *,
    codec: str | None = None,
    crf: int | None = None,
) -> PlanRecord:
    """Find out what :func:`~ppgan_mpr.video.restore_video` would do with a video.

    Nothing is restored or written. Memory is not estimated. The time is that of all frames, also
    if some of them were restored earlier.

    Args:
        source, output, predictor, codec, crf: see :func:`~ppgan_mpr.video.restore_video`.

    Raises:
        UsageError: see :func:`~ppgan_mpr.video.restore_video`.
    """
    source, output = Path(source), Path(output)
    check_predictor(predictor)
    record = PlanRecord(str(source), task=predictor.task)
    try:
        facts = inspect(source, predictor.options.limits)
        frame = predictor.plan_frame(*facts.shown_size)
        record = replace(frame, source=str(source), frames=facts.frames)
        wanted = record_of(source, predictor, codec, crf)
        place = choose_destination(source, output, predictor, wanted, dry_run=True)
        record = replace(record, output=str(place.path), warnings=place.remarks)
        if place.keep:
            return replace(record, skipped=True)
        encoding, copied = how_to_write(source, place.path, facts, predictor, codec, crf)
    except UsageError:
        raise
    except (RestorationError, OSError) as error:
        return replace(record, error=str(error))
    seconds = None
    if record.seconds is not None and facts.frames is not None:
        seconds = facts.frames * record.seconds
    warnings = record.warnings + encoding.warnings + copied.warnings
    return replace(record, seconds=seconds, warnings=warnings)
