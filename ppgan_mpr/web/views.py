"""Full-size pictures in formats that browsers show."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from ..apps.display import before_and_after
from ..imaging.header import read_header
from .job import Job

# Formats that every current browser shows, by Pillow's names.
_SHOWN = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "BMP": "image/bmp",
}
_TURNED = ("JPEG", "MPO")  # formats whose orientation every browser applies


def view(job: Job, side: str) -> tuple[Path, str]:
    """A file for the browser and its media type; pictures in other formats become PNGs.

    Args:
        job: a job in the state ``done``.
        side: ``before`` or ``after``.

    Raises:
        ImageError: the picture cannot be read any more.
    """
    assert job.result is not None and job.result.output is not None
    own = job.upload if side == "before" else job.result.output
    media_type = _shown_as(own)
    if media_type:
        return own, media_type
    copy = job.folder / f"{side}.png"
    if not copy.exists():
        before, after = before_and_after(job.result)
        partial = job.folder / f"{side}.partial"
        (before if side == "before" else after).save(partial, "PNG", compress_level=1)
        partial.replace(copy)
    return copy, "image/png"


def _shown_as(path: Path) -> str | None:
    try:
        with Image.open(path) as image:
            name = image.format or ""
    except OSError:
        return None
    if name not in _TURNED and read_header(path).orientation != 1:
        return None
    return _SHOWN.get(name)
