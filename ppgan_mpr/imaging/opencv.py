"""OpenCV's decoder, for what Pillow reduces to 8 bits or cannot open."""

from __future__ import annotations

import threading

import numpy as np

_LOG_LEVEL = threading.Lock()  # it is OpenCV's, not the thread's


def decode(data: bytes) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Decode a picture as it is stored: no orientation, no change of depth.

    Returns:
        Pixels ``[H, W, 1 or 3]`` (RGB) and alpha ``[H, W]`` or None; None where OpenCV does not
        know the format or finds the data damaged.
    """
    import cv2

    log = getattr(cv2.utils, "logging", cv2)  # OpenCV 5 moved it
    with _LOG_LEVEL:
        level = log.getLogLevel()
        log.setLogLevel(0)  # what went wrong is told by an exception, not by lines on the terminal
        try:
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            return None
        finally:
            log.setLogLevel(level)
    if picture is None:
        return None
    if picture.ndim == 2:
        return picture[..., np.newaxis], None
    alpha = np.ascontiguousarray(picture[..., 3]) if picture.shape[2] == 4 else None
    return np.ascontiguousarray(picture[..., 2::-1]), alpha
