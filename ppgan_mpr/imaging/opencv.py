"""OpenCV's codecs: PNG, pictures of 16 bits, and formats that Pillow cannot open."""

from __future__ import annotations

import functools
import threading
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import ImageError, MissingDependencyError

_LONGEST_SIDE = 1_000_000  # pixels; libpng refuses more


@functools.lru_cache(maxsize=1)
def load() -> ModuleType:
    """The module ``cv2``.

    Raises:
        MissingDependencyError: it cannot be loaded.
    """
    try:
        import cv2
    except MemoryError:
        raise
    except Exception as error:  # often opencv-python on a computer without a desktop
        reason = " ".join(str(error).split())
        raise MissingDependencyError(
            f"OpenCV cannot be loaded ({reason}): run  pip install --force-reinstall "
            "opencv-python-headless"
        ) from error
    return cv2


class _Quiet:
    """While any thread is in this context, OpenCV prints nothing: callers report its errors."""

    def __init__(self) -> None:
        self._lock, self._inside, self._level = threading.Lock(), 0, 0

    def __enter__(self) -> None:
        log = self._log()
        with self._lock:
            if not self._inside:
                self._level = log.getLogLevel()
                log.setLogLevel(0)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._log().setLogLevel(self._level)

    @staticmethod
    def _log() -> Any:
        cv2 = load()
        return getattr(cv2.utils, "logging", cv2)  # OpenCV 5 moved it


_QUIET = _Quiet()


def decode(data: bytes) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Decode a picture as it is stored, without applying orientation or changing bit depth.

    Returns:
        Pixels ``[H, W, 1 or 3]`` (RGB) and alpha ``[H, W]`` or None; None where OpenCV does not
        know the format or finds the data damaged.

    Raises:
        MissingDependencyError: see :func:`load`.
    """
    cv2 = load()
    with _QUIET:
        try:
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            return None
    if picture is None:
        return None
    if picture.ndim == 2:
        return picture[..., np.newaxis], None
    alpha = np.ascontiguousarray(picture[..., 3]) if picture.shape[2] == 4 else None
    return np.ascontiguousarray(picture[..., 2::-1]), alpha


def encode_png(
    samples: np.ndarray, level: int, strategy: int, choose_filters: bool = True
) -> memoryview:
    """A PNG of ``[H, W, C]`` uint8 or uint16: grey, RGB or RGBA for C = 1, 3, 4.

    Args:
        samples: the picture, in any byte order.
        level: of compression, 1 (fast) to 9 (small).
        strategy: of zlib, such as ``zlib.Z_RLE``.
        choose_filters: choose a filter for each row. If False, all rows get Paeth's filter;
            OpenCV before 4.12 cannot set it, and chooses one for each row all the same.

    Raises:
        ImageError: a side is longer than a million pixels.
        MemoryError: it does not fit into memory.
        MissingDependencyError: see :func:`load`.
    """
    cv2 = load()
    height, width, channels = samples.shape
    if max(height, width) > _LONGEST_SIDE:  # OpenCV would print several lines about it
        raise ImageError(f"a PNG side holds at most {_LONGEST_SIDE} pixels, choose .tif")
    # OpenCV ignores the byte order.
    samples = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    # With a level but no filter given, OpenCV lets libpng choose a filter for each row.
    options = [cv2.IMWRITE_PNG_COMPRESSION, level, cv2.IMWRITE_PNG_STRATEGY, strategy]
    if not choose_filters and hasattr(cv2, "IMWRITE_PNG_FILTER"):
        options += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_PAETH]
    with _QUIET:
        try:
            if channels > 1:
                to_bgr = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[channels]
                samples = cv2.cvtColor(samples, to_bgr)
            done, data = cv2.imencode(".png", samples, options)
        except cv2.error as error:
            if error.code == cv2.Error.StsNoMem:
                raise MemoryError from None
            raise
    if not done:  # such samples can be encoded, so only memory can be lacking
        raise MemoryError
    return memoryview(data.reshape(-1))
