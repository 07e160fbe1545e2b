"""A picture sheet of the best and the worst results of a validation."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..files import atomic_write
from ..imaging.samples import to_dtype
from . import processes

logger = logging.getLogger(__name__)

_SIDE = 240  # largest height and width of a picture on the sheet, in pixels
_LABEL = 20  # height of the line above each row


class _Row(NamedTuple):
    psnr: float
    name: str
    pictures: np.ndarray  # uint8 [height, 3 · width, 3]: input, restored and target


class Sheet:
    """Collects the pictures with the highest and the lowest PSNR.

    The PSNR is always that of the full frame in RGB.

    Args:
        count: number of best pictures, and number of worst pictures.
    """

    def __init__(self, count: int = 3) -> None:
        self._count = count
        self._rows: list[_Row] = []

    def add(
        self, name: str, degraded: np.ndarray, restored: np.ndarray, target: np.ndarray
    ) -> None:
        """Add a picture if it is among the best or worst; arrays are [H, W, 3] in [0, 1]."""
        error = float(np.mean((restored - target) ** 2))
        psnr = -10 * np.log10(error) if error > 0 else np.inf
        self._rows.append(_Row(psnr, name, _thumbnails(degraded, restored, target)))
        self._rows = self._extremes(self._rows)

    def write(self, path: Path) -> None:
        """Write the sheet as PNG; all processes call this together.

        If it cannot be written, a warning is logged.
        """
        rows = self._extremes(processes.gather(self._rows))
        if not rows or not processes.is_first():
            return
        width = max(row.pictures.shape[1] for row in rows)
        sheet = np.concatenate([_labelled(row, width) for row in reversed(rows)])
        try:
            _, data = cv2.imencode(".png", np.ascontiguousarray(sheet[:, :, ::-1]))
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as file:
                file.write(data.tobytes())
        except OSError as error:
            logger.warning("The sheet of pictures cannot be written: %s", error)

    def _extremes(self, rows: list[_Row]) -> list[_Row]:
        """The worst and the best rows, in ascending order."""
        rows = sorted(rows, key=lambda row: (row.psnr, row.name))
        if len(rows) <= 2 * self._count:
            return rows
        return rows[: self._count] + rows[-self._count :]


def _thumbnails(*pictures: np.ndarray) -> np.ndarray:
    """Join pictures [H, W, 3] in [0, 1] side by side in 8 bits, after shrinking large ones."""
    height, width = pictures[-1].shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in pictures]
    return to_dtype(np.concatenate(small, axis=1), np.uint8)


def _labelled(row: _Row, width: int) -> np.ndarray:
    """A row of the sheet on white, with its name and PSNR above."""
    height = row.pictures.shape[0]
    canvas = np.full((height + _LABEL, width, 3), 255, np.uint8)
    canvas[_LABEL:, : row.pictures.shape[1]] = row.pictures
    text = f"{row.psnr:.2f} dB  {row.name}"
    cv2.putText(canvas, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas
